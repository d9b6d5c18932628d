#pragma once

#include <hdf5.h>

#include <string>
#include <string_view>

namespace fgm {

// To be called before any other HDF5 function of a thread. Keeps the library from printing its error stack on
// this thread, and from closing what is left at exit: HDF5 1.10 crashes there when a file's last flush met a full disk.
void prepare_hdf5();

// Throws IoError "<what>: <call> failed: <outermost reason>: <innermost reason>" from the library's error stack,
// with exit_code_of() the system's error where there is one in it.
[[noreturn]] void throw_hdf5(std::string_view call, const std::string& what);

// Returns `result`, which every HDF5 function makes negative on failure.
//   check_hdf5(H5Dread(...), "H5Dread", describe("prompts/blob"));
template <typename T>
T check_hdf5(T result, std::string_view call, const std::string& what) {
  if (result < 0) [[unlikely]]
    throw_hdf5(call, what);
  return result;
}

}  // namespace fgm
