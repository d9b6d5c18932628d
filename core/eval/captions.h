#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace fgm {

// The images of each different prompt, in the order of its first image.
std::vector<std::vector<int64_t>> images_by_caption(std::span<const std::string> prompts);

}  // namespace fgm
