# Compiler, linker and sanitizer settings that hold for every target of the project.
include(CheckLinkerFlag)

option(FGM_WERROR "Treat warnings as errors" ON)
set(FGM_SANITIZED_TESTS "" CACHE STRING "Regular expression of the test names that CI runs under these sanitizers")
set(FGM_SANITIZE "" CACHE STRING "Sanitizers for -fsanitize=, for example address,undefined")

add_library(fgm_flags INTERFACE)
target_compile_options(fgm_flags INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual)
if(FGM_WERROR)
  target_compile_options(fgm_flags INTERFACE -Werror)
endif()
if(FGM_SANITIZE)
  target_compile_options(fgm_flags INTERFACE -fsanitize=${FGM_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(fgm_flags INTERFACE -fsanitize=${FGM_SANITIZE})
endif()

find_program(FGM_MOLD mold)
if(FGM_MOLD)
  check_linker_flag(CXX -fuse-ld=mold FGM_LINKS_WITH_MOLD)  # GCC knows the name from 12.1 on
endif()
if(FGM_LINKS_WITH_MOLD)
  target_link_options(fgm_flags INTERFACE -fuse-ld=mold)
endif()

find_program(FGM_CCACHE ccache)
if(FGM_CCACHE AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
  # A precompiled header is only cacheable with these two; see ccache's manual, "Precompiled headers".
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} ${FGM_CCACHE})
  add_compile_options(-fpch-preprocess)
endif()
