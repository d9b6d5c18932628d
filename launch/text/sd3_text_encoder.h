#pragma once

#include <memory>
#include <mutex>

#include "core/nn/text_encoder.h"
#include "launch/text/sd3_text.h"
#include "launch/weights/frozen_text_encoder.h"

namespace fgm {

// Stable Diffusion 3's text encoders at work, all three whole in this rank: what `fgm encode` writes into a store,
// without one. Captions of a batch are encoded together; one that is cut is named once.
class Sd3TextEncoder : public TextEncoder {
 public:
  // Loads the weights. `device` is where they are held and used, in `dtype`.
  Sd3TextEncoder(Sd3Text text, at::ScalarType dtype, at::Device device);
  ~Sd3TextEncoder() override;

  Conditioning encode(std::span<const std::string> captions) const override;

 private:
  struct Loaded;

  Sd3Text text_;
  std::unique_ptr<Communicator> alone_;
  mutable std::mutex mutex_;  // guards the encoders and is_warned_
  std::unique_ptr<Loaded> loaded_;
  mutable bool is_warned_ = false;
};

}  // namespace fgm
