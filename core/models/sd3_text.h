#pragma once

#include "core/models/clip_text_encoder.h"
#include "core/nn/conditioning.h"

namespace fgm {

// [N, T, J] zeros: what diffusers takes for T5's rows where a pipeline has no T5.
at::Tensor zero_t5_rows(const ClipText& clip, int64_t num_rows, int64_t context_width);

// What Stable Diffusion 3 is conditioned on, as diffusers' StableDiffusion3Pipeline.encode_prompt() puts it together of
// CLIP-L's, CLIP-G's and T5's outputs for the same N prompts: context [N, L + T, J] holds L rows of both CLIPs side by
// side, filled up with zeros, then T5's; pooled is both CLIPs' side by side. J is T5's width. ConfigError when the
// CLIPs together are wider than it.
Conditioning assemble_sd3_text(const ClipText& clip_l, const ClipText& clip_g, const at::Tensor& t5_NTJ);

}  // namespace fgm
