#include <csetjmp>
#include <cstdio>
// jpeglib.h needs the two above.
#include <jpeglib.h>

#include <jerror.h>

#include <cstdlib>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "data/import/internal/codecs.h"

namespace fgm {
namespace {

// libjpeg reports errors by a function that must not return. Exceptions may not cross its C frames, so the
// error jumps back to read_header() or read_pixels(), whose frames hold nothing that needs a destructor.
struct JpegErrors {
  jpeg_error_mgr base;  // first: libjpeg hands out a pointer to it
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX];
};

[[noreturn]] void jump_out(j_common_ptr info) {
  auto* errors = reinterpret_cast<JpegErrors*>(info->err);
  errors->base.format_message(info, errors->message);
  std::longjmp(errors->jump, 1);
}

// libjpeg fills what it cannot read with grey and warns. Warnings that cost no pixels pass, the others are errors.
void on_message(j_common_ptr info, int level) {
  const int code = info->err->msg_code;
  const bool is_harmless =
      code == JWRN_EXTRANEOUS_DATA || code == JWRN_ADOBE_XFORM || code == JWRN_JFIF_MAJOR || code == JWRN_BOGUS_ICC;
  if (level < 0 && !is_harmless) jump_out(info);
}

struct JpegReader {
  jpeg_decompress_struct info{};
  JpegErrors errors{};
  JOCTET* profile = nullptr;
  unsigned profile_bytes = 0;

  JpegReader() {
    info.err = jpeg_std_error(&errors.base);
    errors.base.error_exit = jump_out;
    errors.base.emit_message = on_message;
  }
  ~JpegReader() {
    jpeg_destroy_decompress(&info);
    std::free(profile);
  }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;
};

bool read_header(JpegReader& reader, std::span<const std::byte> file) {
  if (setjmp(reader.errors.jump) != 0) return false;
  jpeg_create_decompress(&reader.info);
  jpeg_mem_src(&reader.info, reinterpret_cast<const unsigned char*>(file.data()), file.size());
  jpeg_save_markers(&reader.info, JPEG_APP0 + 1, 0xFFFF);  // EXIF
  jpeg_save_markers(&reader.info, JPEG_APP0 + 2, 0xFFFF);  // pieces of the ICC profile
  jpeg_read_header(&reader.info, TRUE);
  jpeg_read_icc_profile(&reader.info, &reader.profile, &reader.profile_bytes);
  return true;
}

// `pixels` has room for height x width x num_channels bytes: 3 are RGB, 4 CMYK.
bool read_pixels(JpegReader& reader, uint8_t* pixels, size_t num_channels) {
  if (setjmp(reader.errors.jump) != 0) return false;
  auto& info = reader.info;
  info.out_color_space = num_channels == 3 ? JCS_RGB : JCS_CMYK;
  jpeg_start_decompress(&info);
  while (info.output_scanline < info.output_height) {
    JSAMPROW row = pixels + num_channels * info.output_width * info.output_scanline;
    jpeg_read_scanlines(&info, &row, 1);
  }
  jpeg_finish_decompress(&info);
  return true;
}

int orientation_of(const jpeg_decompress_struct& info) {
  for (auto* marker = info.marker_list; marker != nullptr; marker = marker->next) {
    if (marker->marker != JPEG_APP0 + 1) continue;
    const int orientation = exif_orientation(std::as_bytes(std::span(marker->data, marker->data_length)));
    if (orientation != 1) return orientation;
  }
  return 1;
}

ColorModel color_model_of(J_COLOR_SPACE space) {
  if (space == JCS_CMYK || space == JCS_YCCK) return ColorModel::kCmyk;
  return space == JCS_GRAYSCALE ? ColorModel::kGrey : ColorModel::kRgb;
}

// Empty without a profile. What stands in markers that do not make one is as good as a broken one.
std::vector<std::byte> profile_of(const JpegReader& reader) {
  constexpr std::string_view kName("ICC_PROFILE\0", 12);
  const auto profile = std::as_bytes(std::span(reader.profile, reader.profile_bytes));
  if (!profile.empty()) return {profile.begin(), profile.end()};
  for (auto* marker = reader.info.marker_list; marker != nullptr; marker = marker->next) {
    const std::string_view data(reinterpret_cast<const char*>(marker->data), marker->data_length);
    if (marker->marker == JPEG_APP0 + 2 && data.starts_with(kName)) return {std::byte{0}};
  }
  return {};
}

}  // namespace

ImageSize jpeg_size(std::span<const std::byte> file) {
  JpegReader reader;
  require<IoError>(read_header(reader, file), "JPEG: {}", reader.errors.message);
  return {reader.info.image_width, reader.info.image_height};
}

DecodedImage decode_jpeg(std::span<const std::byte> file) {
  JpegReader reader;
  require<IoError>(read_header(reader, file), "JPEG: {}", reader.errors.message);
  const auto color_model = color_model_of(reader.info.jpeg_color_space);
  const int64_t num_channels = color_model == ColorModel::kCmyk ? 4 : 3;
  const int orientation = orientation_of(reader.info);  // the markers go with the end of decoding
  const auto profile = profile_of(reader);
  auto pixels = at::empty({reader.info.image_height, reader.info.image_width, num_channels}, at::kByte);
  require<IoError>(read_pixels(reader, pixels.data_ptr<uint8_t>(), static_cast<size_t>(num_channels)), "JPEG: {}",
                   reader.errors.message);
  auto image = in_srgb(std::move(pixels), profile, color_model);
  image.pixels = apply_orientation(image.pixels, orientation);
  return image;
}

}  // namespace fgm
