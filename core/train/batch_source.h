#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/nn/conditioning.h"

namespace fgm {

// The samples of one batch that belong to this rank.
struct Batch {
  at::Tensor
      images;  // [B, C, H, W] float32: pixels in [-1, 1] or latents, of one size; undefined when the source yields captions only
  at::Tensor noise;          // like `images`, where those are a teacher's samples: the noise that each began with
  Conditioning condition;    // B rows
  int64_t first_sample = 0;  // global index of row 0 since the run began; rows are consecutive
  int64_t global_batch = 0;  // rows of all ranks together; every loss is a sum divided by this
  std::vector<std::string> prompts;
};

// Endless batches in a seekable order: batch i is the same whatever was read before.
class BatchSource {
 public:
  virtual ~BatchSource() = default;
  virtual Batch next() = 0;
  virtual void seek(int64_t batch_index) = 0;
  // The conditioning of the empty caption, one row; what dropped captions and guidance's other half use.
  virtual Conditioning null_condition() = 0;
};

}  // namespace fgm
