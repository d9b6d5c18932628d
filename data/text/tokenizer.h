#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fgm {

// Turns a prompt into the token ids that a text encoder was trained with. Immutable: threads may share one.
class Tokenizer {
 public:
  struct Ids {
    std::vector<int64_t> ids;
    int64_t num_cut = 0;  // tokens of the prompt that did not fit
  };

  virtual ~Tokenizer() = default;

  // `length` ids, at least 2: those of `text` between the tokenizer's first and last token, cut to fit and padded.
  // ConfigError when `text` is not UTF-8 or has more than 1 MiB.
  virtual Ids encode(std::string_view text, int64_t length) const = 0;

  // 32 hexadecimal digits of everything that decides ids: vocabulary, merges, added tokens, padding and rule.
  // Where two are equal, so are all ids, whichever files they came from.
  virtual std::string digest() const = 0;
};

}  // namespace fgm
