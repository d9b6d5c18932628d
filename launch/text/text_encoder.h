#pragma once

#include <memory>
#include <span>
#include <string>

#include "core/config/sections.h"
#include "core/nn/text_encoder.h"

// The one place that knows which TextEncoder a run uses.
namespace fgm {

// [text] with what its store of embeddings says: sizes and encoders. As it is where text.store is not set. Reads the
// store's header. ConfigError when text.encoders names others than the store's; IoError.
TextConfig with_store(TextConfig text);

// The encoder that [text], which is with_store()'s or was in a checkpoint, describes: hashed words, classes where it
// names labels, or embeddings. ConfigError when its store has other sizes or encoders; IoError.
std::unique_ptr<const TextEncoder> make_text_encoder(const TextConfig& text);

// Requires that the encoder of `text` can hold all captions. ConfigError naming `place`, and the first caption that is
// no class; the number of those that are not in text.store, and the first; or the number of those that are too long, the first, and what to do: the number of tokens that would do,
// or, where `is_fixed` by weights that were trained with it, that only other captions will.
void check_captions(std::span<const std::string> captions, const TextConfig& text, const std::string& place,
                    bool is_fixed);

// Hexadecimal digits that tell what text.store holds; "" where it is not set.
std::string text_store_digest(const TextConfig& text);

}  // namespace fgm
