#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace fgm {

// `fgm data idx`: MNIST's files of images and of their labels, and those like them in colour, to a store.
struct IdxOptions {
  std::filesystem::path images, labels;  // IDX files of bytes, [N, H, W] or [N, H, W, 3], and [N]; gzipped or plain
  std::vector<std::string> captions;     // of each label
  int64_t resolution = 0;                // pixels a side, black all around; 0: the images' own
  int64_t count = 0;                     // the first of the images; 0: all
  std::filesystem::path out;
};

// Refuses, before an image is read, what import_idx() would, but for a file that is cut short or damaged. ConfigError
// and IoError as there.
void check_idx(const IdxOptions& options);

// Writes the images in the order of the files, grey ones as three equal channels: what is not of three channels is
// taken for a model of latents elsewhere (kPixelChannels). Returns their number. The layout of IDX: two zero bytes, 8
// for unsigned bytes, the number of dimensions, each of them in four bytes, the high one first, then the values
// (http://yann.lecun.com/exdb/mnist). ConfigError when a label has no caption or the resolution does not fit, IoError
// when a file is no such one, cut short or damaged, or the two disagree.
int64_t import_idx(const IdxOptions& options);

}  // namespace fgm
