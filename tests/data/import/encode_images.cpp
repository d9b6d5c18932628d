#include "tests/data/import/encode_images.h"

#include <cstdio>
// jpeglib.h needs the one above.
#include <jpeglib.h>

#include <lcms2.h>
#include <png.h>

#include <array>
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
  const int num_passes = png_set_interlace_handling(png);
  for (int pass = 0; pass < num_passes; ++pass) {
    for (int64_t y = 0; y < rows.size(0); ++y) png_write_row(png, rows[y].data_ptr<uint8_t>());
  }
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

void set_header(png_structp png, png_infop info, const at::Tensor& image, int depth, int color_type,
                int interlace = PNG_INTERLACE_NONE) {
  png_set_IHDR(png, info, static_cast<uint32_t>(image.size(1)), static_cast<uint32_t>(image.size(0)), depth, color_type,
               interlace, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
}

void set_jpeg_options(jpeg_compress_struct& info, const JpegOptions& options) {
  jpeg_set_defaults(&info);
  if (options.is_ycck) jpeg_set_colorspace(&info, JCS_YCCK);
  jpeg_set_quality(&info, 95, TRUE);
  if (options.is_progressive) jpeg_simple_progression(&info);
  if (!options.is_chroma_halved) info.comp_info[0].h_samp_factor = info.comp_info[0].v_samp_factor = 1;
}

// In segments of 100 bytes, each with its number and the number of all (ICC.1:2022, B.4).
void write_profile(jpeg_compress_struct& info, const std::string& icc) {
  constexpr size_t kSegmentBytes = 100;
  const size_t num_segments = (icc.size() + kSegmentBytes - 1) / kSegmentBytes;
  for (size_t i = 0; i < num_segments; ++i) {
    const auto segment = std::string("ICC_PROFILE\0", 12) + static_cast<char>(i + 1) + static_cast<char>(num_segments) +
                         icc.substr(i * kSegmentBytes, kSegmentBytes);
    jpeg_write_marker(&info, JPEG_APP0 + 2, reinterpret_cast<const JOCTET*>(segment.data()),
                      static_cast<unsigned>(segment.size()));
  }
}

std::string big_endian(uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
          static_cast<char>(value)};
}

uint32_t crc32(const std::string& bytes) {
  uint32_t crc = ~0U;
  for (const char byte : bytes) {
    crc ^= static_cast<uint8_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1U) != 0 ? 0xEDB88320U : 0U);
  }
  return ~crc;
}

// Takes the profile.
std::string bytes_of(cmsHPROFILE profile) {
  cmsUInt32Number size = 0;
  cmsSaveProfileToMem(profile, nullptr, &size);
  std::string bytes(size, '\0');
  cmsSaveProfileToMem(profile, bytes.data(), &size);
  cmsCloseProfile(profile);
  return bytes;
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
  write_profile(info, options.icc);
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

std::string encode_png(const at::Tensor& image, const PngOptions& options) {
  constexpr int kTypes[] = {PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGBA};
  return encode_png_with(image, options.depth, [&](png_structp png, png_infop info) {
    set_header(png, info, image, options.depth, kTypes[image.size(2) - 1],
               options.is_interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE);
    if (options.gamma > 0.0) png_set_gAMA(png, info, options.gamma);
    if (options.icc.empty()) return;
    png_set_iCCP(png, info, "profile", PNG_COMPRESSION_TYPE_BASE, reinterpret_cast<png_const_bytep>(options.icc.data()),
                 static_cast<png_uint_32>(options.icc.size()));
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

std::string with_png_chunk(std::string file, const std::string& type, const std::string& data, ChunkPlace place) {
  constexpr size_t kEndBytes = 12, kLengthBytes = 4;
  const auto chunk = big_endian(static_cast<uint32_t>(data.size())) + type + data + big_endian(crc32(type + data));
  return file.insert(place == ChunkPlace::kBeforePixels ? file.find("IDAT") - kLengthBytes : file.size() - kEndBytes,
                     chunk);
}

std::string srgb_profile() {
  return bytes_of(cmsCreate_sRGBProfile());
}

std::string display_p3_profile() {
  const cmsCIExyY d65{0.3127, 0.3290, 1.0};
  const cmsCIExyYTRIPLE primaries{{0.680, 0.320, 1.0}, {0.265, 0.690, 1.0}, {0.150, 0.060, 1.0}};
  constexpr std::array<double, 5> kSrgbCurve = {2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045};
  auto* curve = cmsBuildParametricToneCurve(nullptr, 4, kSrgbCurve.data());
  const std::array<cmsToneCurve*, 3> curves = {curve, curve, curve};
  auto profile = bytes_of(cmsCreateRGBProfile(&d65, &primaries, curves.data()));
  cmsFreeToneCurve(curve);
  return profile;
}

std::string grey_profile(double gamma) {
  auto* curve = cmsBuildGamma(nullptr, gamma);
  auto profile = bytes_of(cmsCreateGrayProfile(cmsD50_xyY(), curve));
  cmsFreeToneCurve(curve);
  return profile;
}

std::string lab_profile() {
  return bytes_of(cmsCreateLab4Profile(nullptr));
}

std::string black_ink_profile() {
  const auto to_lab16 = [](const cmsUInt16Number cmyk[], cmsUInt16Number lab[], void*) {
    lab[0] = static_cast<cmsUInt16Number>(0xFFFF - cmyk[3]);
    lab[1] = lab[2] = 0x8080;  // a* = b* = 0
    return TRUE;
  };
  auto* profile = cmsCreateProfilePlaceholder(nullptr);
  cmsSetProfileVersion(profile, 4.3);
  cmsSetDeviceClass(profile, cmsSigOutputClass);
  cmsSetColorSpace(profile, cmsSigCmykData);
  cmsSetPCS(profile, cmsSigLabData);
  auto* table = cmsStageAllocCLut16bit(nullptr, 2, 4, 3, nullptr);
  cmsStageSampleCLut16bit(table, to_lab16, nullptr, 0);
  // The file format has the table between curves only (ICC.1:2022, 10.12); these change nothing.
  auto* pipeline = cmsPipelineAlloc(nullptr, 4, 3);
  cmsPipelineInsertStage(pipeline, cmsAT_END, cmsStageAllocToneCurves(nullptr, 4, nullptr));
  cmsPipelineInsertStage(pipeline, cmsAT_END, table);
  cmsPipelineInsertStage(pipeline, cmsAT_END, cmsStageAllocToneCurves(nullptr, 3, nullptr));
  cmsWriteTag(profile, cmsSigAToB0Tag, pipeline);
  auto bytes = bytes_of(profile);
  cmsPipelineFree(pipeline);
  return bytes;
}

std::string exif_block(int orientation, bool is_big_endian) {
  const auto low = static_cast<char>(orientation);
  if (is_big_endian) {
    return std::string("Exif\0\0MM\0\x2A\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0", 25) + low + std::string(6, '\0');
  }
  return std::string("Exif\0\0II\x2A\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0", 24) + low + std::string(7, '\0');
}

}  // namespace fgm
