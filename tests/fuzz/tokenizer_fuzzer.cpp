// A libFuzzer target: tests/fuzz/run.sh builds it with clang and runs it. The first byte of an input says which file
// the rest stands for, as a digit; beyond the files it is a text.
#include "tests/fuzz/open_tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static fgm::TokenizerFuzz fuzz;
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  const size_t place = data[0] - size_t{'0'};
  if (place < fgm::kTokenizerFiles.size()) {
    fuzz.open_damaged(fgm::kTokenizerFiles[place], rest);
  } else {
    fuzz.encode_text(rest);
  }
  return 0;
}
