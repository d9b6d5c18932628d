#pragma once

#include <memory>
#include <span>
#include <string>

#include "core/config/sections.h"
#include "core/nn/text_encoder.h"
#include "data/store/captions.h"

// The one place that knows which TextEncoder a run uses.
namespace fgm {

// [text] with what its store of embeddings or its encoders say: sizes and identity. As it is where neither text.store
// nor text.model is set. Reads the store's header, or every weight of the encoders, unless their
// identity is not wanted and text.encoders is empty. ConfigError when that names others; IoError.
TextConfig with_encoders(TextConfig text, bool is_identity_wanted = true);

// The encoder that [text], which is with_encoders()'s or was in a checkpoint, describes: hashed words, classes where it
// names labels, embeddings of a store, or Stable Diffusion 3's encoders at work on `device`, in float32 on a CPU and
// bfloat16 on a GPU. Logs a warning when nobody knows the encoders of its store. ConfigError when its store has other
// sizes or encoders; IoError.
std::unique_ptr<const TextEncoder> make_text_encoder(const TextConfig& text, at::Device device = at::kCPU);

// Bytes of the encoders of text.model at work in float32; 0 without. Reads headers. ConfigError, IoError.
double text_model_bytes(const TextConfig& text);

// Requires that the encoder of `text` can hold all captions. ConfigError naming `place` and the first caption that is no
// class; the number of those that are not in text.store, and the first; or the number of those that are too long, the
// first, and what to do: the number of tokens that would do, or, where `is_fixed` by weights that were trained with it,
// that only other captions will.
void check_captions(const Captions& captions, const TextConfig& text, const std::string& place, bool is_fixed);
void check_captions(std::span<const std::string> captions, const TextConfig& text, const std::string& place,
                    bool is_fixed);

// Hexadecimal digits that tell what text.store holds; "" where it is not set.
std::string text_store_digest(const TextConfig& text);

}  // namespace fgm
