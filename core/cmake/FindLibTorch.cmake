# Finds LibTorch without its own package file, which demands a CUDA toolkit even for CPU use.
#
# Looks in FGM_LIBTORCH, then CMAKE_PREFIX_PATH, then the cache that launch/scripts/setup fills
# ($FGM_HOME or ~/.cache/fgm). A root is the folder that holds lib/, include/ and share/.
# Sets FGM_CUDA (ON or OFF) when it was not given, and makes LibTorch::LibTorch.
include(FindPackageHandleStandardArgs)

set(FGM_TORCH_VERSION 2.11.0)
set(FGM_LIBTORCH "" CACHE PATH "LibTorch folder (with lib/ and include/) to use instead of the cached one")
if(DEFINED ENV{FGM_HOME})
  set(_fgm_home "$ENV{FGM_HOME}")
else()
  set(_fgm_home "$ENV{HOME}/.cache/fgm")
endif()

set(_torch_hints)
if(FGM_LIBTORCH)
  list(APPEND _torch_hints "${FGM_LIBTORCH}")
else()
  list(APPEND _torch_hints ${CMAKE_PREFIX_PATH})
  if(DEFINED FGM_CUDA AND FGM_CUDA)
    list(APPEND _torch_hints "${_fgm_home}/libtorch-${FGM_TORCH_VERSION}-cuda/torch")
  elseif(DEFINED FGM_CUDA)
    list(APPEND _torch_hints "${_fgm_home}/libtorch-${FGM_TORCH_VERSION}-cpu/torch"
                             "${_fgm_home}/libtorch-${FGM_TORCH_VERSION}-cuda/torch")
  else()
    list(APPEND _torch_hints "${_fgm_home}/libtorch-${FGM_TORCH_VERSION}-cuda/torch"
                             "${_fgm_home}/libtorch-${FGM_TORCH_VERSION}-cpu/torch")
  endif()
endif()

find_path(LibTorch_ROOT NAMES include/ATen/ATen.h HINTS ${_torch_hints} NO_DEFAULT_PATH)
if(LibTorch_ROOT AND EXISTS "${LibTorch_ROOT}/include/torch/headeronly/version.h")
  foreach(_part MAJOR MINOR PATCH)
    file(STRINGS "${LibTorch_ROOT}/include/torch/headeronly/version.h" _line REGEX "define TORCH_VERSION_${_part} ")
    string(REGEX MATCH "[0-9]+$" _number "${_line}")
    list(APPEND _version ${_number})
  endforeach()
  list(JOIN _version "." LibTorch_VERSION)
endif()

find_package_handle_standard_args(LibTorch
  REQUIRED_VARS LibTorch_ROOT VERSION_VAR LibTorch_VERSION
  REASON_FAILURE_MESSAGE "run launch/scripts/setup, or pass -DFGM_LIBTORCH=/path/to/libtorch")

find_package(CUDAToolkit QUIET)
if(NOT DEFINED FGM_CUDA)
  if(CUDAToolkit_FOUND AND EXISTS "${LibTorch_ROOT}/lib/libtorch_cuda.so")
    set(FGM_CUDA ON)
  else()
    set(FGM_CUDA OFF)
  endif()
endif()
set(FGM_CUDA ${FGM_CUDA} CACHE BOOL "Build the CUDA and NCCL parts")
if(FGM_CUDA AND NOT CUDAToolkit_FOUND)
  message(FATAL_ERROR "FGM_CUDA=ON needs the CUDA toolkit (13.0); none was found. Use -DFGM_CUDA=OFF for a CPU build.")
endif()

if(LibTorch_FOUND AND NOT TARGET LibTorch::LibTorch)
  add_library(LibTorch::LibTorch INTERFACE IMPORTED)
  # -idirafter: LibTorch ships its own fmt and nlohmann-json; the system's, which spdlog was built with, come first.
  target_compile_options(LibTorch::LibTorch INTERFACE
    "SHELL:-idirafter ${LibTorch_ROOT}/include" "SHELL:-idirafter ${LibTorch_ROOT}/include/torch/csrc/api/include")
  set(_torch_lib "${LibTorch_ROOT}/lib")
  file(GLOB _nvidia_libs LIST_DIRECTORIES true "${LibTorch_ROOT}/../nvidia/*/lib")
  set(_rpath "${_torch_lib}" ${_nvidia_libs})
  set(_libs)
  if(FGM_CUDA)
    list(APPEND _rpath "${CUDAToolkit_LIBRARY_DIR}")
    list(APPEND _libs torch_cuda c10_cuda)
    find_path(NCCL_INCLUDE_DIR nccl.h HINTS ${CUDAToolkit_INCLUDE_DIRS} "${LibTorch_ROOT}/../nvidia/nccl/include")
    find_library(NCCL_LIBRARY NAMES nccl libnccl.so.2
                 HINTS ${CUDAToolkit_LIBRARY_DIR} "${LibTorch_ROOT}/../nvidia/nccl/lib")
    if(NOT NCCL_INCLUDE_DIR OR NOT NCCL_LIBRARY)
      message(FATAL_ERROR "FGM_CUDA=ON needs NCCL (nccl.h and libnccl.so.2); run launch/scripts/setup")
    endif()
    add_library(NCCL::NCCL INTERFACE IMPORTED)
    target_include_directories(NCCL::NCCL INTERFACE "${NCCL_INCLUDE_DIR}")
    target_link_libraries(NCCL::NCCL INTERFACE "${NCCL_LIBRARY}" CUDA::cudart)
    target_include_directories(LibTorch::LibTorch SYSTEM INTERFACE ${CUDAToolkit_INCLUDE_DIRS})
  endif()
  list(APPEND _libs torch_cpu c10)
  set(_flags -L${_torch_lib} -Wl,--no-as-needed)
  foreach(_lib IN LISTS _libs)
    list(APPEND _flags -l${_lib})
  endforeach()
  list(APPEND _flags -Wl,--as-needed)
  foreach(_dir IN LISTS _rpath)
    list(APPEND _flags -Wl,-rpath,${_dir} -Wl,-rpath-link,${_dir})
  endforeach()
  target_link_libraries(LibTorch::LibTorch INTERFACE ${_flags})
endif()
