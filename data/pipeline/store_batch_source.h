#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/base/rng.h"
#include "core/nn/text_encoder.h"
#include "core/train/batch_source.h"
#include "data/pipeline/damaged_records.h"
#include "data/pipeline/patience.h"
#include "data/pipeline/prefetcher.h"
#include "data/sampler/bucket_shuffle.h"
#include "data/sampler/mixture_order.h"
#include "data/sampler/rank_rows.h"
#include "data/store/store_set.h"

namespace fgm {

struct BatchSourceOptions {
  int64_t global_batch = 1;  // rows of all ranks together, at least `world`
  int64_t rank = 0;
  int64_t world = 1;
  uint64_t seed = 1;
  bool needs_images = true;   // or their latents; false: captions only, images are not read even where there are some
  bool needs_pairs = false;   // a teacher's samples as the images, and their noise
  int64_t prefetch = 2;       // batches made ahead, see Prefetcher
  int64_t max_bad = 0;        // damaged records that are replaced, see DamagedRecords
  Wait wait = wait_in_sleep;  // for a file system, a short time each call; see Patience
  bool is_pinned = false;     // batches lie in memory that a GPU copies from at full speed
};

// ConfigError when a rank would have no row, and when a store lacks the images or pairs that are needed, or has them in
// another size than the first.
void check_batches(const BatchSourceOptions& options);
void check_batches(const StoreSet& stores, const BatchSourceOptions& options);

// This rank's rows of an endless, shuffled pass over stores, or over a list of captions. Sample s of the run
// (first_sample + row) is record MixtureOrder(shares, seed).index_of(s), with the stores' shares or one of all captions,
// so the global batches do not depend on the number of ranks. Where a store has latents and they are needed, every batch
// has those of one size: BucketShuffle says which. Each is drawn from its distribution anew, with noise of the seed and
// the sample.
//
// A record that is damaged, or whose caption's embedding is, gives its row to the next of its file (of its bucket; behind
// the last comes the first) that is whole. That is a function of the record alone, so global batches still do not depend
// on the number of ranks. next() throws a DamageError that names the record which is one too many.
class StoreBatchSource : public BatchSource {
 public:
  // ConfigError as check_batches().
  StoreBatchSource(std::shared_ptr<const StoreSet> stores, std::shared_ptr<const TextEncoder> encoder,
                   const BatchSourceOptions& options);
  // Of captions alone, whose options need neither images nor pairs.
  StoreBatchSource(std::shared_ptr<const Captions> captions, std::shared_ptr<const TextEncoder> encoder,
                   const BatchSourceOptions& options);

  ~StoreBatchSource() override;

  Batch next() override { return prefetcher_.next(); }
  void seek(int64_t batch_index) override;
  Conditioning null_condition() override;
  DamagedRecords& damaged() { return damaged_; }

 private:
  StoreBatchSource(std::shared_ptr<const Captions> captions, MixtureOrder order,
                   std::shared_ptr<const TextEncoder> encoder, const BatchSourceOptions& options);
  Batch make_batch(int64_t batch_index);
  void replace_damaged(int64_t first_sample, std::vector<int64_t>& records);
  Batch read(int64_t first_sample, std::span<const int64_t> records) const;
  Batch read_once(int64_t first_sample, std::span<const int64_t> records) const;
  std::vector<int64_t> records_of(int64_t batch_index) const;
  Range alternatives_to(int64_t record) const;
  at::Tensor latents(int64_t first_sample, std::span<const int64_t> records) const;
  bool wait(std::chrono::milliseconds time) const;

  std::shared_ptr<const StoreSet> stores_;  // null: captions alone
  std::shared_ptr<const Captions> captions_;
  std::shared_ptr<const TextEncoder> encoder_;
  BatchSourceOptions options_;
  Range rows_;
  MixtureOrder order_;
  std::optional<BucketShuffle> buckets_;  // of latents
  RandomStream posterior_;                // latents' noise
  Patience patience_;
  DamagedRecords damaged_;
  std::atomic<bool> is_impatient_ = false;  // what is read now is not needed any more
  Prefetcher prefetcher_;                   // last: its thread uses the others
};

// uint8 [B, H, W, C] to float32 [B, C, H, W] in [-1, 1]: u8 / 127.5 - 1.
at::Tensor to_model_range(const at::Tensor& images_BHWC);

}  // namespace fgm
