#pragma once

#include <ATen/ATen.h>

#include "core/base/error.h"

namespace fgm {

// ConfigError unless `ids` are int64 [N, L] of a vocabulary of `vocab_size`; `encoder` is whose, for the error.
inline void check_token_ids(const at::Tensor& ids_NL, int64_t vocab_size, const char* encoder) {
  require<ConfigError>(ids_NL.dim() == 2 && ids_NL.numel() > 0 && ids_NL.scalar_type() == at::kLong,
                       "token ids of {} have {} dimensions and are {}; [prompts, tokens] of int64 is needed", encoder,
                       ids_NL.dim(), at::toString(ids_NL.scalar_type()));
  const auto [low, high] = at::aminmax(ids_NL);
  require<ConfigError>(low.item<int64_t>() >= 0 && high.item<int64_t>() < vocab_size,
                       "token ids reach from {} to {}, and the {} encoder knows 0 to {}: the tokenizer is another "
                       "model's; give the one beside the encoder",
                       low.item<int64_t>(), high.item<int64_t>(), encoder, vocab_size - 1);
}

}  // namespace fgm
