#pragma once

#include <memory>
#include <span>
#include <string>

#include "core/config/sections.h"
#include "core/nn/text_encoder.h"

// The one place that knows which TextEncoder a run uses.
namespace fgm {

// The encoder that [text] describes: hashed words, or classes where it names labels.
std::unique_ptr<const TextEncoder> make_text_encoder(const TextConfig& text);

// Requires that the encoder of `text` can hold all captions. ConfigError naming `place`, and the first caption that is
// no class; or the number of those that are too long, the first, and what to do: the number of tokens that would do,
// or, where `is_fixed` by weights that were trained with it, that only other captions will.
void check_captions(std::span<const std::string> captions, const TextConfig& text, const std::string& place,
                    bool is_fixed);

}  // namespace fgm
