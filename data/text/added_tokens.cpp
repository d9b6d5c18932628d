#include <algorithm>

#include "data/text/internal/added_tokens.h"

namespace fgm {

AddedTokens::AddedTokens(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  std::ranges::stable_sort(tokens_, std::ranges::greater{}, [](const AddedToken& t) { return t.content.size(); });
  for (const auto& token : tokens_) is_first_byte_.set(static_cast<uint8_t>(token.content.front()));
}

const AddedToken* AddedTokens::token_at_start(std::string_view text) const {
  if (!is_first_byte_[static_cast<uint8_t>(text.front())]) return nullptr;
  const auto found = std::ranges::find_if(tokens_, [&](const AddedToken& t) { return text.starts_with(t.content); });
  return found == tokens_.end() ? nullptr : &*found;
}

std::vector<AddedTokens::Part> AddedTokens::parts_of(std::string_view text) const {
  std::vector<Part> parts;
  size_t begin = 0;
  for (size_t at = 0; at < text.size();) {
    const auto* token = token_at_start(text.substr(at));
    if (token == nullptr) {
      ++at;
      continue;
    }
    if (at > begin) parts.push_back({text.substr(begin, at - begin)});
    parts.push_back({text.substr(at, token->content.size()), token->id});
    begin = at += token->content.size();
  }
  if (begin < text.size()) parts.push_back({text.substr(begin)});
  return parts;
}

}  // namespace fgm
