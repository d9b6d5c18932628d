#include "data/text/internal/prompt_ids.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/base/text.h"

namespace fgm {

void require_prompt(std::string_view text) {
  constexpr size_t kMaxBytes = size_t{1} << 20;  // sentencepiece's time grows with the square of what it does not know
  require<ConfigError>(text.size() <= kMaxBytes, "a prompt of {} is too long, {} are the most",
                       human_bytes(text.size()), human_bytes(kMaxBytes));
  require<ConfigError>(is_utf8(text), "prompt '{}' is not UTF-8", printable(text));
}

Tokenizer::Ids close_ids(std::vector<int64_t> ids, int64_t length, int64_t end, int64_t pad) {
  check(length >= 2, "{} ids are too few for a prompt", length);
  const int64_t num_cut = std::max<int64_t>(0, std::ssize(ids) - (length - 1));
  ids.resize(ids.size() - static_cast<size_t>(num_cut));
  ids.push_back(end);
  ids.resize(static_cast<size_t>(length), pad);
  return {std::move(ids), num_cut};
}

std::vector<std::string> texts_of(std::vector<AddedToken> tokens) {
  std::vector<std::string> texts;
  for (const auto& token : tokens) {
    texts.push_back(fmt::format("added {} {} {}", token.id, token.is_normalized, token.content));
  }
  std::ranges::sort(texts);
  return texts;
}

}  // namespace fgm
