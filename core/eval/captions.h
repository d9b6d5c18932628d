#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace fgm {

// The images of each caption, by number.
using ImagesByCaption = std::vector<std::vector<int64_t>>;

// One caption for each different prompt, in the order of its first image.
ImagesByCaption images_by_caption(std::span<const std::string> prompts);

}  // namespace fgm
