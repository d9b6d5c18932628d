#include "data/pipeline/store_batch_source.h"

#include <array>

#include "core/base/error.h"

namespace fgm {

void check_batches(const Store& store, const BatchSourceOptions& options) {
  require<ConfigError>(store.has_images() || !options.needs_images,
                       "'{}' holds {} only, training needs images; set data.store to a store with images",
                       store.path().string(), store.kind());
  require<ConfigError>(store.has_pairs() || !options.needs_pairs,
                       "'{}' is a store of {}, regression needs pairs; set data.store to one that `fgm pairs` wrote",
                       store.path().string(), store.kind());
  check_batches(options);
}

void check_batches(const BatchSourceOptions& options) {
  require<ConfigError>(options.global_batch >= options.world,
                       "a batch of {} leaves some of the {} ranks without a sample; raise the batch or use fewer ranks",
                       options.global_batch, options.world);
  check(options.rank >= 0 && options.rank < options.world, "rank {} of {}", options.rank, options.world);
}

at::Tensor to_model_range(const at::Tensor& images_BHWC) {
  static const auto kValues = [] {
    std::array<float, 256> values;
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) / 127.5f - 1.0f;
    return values;
  }();
  const int64_t batch = images_BHWC.size(0), pixels = images_BHWC.size(1) * images_BHWC.size(2);
  const int64_t channels = images_BHWC.size(3);
  const auto out = at::empty({batch, channels, images_BHWC.size(1), images_BHWC.size(2)}, at::kFloat);
  const auto contiguous = images_BHWC.contiguous();
  const uint8_t* in = contiguous.data_ptr<uint8_t>();
  float* image = out.data_ptr<float>();
  // Plain loops: the prefetch thread runs this, and ATen would take the threads that compute.
  for (int64_t b = 0; b < batch; ++b, image += channels * pixels) {
    for (int64_t pixel = 0; pixel < pixels; ++pixel) {
      for (int64_t c = 0; c < channels; ++c) image[c * pixels + pixel] = kValues[*in++];
    }
  }
  return out;
}

StoreBatchSource::StoreBatchSource(std::shared_ptr<const Store> store, std::shared_ptr<const TextEncoder> encoder,
                                   const BatchSourceOptions& options)
    : StoreBatchSource(std::shared_ptr<const Captions>(store), std::move(encoder), options) {
  check_batches(*store, options_);
  store_ = std::move(store);
}

StoreBatchSource::StoreBatchSource(std::shared_ptr<const Captions> captions, std::shared_ptr<const TextEncoder> encoder,
                                   const BatchSourceOptions& options)
    : captions_(std::move(captions)),
      encoder_(std::move(encoder)),
      options_(options),
      rows_(rank_rows(options.global_batch, options.rank, options.world)),
      shuffle_(captions_->size(), options.seed),
      prefetcher_([this](int64_t batch_index) { return make_batch(batch_index); }, options.prefetch) {
  check_batches(options_);
}

Conditioning StoreBatchSource::null_condition() {
  const std::string empty_caption;
  return encoder_->encode({&empty_caption, 1});
}

Batch StoreBatchSource::make_batch(int64_t batch_index) const {
  Batch batch;
  batch.first_sample = batch_index * options_.global_batch + rows_.begin;
  batch.global_batch = options_.global_batch;
  std::vector<int64_t> records;
  for (int64_t row = 0; row < rows_.size(); ++row) {
    records.push_back(shuffle_.index_of(batch.first_sample + row));
    batch.prompts.push_back(captions_->caption(records.back()));
  }
  batch.condition = encoder_->encode(batch.prompts);
  if (options_.needs_pairs) {
    auto pairs = store_->pairs(records);
    batch.images = std::move(pairs.samples);
    batch.noise = std::move(pairs.noise);
  }
  if (options_.needs_images) batch.images = to_model_range(store_->images(records));
  return batch;
}

}  // namespace fgm
