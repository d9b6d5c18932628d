#pragma once

#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fgm {

// A token that is found in the text before the vocabulary has a say.
struct AddedToken {
  std::string content;  // not empty
  int64_t id = 0;
  bool is_normalized = false;  // found in the normalized text, not in the text as it was typed
};

// Added tokens to find in a text.
class AddedTokens {
 public:
  struct Part {
    std::string_view text;
    int64_t id = -1;  // of the added token that the part is; -1 for the text between two
  };

  AddedTokens() = default;
  explicit AddedTokens(std::vector<AddedToken> tokens);

  // The parts of `text` in order, none of them empty. Of tokens that begin at one place the longest is found.
  std::vector<Part> parts_of(std::string_view text) const;
  const std::vector<AddedToken>& tokens() const { return tokens_; }

 private:
  const AddedToken* token_at_start(std::string_view text) const;

  std::vector<AddedToken> tokens_;  // the longest first
  std::bitset<256> is_first_byte_;
};

}  // namespace fgm
