#include "data/import/internal/image_format.h"

#include <algorithm>
#include <array>

namespace fgm {
namespace {

struct Magic {
  std::string_view format;
  std::string_view bytes;  // '?' stands for any byte
};

using namespace std::string_view_literals;
constexpr std::array kMagics = {
    Magic{"JPEG", "\xFF\xD8\xFF"},
    Magic{"PNG", "\x89PNG\r\n\x1A\n"},
    Magic{"WebP", "RIFF\?\?\?\?WEBP"},
    Magic{"GIF", "GIF8"},
    Magic{"AVIF", "\?\?\?\?ftypavi"},
    Magic{"HEIC", "\?\?\?\?ftyphe"},
    Magic{"HEIC", "\?\?\?\?ftypmif1"},
    Magic{"TIFF", "II*\0"sv},
    Magic{"TIFF", "MM\0*"sv},
    Magic{"JPEG XL", "\xFF\x0A"},
    Magic{"JPEG XL", "\0\0\0\x0CJXL "sv},
    Magic{"JPEG 2000", "\0\0\0\x0CjP  "sv},
    Magic{"Photoshop", "8BPS"},
    Magic{"BMP", "BM"},
};

bool matches(std::span<const std::byte> file, std::string_view magic) {
  return file.size() >= magic.size() && std::ranges::equal(magic, file.first(magic.size()), [](char m, std::byte b) {
           return m == '?' || static_cast<std::byte>(m) == b;
         });
}

}  // namespace

std::string_view image_format(std::span<const std::byte> file) {
  const auto* magic = std::ranges::find_if(kMagics, [&](const Magic& m) { return matches(file, m.bytes); });
  return magic == kMagics.end() ? "" : magic->format;
}

}  // namespace fgm
