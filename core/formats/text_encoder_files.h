#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "core/io/tensor_source.h"
#include "core/models/clip_text_encoder.h"
#include "core/models/t5_encoder.h"

// The text encoders of Stable Diffusion 3 as their users have them. Nothing is read beyond headers until a source's
// read().
namespace fgm {

struct ClipTextFiles {
  ClipTextConfig config;
  std::shared_ptr<const TensorSource> weights;  // every parameter of a ClipTextEncoder of `config`
};

struct T5Files {
  T5Config config;
  std::shared_ptr<const TensorSource> weights;  // every parameter of a T5Encoder of `config`
};

struct TextEncoderFiles {
  ClipTextFiles clip_l, clip_g;
  std::optional<T5Files> t5;  // nothing where the path brings none, or none is wanted
  // A pipeline's tokenizer, tokenizer_2 and tokenizer_3; empty where the path brings none.
  std::filesystem::path clip_l_tokenizer, clip_g_tokenizer, t5_tokenizer;
};

// `path` is
// - a diffusers pipeline's folder, with text_encoder (CLIP-L), text_encoder_2 (CLIP-G) and perhaps text_encoder_3 (T5),
//   each one file or shards;
// - a single file, with names that begin `text_encoders.clip_l.transformer.`, `text_encoders.clip_g.transformer.` and
//   perhaps `text_encoders.t5xxl.transformer.`;
// - "clip_l=F,clip_g=F" or "clip_l=F,clip_g=F,t5=F": of each F a file of that encoder alone, a component's folder, or a
//   single file.
// Names are transformers', also without `text_model.`, as its releases from 5.6 on write a CLIPTextModel. F32, F16,
// BF16 and F8_E4M3 mix freely. Sizes are config.json's, and without one those that shapes tell, heads being 64 wide in
// CLIP and the end of a prompt its largest id.
//
// ConfigError when an encoder is missing, when it is another one (saying what it looks like instead), when it is
// quantised with scales (naming such a tensor), and when tensors are missing, surplus or of the wrong shape (naming all
// of them). With `with_t5` false T5's files may be anything. IoError for a damaged file.
struct TextEncoderOptions {
  bool with_t5 = true;
};
TextEncoderFiles open_text_encoders(const std::string& path, const TextEncoderOptions& options = {});

// Whether Stable Diffusion 3 weights at `path` bring CLIP-L and CLIP-G along: a pipeline's folder with both, or a
// single file with such names.
bool has_text_encoders(const std::filesystem::path& path);

}  // namespace fgm
