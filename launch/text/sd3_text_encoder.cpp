#include "launch/text/sd3_text_encoder.h"

#include <spdlog/spdlog.h>

#include "core/models/sd3_text.h"
#include "parallel/comm/self_communicator.h"

namespace fgm {

struct Sd3TextEncoder::Loaded {
  Loaded(const TextEncoderFiles& files, at::ScalarType dtype, Communicator& alone)
      : clip_l(files.clip_l, dtype, alone), clip_g(files.clip_g, dtype, alone) {
    if (files.t5) t5.emplace(*files.t5, dtype, alone);
  }

  FrozenTextEncoder<ClipTextEncoder> clip_l, clip_g;
  std::optional<FrozenTextEncoder<T5Encoder>> t5;
};

Sd3TextEncoder::Sd3TextEncoder(Sd3Text text, at::ScalarType dtype, at::Device device)
    : text_(std::move(text)), alone_(make_self_communicator(device)) {
  loaded_ = std::make_unique<Loaded>(text_.encoders(), dtype, *alone_);
  if (!loaded_->t5) spdlog::warn("there is no T5 encoder: its rows are zero, as diffusers puts them");
}

Sd3TextEncoder::~Sd3TextEncoder() = default;

Conditioning Sd3TextEncoder::encode(std::span<const std::string> captions) const {
  const at::NoGradGuard no_grad;
  const std::lock_guard lock(mutex_);
  const Sd3Ids ids = text_.ids(captions);
  if (!is_warned_) {
    warn_of_cut(ids.cut, captions.size());
    is_warned_ = !ids.cut.empty();
  }
  const ClipText clip_l = loaded_->clip_l.encode(ids.clip_l);
  const ClipText clip_g = loaded_->clip_g.encode(ids.clip_g);
  const auto t5 = loaded_->t5 ? loaded_->t5->encode(ids.t5)
                              : zero_t5_rows(clip_l, text_.shape().t5_tokens, text_.shape().context_width);
  return to(assemble_sd3_text(clip_l, clip_g, t5), at::TensorOptions().dtype(at::kFloat).device(at::kCPU));
}

}  // namespace fgm
