#include "data/import/image_decoder.h"

#include <algorithm>
#include <array>

#include "core/base/error.h"
#include "data/import/internal/codecs.h"

namespace fgm {
namespace {

template <size_t N>
bool starts_with(std::span<const std::byte> file, const std::array<uint8_t, N>& magic) {
  return file.size() >= N && std::equal(magic.begin(), magic.end(), file.begin(),
                                        [](uint8_t a, std::byte b) { return a == std::to_integer<uint8_t>(b); });
}

}  // namespace

at::Tensor decode_image(std::span<const std::byte> file) {
  constexpr std::array<uint8_t, 3> kJpeg = {0xFF, 0xD8, 0xFF};
  constexpr std::array<uint8_t, 8> kPng = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  if (starts_with(file, kJpeg)) return decode_jpeg(file);
  if (starts_with(file, kPng)) return decode_png(file);
  throw IoError(file.empty() ? "the file is empty" : "neither JPEG nor PNG");
}

}  // namespace fgm
