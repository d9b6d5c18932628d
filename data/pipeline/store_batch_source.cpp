#include "data/pipeline/store_batch_source.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <vector>

#include "core/base/error.h"
#include "data/store/for_each_row.h"

namespace fgm {

namespace {

using Shape = std::vector<int64_t>;

MixtureOrder order_of(const StoreSet& stores, uint64_t seed) {
  std::vector<MixtureShare> shares;
  for (const auto& share : stores.shares()) shares.push_back({share.size, share.weight});
  return {shares, seed};
}

MixtureOrder order_of(const Captions& captions, uint64_t seed) {
  const MixtureShare all{captions.size()};
  return {{&all, 1}, seed};
}

void check_store(const Store& store, const Store& first, const BatchSourceOptions& options) {
  require<ConfigError>(store.has_images() || store.has_latents() || !options.needs_images,
                       "'{}' holds {} only, training needs images; set data.store to a store with images or latents",
                       store.path().string(), store.kind());
  require<ConfigError>(store.has_pairs() || !options.needs_pairs,
                       "'{}' is a store of {}, regression needs pairs; set data.store to one that `fgm pairs` wrote",
                       store.path().string(), store.kind());
  if (!options.needs_images && !options.needs_pairs) return;
  if (options.needs_images && (store.has_latents() || first.has_latents())) {
    require<ConfigError>(&store == &first, "'{}': latents are read from one file, and data.store names several",
                         store.path().string());
    return;
  }
  const auto shape_of = [&](const Store& one) { return options.needs_pairs ? one.sample_shape() : one.image_shape(); };
  const Shape own = shape_of(store), others = shape_of(first);
  require<ConfigError>(own == others, "'{}' holds {} of {}, and '{}' of {}; give data.store files of one size",
                       store.path().string(), store.kind(), fmt::join(own, " x "), first.path().string(),
                       fmt::join(others, " x "));
}

void pin(Batch& batch) {
  for (auto* tensor : {&batch.images, &batch.noise, &batch.condition.context_BLJ, &batch.condition.pooled_BP}) {
    if (tensor->defined()) *tensor = tensor->pin_memory();
  }
}

}  // namespace

void check_batches(const StoreSet& stores, const BatchSourceOptions& options) {
  for (const auto& store : stores.stores()) check_store(store, stores.stores()[0], options);
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

StoreBatchSource::StoreBatchSource(std::shared_ptr<const StoreSet> stores, std::shared_ptr<const TextEncoder> encoder,
                                   const BatchSourceOptions& options)
    : StoreBatchSource(stores, order_of(*stores, options.seed), std::move(encoder), options) {
  check_batches(*stores, options_);
  if (const Store& first = stores->stores()[0]; first.has_latents() && options_.needs_images) {
    std::vector<int64_t> sizes;
    for (const auto& bucket : first.latent_info().buckets) sizes.push_back(bucket.size);
    buckets_.emplace(sizes, options_.global_batch, options_.seed);
  }
  stores_ = std::move(stores);
}

StoreBatchSource::StoreBatchSource(std::shared_ptr<const Captions> captions, std::shared_ptr<const TextEncoder> encoder,
                                   const BatchSourceOptions& options)
    : StoreBatchSource(captions, order_of(*captions, options.seed), std::move(encoder), options) {}

StoreBatchSource::StoreBatchSource(std::shared_ptr<const Captions> captions, MixtureOrder order,
                                   std::shared_ptr<const TextEncoder> encoder, const BatchSourceOptions& options)
    : captions_(std::move(captions)),
      encoder_(std::move(encoder)),
      options_(options),
      rows_(rank_rows(options.global_batch, options.rank, options.world)),
      order_(std::move(order)),
      posterior_(options.seed, "data.latents"),
      patience_([this](std::chrono::milliseconds time) { return wait(time); }),
      damaged_(options.max_bad),
      prefetcher_([this](int64_t batch_index) { return make_batch(batch_index); }, options.prefetch) {
  check_batches(options_);
}

StoreBatchSource::~StoreBatchSource() {
  is_impatient_ = true;
}

void StoreBatchSource::seek(int64_t batch_index) {
  is_impatient_ = true;
  prefetcher_.seek(batch_index);
  is_impatient_ = false;
}

Conditioning StoreBatchSource::null_condition() {
  const std::string empty_caption;
  return patience_.read([&] { return encoder_->encode({&empty_caption, 1}); });
}

bool StoreBatchSource::wait(std::chrono::milliseconds time) const {
  constexpr std::chrono::milliseconds kSlice{100};  // and then it is asked whether the wait is to end
  for (; time.count() > 0; time -= kSlice) {
    if (is_impatient_ || !options_.wait(std::min(time, kSlice))) return false;
  }
  return true;
}

std::vector<int64_t> StoreBatchSource::records_of(int64_t batch_index) const {
  std::vector<int64_t> records;
  if (buckets_) {
    const auto place = buckets_->place_of(batch_index);
    for (int64_t row = rows_.begin; row < rows_.end; ++row) records.push_back(buckets_->record_of(place, row));
    return records;
  }
  const int64_t first = batch_index * options_.global_batch;
  for (int64_t row = rows_.begin; row < rows_.end; ++row) records.push_back(order_.index_of(first + row));
  return records;
}

// The records that one which is damaged may give its row to, itself among them.
Range StoreBatchSource::alternatives_to(int64_t record) const {
  if (!stores_) return {0, captions_->size()};
  if (!buckets_) return stores_->file_of(record);
  Range range;
  for (const auto& bucket : stores_->stores()[0].latent_info().buckets) {
    range = {range.end, range.end + bucket.size};
    if (record < range.end) break;
  }
  return range;
}

Batch StoreBatchSource::make_batch(int64_t batch_index) {
  auto records = records_of(batch_index);
  const int64_t first_sample = batch_index * options_.global_batch + rows_.begin;
  Batch batch;
  try {
    batch = read(first_sample, records);
  } catch (const DamageError&) {
    replace_damaged(first_sample, records);
    batch = read(first_sample, records);
  }
  if (options_.is_pinned) pin(batch);
  return batch;
}

void StoreBatchSource::replace_damaged(int64_t first_sample, std::vector<int64_t>& records) {
  for (size_t row = 0; row < records.size(); ++row) {
    const auto range = alternatives_to(records[row]);
    const int64_t in_order = records[row];
    const auto is_whole = [&] {
      try {
        read(first_sample + static_cast<int64_t>(row), {&records[row], 1});
        return true;
      } catch (const DamageError& error) {
        damaged_.add(error.what());
      }
      return false;
    };
    while (!is_whole()) {
      if (++records[row] == range.end) records[row] = range.begin;
      require<DamageError>(records[row] != in_order, "records {} to {} are all damaged", range.begin, range.end - 1);
    }
  }
}

Batch StoreBatchSource::read(int64_t first_sample, std::span<const int64_t> records) const {
  return patience_.read([&] { return read_once(first_sample, records); });
}

at::Tensor StoreBatchSource::latents(int64_t first_sample, std::span<const int64_t> records) const {
  const Store& store = stores_->stores()[0];
  const auto& info = store.latent_info();
  if (!info.has_logvar) return store.latents(records, {});
  const auto shape = info.latent_shape(info.bucket_of(records[0]));
  return store.latents(records, posterior_.normal(/*step=*/0, first_sample, std::ssize(records), shape));
}

Batch StoreBatchSource::read_once(int64_t first_sample, std::span<const int64_t> records) const {
  Batch batch;
  batch.first_sample = first_sample;
  batch.global_batch = options_.global_batch;
  batch.prompts.resize(records.size());
  for_each_row(std::ssize(records), [&](int64_t row) {
    const auto i = static_cast<size_t>(row);
    batch.prompts[i] = captions_->caption(records[i]);
  });
  batch.condition = encoder_->encode(batch.prompts);
  if (options_.needs_pairs) {
    auto pairs = stores_->pairs(records);
    batch.images = std::move(pairs.samples);
    batch.noise = std::move(pairs.noise);
  }
  if (buckets_) {
    batch.images = latents(first_sample, records);
  } else if (options_.needs_images) {
    batch.images = to_model_range(stores_->images(records));
  }
  return batch;
}

}  // namespace fgm
