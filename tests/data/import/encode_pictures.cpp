#include "tests/data/import/encode_pictures.h"

#include <cstdio>
// jpeglib.h needs the one above.
#include <jpeglib.h>

#include <png.h>

#include <cstdlib>
#include <vector>

namespace fgm {
namespace {

void append(png_structp png, png_bytep data, size_t length) {
  static_cast<std::string*>(png_get_io_ptr(png))->append(reinterpret_cast<const char*>(data), length);
}

void write_rows(png_structp png, const at::Tensor& image, int depth) {
  const auto wide = depth == 16 ? image.contiguous().view({image.size(0), -1, 1}).repeat({1, 1, 2}) : image;
  const auto rows = wide.contiguous().view({image.size(0), -1});
  for (int64_t y = 0; y < rows.size(0); ++y) png_write_row(png, rows[y].data_ptr<uint8_t>());
}

// Calls header(png, info), then writes the rows.
template <typename Header>
std::string encode_png_with(const at::Tensor& image, int depth, const Header& header) {
  std::string file;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_set_write_fn(png, &file, append, nullptr);
  header(png, info);
  png_write_info(png, info);
  write_rows(png, image, depth);
  png_write_end(png, nullptr);
  png_destroy_write_struct(&png, &info);
  return file;
}

void set_header(png_structp png, png_infop info, const at::Tensor& image, int depth, int color_type) {
  png_set_IHDR(png, info, static_cast<uint32_t>(image.size(1)), static_cast<uint32_t>(image.size(0)), depth, color_type,
               PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
}

void set_jpeg_options(jpeg_compress_struct& info, const JpegOptions& options) {
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, 95, TRUE);
  if (options.is_progressive) jpeg_simple_progression(&info);
  if (!options.is_chroma_halved) info.comp_info[0].h_samp_factor = info.comp_info[0].v_samp_factor = 1;
}

}  // namespace

std::string encode_jpeg(const at::Tensor& image, const JpegOptions& options) {
  const auto pixels = image.contiguous();
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* out = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &out, &size);
  info.image_height = static_cast<JDIMENSION>(pixels.size(0));
  info.image_width = static_cast<JDIMENSION>(pixels.size(1));
  info.input_components = static_cast<int>(pixels.size(2));
  info.in_color_space = pixels.size(2) == 1 ? JCS_GRAYSCALE : pixels.size(2) == 3 ? JCS_RGB : JCS_CMYK;
  set_jpeg_options(info, options);
  jpeg_start_compress(&info, TRUE);
  if (!options.app1.empty()) {
    jpeg_write_marker(&info, JPEG_APP0 + 1, reinterpret_cast<const JOCTET*>(options.app1.data()),
                      static_cast<unsigned>(options.app1.size()));
  }
  for (int64_t y = 0; y < pixels.size(0); ++y) {
    JSAMPROW row = pixels[y].data_ptr<uint8_t>();
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  std::string file(reinterpret_cast<const char*>(out), size);
  jpeg_destroy_compress(&info);
  std::free(out);
  return file;
}

std::string encode_png(const at::Tensor& image, int depth) {
  constexpr int kTypes[] = {PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGBA};
  return encode_png_with(image, depth, [&](png_structp png, png_infop info) {
    set_header(png, info, image, depth, kTypes[image.size(2) - 1]);
  });
}

std::string encode_palette_png(const at::Tensor& image, const at::Tensor& palette) {
  std::vector<png_color> colors;
  for (int64_t i = 0; i < palette.size(0); ++i) {
    const auto* rgb = palette[i].data_ptr<uint8_t>();
    colors.push_back({rgb[0], rgb[1], rgb[2]});
  }
  return encode_png_with(image, 8, [&](png_structp png, png_infop info) {
    set_header(png, info, image, 8, PNG_COLOR_TYPE_PALETTE);
    png_set_PLTE(png, info, colors.data(), static_cast<int>(colors.size()));
  });
}

std::string exif_block(int orientation, bool is_big_endian) {
  const auto low = static_cast<char>(orientation);
  if (is_big_endian) {
    return std::string("Exif\0\0MM\0\x2A\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0", 25) + low + std::string(6, '\0');
  }
  return std::string("Exif\0\0II\x2A\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0", 24) + low + std::string(7, '\0');
}

}  // namespace fgm
