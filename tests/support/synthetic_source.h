#pragma once

#include "core/base/rng.h"
#include "core/train/batch_source.h"
#include "data/sampler/rank_rows.h"

namespace fgm::support {

// Batches of random images and conditionings, a function of the batch's index alone; all rows, or those of one rank.
class SyntheticSource : public BatchSource {
 public:
  SyntheticSource(int64_t batch, std::vector<int64_t> sample_shape, int64_t pooled_width)
      : SyntheticSource(batch, std::move(sample_shape), pooled_width, {0, batch}) {}
  SyntheticSource(int64_t batch, std::vector<int64_t> sample_shape, int64_t pooled_width, Range rows)
      : batch_(batch), sample_shape_(std::move(sample_shape)), pooled_width_(pooled_width), rows_(rows) {}

  Batch next() override {
    const int64_t first = index_++ * batch_ + rows_.begin;
    const int64_t count = rows_.size();
    Batch batch;
    batch.images = RandomStream(1, "images").normal(0, first, count, sample_shape_);
    batch.condition = {RandomStream(1, "context").normal(0, first, count, {3, 2}),
                       RandomStream(1, "pooled").normal(0, first, count, {pooled_width_})};
    batch.first_sample = first;
    batch.global_batch = batch_;
    return batch;
  }
  void seek(int64_t batch_index) override { index_ = batch_index; }
  Conditioning null_condition() override { return {at::zeros({1, 3, 2}), at::zeros({1, pooled_width_})}; }
  int64_t position() const { return index_; }

 private:
  int64_t batch_;
  std::vector<int64_t> sample_shape_;
  int64_t pooled_width_;
  Range rows_;
  int64_t index_ = 0;
};

}  // namespace fgm::support
