#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace fgm {

// How the images of a list are cut into batches: batch i is images [i x batch_size, (i + 1) x batch_size), and the last
// one may be shorter.
struct ImageBatches {
  int64_t num_images = 0;
  int64_t batch_size = 1;

  int64_t count() const { return (num_images + batch_size - 1) / batch_size; }
  int64_t first(int64_t batch) const { return batch * batch_size; }
  int64_t size(int64_t batch) const { return std::min(batch_size, num_images - first(batch)); }

  // The images in the rows that a network sees: always batch_size rows, since another number may round otherwise. A
  // short batch is filled up with its last image.
  std::vector<int64_t> rows(int64_t batch) const {
    std::vector<int64_t> images;
    for (int64_t row = 0; row < batch_size; ++row) images.push_back(first(batch) + std::min(row, size(batch) - 1));
    return images;
  }
};

}  // namespace fgm
