#include <png.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "data/import/internal/codecs.h"

namespace fgm {
namespace {

constexpr size_t kSignatureBytes = 8;

// A chunk of the file (PNG 3rd edition, section 5.3): `whole` has length, type, `data` and check-sum.
struct Chunk {
  std::string_view type;
  std::span<const std::byte> data;
  std::span<const std::byte> whole;
};

// All of them, or those before the file ends too early, which is for the decoder to say.
std::vector<Chunk> chunks_of(std::span<const std::byte> file) {
  constexpr size_t kLengthBytes = 4, kTypeBytes = 4, kFrameBytes = 12;
  std::vector<Chunk> chunks;
  auto rest = file.subspan(std::min(file.size(), kSignatureBytes));
  while (rest.size() >= kFrameBytes) {
    const size_t length = png_get_uint_32(reinterpret_cast<png_const_bytep>(rest.data()));
    if (length > rest.size() - kFrameBytes) break;
    const std::string_view type(reinterpret_cast<const char*>(rest.data()) + kLengthBytes, kTypeBytes);
    chunks.push_back({type, rest.subspan(kLengthBytes + kTypeBytes, length), rest.first(length + kFrameBytes)});
    if (type == "IEND") break;
    rest = rest.subspan(length + kFrameBytes);
  }
  return chunks;
}

// The file without chunks of these types. A truncated file stays one.
using Types = std::span<const std::string_view>;
std::vector<std::byte> without(Types types, std::span<const std::byte> file) {
  std::vector<std::byte> kept(file.begin(), file.begin() + kSignatureBytes);
  for (const auto& chunk : chunks_of(file)) {
    if (std::ranges::find(types, chunk.type) != types.end()) continue;
    kept.insert(kept.end(), chunk.whole.begin(), chunk.whole.end());
  }
  return kept;
}

// Programs keep whole workflows in texts, and libpng refuses chunks of more than 8 MB.
constexpr std::array<std::string_view, 3> kTexts = {"tEXt", "zTXt", "iTXt"};
// Where a profile says what the stored numbers mean, they are wanted as they are.
constexpr std::array<std::string_view, 4> kColours = {"gAMA", "cHRM", "sRGB", "iCCP"};

const Chunk* find(const std::vector<Chunk>& chunks, std::string_view type) {
  const auto chunk = std::ranges::find(chunks, type, &Chunk::type);
  return chunk == chunks.end() ? nullptr : &*chunk;
}

// libpng's easy interface, which decodes the pixels, does not show a profile; the other one does. Its errors jump back
// to read_info(), whose frame holds nothing that needs a destructor.
struct ProfileReader {
  png_structp png;
  png_infop info;
  std::span<const std::byte> rest;

  explicit ProfileReader(std::span<const std::byte> file)
      : png(png_create_read_struct(PNG_LIBPNG_VER_STRING, nullptr, jump_out, ignore)),
        info(png_create_info_struct(png)),
        rest(file) {
    png_set_read_fn(png, this, read);
  }
  ~ProfileReader() { png_destroy_read_struct(&png, &info, nullptr); }
  ProfileReader(const ProfileReader&) = delete;
  ProfileReader& operator=(const ProfileReader&) = delete;

  [[noreturn]] static void jump_out(png_structp png, png_const_charp) { png_longjmp(png, 1); }
  static void ignore(png_structp, png_const_charp) {}
  static void read(png_structp png, png_bytep out, size_t size) {
    auto& rest = static_cast<ProfileReader*>(png_get_io_ptr(png))->rest;
    if (size > rest.size()) jump_out(png, nullptr);
    std::copy_n(reinterpret_cast<png_const_bytep>(rest.data()), size, out);
    rest = rest.subspan(size);
  }
};

bool read_info(ProfileReader& reader) {
  if (setjmp(png_jmpbuf(reader.png)) != 0) return false;
  png_read_info(reader.png, reader.info);
  return true;
}

// One byte, which is no profile, where libpng refuses the one that is there.
std::vector<std::byte> read_profile(std::span<const std::byte> file) {
  ProfileReader reader(file);
  png_charp name = nullptr;
  png_bytep bytes = nullptr;
  png_uint_32 size = 0;
  int compression = 0;
  if (!read_info(reader) || png_get_iCCP(reader.png, reader.info, &name, &compression, &bytes, &size) == 0) {
    return {std::byte{0}};
  }
  const auto profile = std::as_bytes(std::span(bytes, size));
  return {profile.begin(), profile.end()};
}

// Frees what libpng holds for an image whose reading was begun.
struct PngImage {
  png_image image{};
  PngImage() { image.version = PNG_IMAGE_VERSION; }
  ~PngImage() { png_image_free(&image); }
  PngImage(const PngImage&) = delete;
  PngImage& operator=(const PngImage&) = delete;
};

at::Tensor read_pixels(std::span<const std::byte> file) {
  PngImage png;
  auto& image = png.image;
  require<IoError>(png_image_begin_read_from_memory(&image, file.data(), file.size()) != 0, "PNG: {}", image.message);
  image.format = PNG_FORMAT_RGB;
  // 16-bit files without a gamma are sRGB in practice; libpng would take them for linear light.
  image.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
  const png_color white{255, 255, 255};
  const auto pixels = at::empty({image.height, image.width, 3}, at::kByte);
  require<IoError>(png_image_finish_read(&image, &white, pixels.data_ptr<uint8_t>(), 0, nullptr) != 0, "PNG: {}",
                   image.message);
  return pixels;
}

bool is_grey(std::span<const std::byte> header) {
  constexpr size_t kColorTypeAt = 9;
  return (std::to_integer<int>(header[kColorTypeAt]) & PNG_COLOR_MASK_COLOR) == 0;
}

}  // namespace

ImageSize png_size(std::span<const std::byte> file) {
  const auto chunks = chunks_of(file);
  constexpr size_t kHeaderBytes = 13, kHeightAt = 4;
  require<IoError>(!chunks.empty() && chunks.front().type == "IHDR" && chunks.front().data.size() == kHeaderBytes,
                   "PNG: it has no header");
  const auto* header = reinterpret_cast<png_const_bytep>(chunks.front().data.data());
  return {png_get_uint_32(header), png_get_uint_32(header + kHeightAt)};
}

DecodedImage decode_png(std::span<const std::byte> file) {
  const auto chunks = chunks_of(file);
  const auto plain = without(kTexts, file);
  DecodedImage image;
  if (find(chunks, "iCCP") == nullptr) {
    image.pixels = read_pixels(plain);
  } else {
    auto pixels = read_pixels(without(kColours, plain));
    image = in_srgb(std::move(pixels), read_profile(plain),
                    is_grey(chunks.front().data) ? ColorModel::kGrey : ColorModel::kRgb);
  }
  const auto* exif = find(chunks, "eXIf");
  if (exif != nullptr) image.pixels = apply_orientation(image.pixels, exif_orientation(exif->data));
  image.is_animated = find(chunks, "acTL") != nullptr;
  return image;
}

}  // namespace fgm
