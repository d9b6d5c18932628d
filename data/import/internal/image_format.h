#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace fgm {

// As many first bytes tell the formats below apart.
inline constexpr size_t kMagicBytes = 16;

// "JPEG", "PNG", or a format that cannot be read here ("WebP", "GIF", ...), as the first bytes say; "" for none of
// them.
std::string_view image_format(std::span<const std::byte> file);

}  // namespace fgm
