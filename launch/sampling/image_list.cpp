#include "launch/sampling/image_list.h"

#include <fmt/format.h>

#include "core/base/error.h"

namespace fgm {

ImageList::ImageList(std::span<const std::string> captions, int64_t per_prompt, uint64_t seed, std::string_view stream)
    : captions_(captions),
      occurrence_(count_occurrences(captions)),
      per_prompt_(per_prompt),
      seed_(seed),
      stream_(stream) {}

std::vector<std::string> ImageList::captions() const {
  std::vector<std::string> captions;
  for (int64_t image = 0; image < size(); ++image) captions.push_back(caption(image));
  return captions;
}

int64_t ImageList::number(int64_t image) const {
  return occurrence_[static_cast<size_t>(prompt(image))] * per_prompt_ + number_in_prompt(image);
}

at::Tensor ImageList::noise(int64_t image, at::IntArrayRef sample_shape, int64_t step) const {
  if (noise_NCHW_.defined()) {
    check(step == 0, "given noise is that of the first step");
    return noise_NCHW_.narrow(0, image, 1);
  }
  const CaptionNoise noise(seed_, step == 0 ? stream_ : fmt::format("{}{}", stream_, step + 1));
  return noise.draw(caption(image), number(image), sample_shape);
}

}  // namespace fgm
