#include "core/eval/captions.h"

#include <unordered_map>

namespace fgm {

ImagesByCaption images_by_caption(std::span<const std::string> prompts) {
  ImagesByCaption captions;
  std::unordered_map<std::string, size_t> place;
  for (size_t i = 0; i < prompts.size(); ++i) {
    const auto [found, is_new] = place.emplace(prompts[i], captions.size());
    if (is_new) captions.emplace_back();
    captions[found->second].push_back(static_cast<int64_t>(i));
  }
  return captions;
}

}  // namespace fgm
