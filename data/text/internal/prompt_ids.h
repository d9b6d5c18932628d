#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/text/internal/added_tokens.h"
#include "data/text/tokenizer.h"

namespace fgm {

// What every tokenizer does before and after its own work. ConfigError as of Tokenizer::encode.
void require_prompt(std::string_view text);
// Cuts `ids` to fit, ends them with `end` and pads them to `length`.
Tokenizer::Ids close_ids(std::vector<int64_t> ids, int64_t length, int64_t end, int64_t pad);

// For digests: one text a token, in an order that does not depend on the files'.
std::vector<std::string> texts_of(std::vector<AddedToken> tokens);

}  // namespace fgm
