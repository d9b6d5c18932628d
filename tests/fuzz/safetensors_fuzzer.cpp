// A libFuzzer target: tests/fuzz/run.sh builds it with clang and runs it.
#include "tests/fuzz/open_and_read.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fgm::open_and_read({data, size});
  return 0;
}
