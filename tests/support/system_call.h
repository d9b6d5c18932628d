#pragma once

#include <dlfcn.h>

namespace fgm {

// The C library's function `name`, in a program that defines one of that name itself.
template <typename Function>
Function* system_call(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace fgm
