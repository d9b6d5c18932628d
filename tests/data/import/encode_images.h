#pragma once

#include <ATen/ATen.h>

#include <cstddef>
#include <span>
#include <string>

namespace fgm {

// Files as other programs write them. `image` is uint8 [H, W, C].
struct JpegOptions {
  bool is_progressive = false;
  bool is_chroma_halved = true;  // 4:2:0
  bool is_ycck = false;          // CMYK as Photoshop writes it
  std::string app1 = "";         // payload of an APP1 segment, or empty
  std::string icc = "";          // a profile, which is cut into segments of 100 bytes
};
std::string encode_jpeg(const at::Tensor& image, const JpegOptions& options = {});  // C = 1, 3 or 4 (CMYK)

// C = 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha. `depth` 16 repeats each byte, which is the same colour.
struct PngOptions {
  int depth = 8;
  bool is_interlaced = false;
  std::string icc = "";
  double gamma = 0.0;  // of the file (gAMA); 0 writes none
};
std::string encode_png(const at::Tensor& image, const PngOptions& options = {});

// The file with one more chunk.
enum class ChunkPlace { kBeforePixels, kBehindPixels };
std::string with_png_chunk(std::string file, const std::string& type, const std::string& data, ChunkPlace place);

// ICC profiles.
std::string srgb_profile();
std::string display_p3_profile();
std::string grey_profile(double gamma);
std::string lab_profile();
// Of a printer that prints with black alone: the lightness L* is its inverted level, 255 being 100.
std::string black_ink_profile();

// `image` is uint8 [H, W] of indices into `palette`, uint8 [N, 3].
std::string encode_palette_png(const at::Tensor& image, const at::Tensor& palette);

// An EXIF block that says nothing but the orientation.
std::string exif_block(int orientation, bool is_big_endian);

inline std::span<const std::byte> bytes_of(const std::string& file) {
  return std::as_bytes(std::span(file));
}

// Over all elements of two images of one shape.
inline double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

}  // namespace fgm
