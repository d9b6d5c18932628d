#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/base/caption_noise.h"

namespace fgm {

// Which images a run samples: per_prompt for each caption of a list, those of one caption together.
//
// An image's noise is CaptionNoise: two models start alike, and so does a caption in any list, in any place of it.
// Where a caption is in the list twice, the second goes on with the numbers.
class ImageList {
 public:
  // The captions must outlive it. `stream`: CaptionNoise's.
  ImageList(std::span<const std::string> captions, int64_t per_prompt, uint64_t seed,
            std::string_view stream = CaptionNoise::kSample);

  int64_t size() const { return std::ssize(captions_) * per_prompt_; }
  // The place in the list of the image's caption, and the image's among those of that place.
  int64_t prompt(int64_t image) const { return image / per_prompt_; }
  int64_t number_in_prompt(int64_t image) const { return image % per_prompt_; }

  const std::string& caption(int64_t image) const { return captions_[static_cast<size_t>(prompt(image))]; }
  std::vector<std::string> captions() const;  // of each image
  // The image's number among those of its caption.
  int64_t number(int64_t image) const;
  // From here on image i starts from row i of `noise_NCHW`, float32 on the CPU, one for each image.
  void set_noise(at::Tensor noise_NCHW) { noise_NCHW_ = std::move(noise_NCHW); }

  // What the image starts from, and what a student of several steps adds before a later one: standard normals, float32
  // on the CPU, [1, C, H, W] for a sample_shape of {C, H, W}.
  at::Tensor noise(int64_t image, at::IntArrayRef sample_shape, int64_t step = 0) const;

 private:
  std::span<const std::string> captions_;
  std::vector<int64_t> occurrence_;  // of each caption: how many before it are the same
  int64_t per_prompt_;
  uint64_t seed_;
  std::string stream_;
  at::Tensor noise_NCHW_;  // set_noise()'s
};

}  // namespace fgm
