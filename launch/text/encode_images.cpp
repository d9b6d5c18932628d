#include "launch/text/encode_images.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/base/rng.h"
#include "data/pipeline/store_batch_source.h"
#include "data/sampler/rank_rows.h"
#include "launch/text/encode_progress.h"

namespace fgm {
namespace {

// Records that are written to the disk together.
constexpr int64_t kImagesAtOnce = 16;

LatentBucket bucket_of(const Store& store, const VaeConfig& vae) {
  require<ConfigError>(store.has_images(), "'{}' is a store of {}; one of images is needed", store.path().string(),
                       store.kind());
  const auto hwc = store.image_shape();
  const int64_t multiple = vae.downscale();
  require<ConfigError>(hwc[0] % multiple == 0 && hwc[1] % multiple == 0 && hwc[2] == vae.image_channels,
                       "'{}': its images are {}; the autoencoder takes multiples of {} with {} channels",
                       store.path().string(), fmt::join(hwc, " x "), multiple, vae.image_channels);
  return {hwc[0], hwc[1], store.size()};
}

// The row of an image's record, on the CPU.
at::Tensor row_of(const VaeEncoder& encoder, const at::Tensor& image, std::optional<uint64_t> sample_seed,
                  at::Device device) {
  const auto [mean, logvar] = encoder.encode(to_model_range(image).to(device));
  if (!sample_seed) return at::cat({mean, logvar}, /*dim=*/1)[0].cpu();
  const auto pixels = image.contiguous();
  const auto digest = hash64({static_cast<const char*>(pixels.const_data_ptr()), pixels.nbytes()});
  const auto eps = RandomStream(*sample_seed, "encode.latents")
                       .normal(/*step=*/0, static_cast<int64_t>(digest >> 1), 1, mean.sizes().slice(1));
  return (mean.cpu() + at::exp(0.5 * logvar.cpu()) * eps)[0];
}

// How many records each rank has to encode.
std::vector<int64_t> counts_of_ranks(int64_t own, World& world) {
  const auto counts = at::zeros({world.size()}, at::kLong);
  counts[world.rank()] = own;
  world.control().all_reduce(counts, Reduce::kSum).wait();
  const auto* first = counts.const_data_ptr<int64_t>();
  return {first, first + counts.numel()};
}

}  // namespace

ImagesBySize::ImagesBySize(std::vector<Store> stores, const VaeConfig& vae) {
  std::vector<std::pair<size_t, size_t>> order;  // bucket and store
  for (size_t i = 0; i < stores.size(); ++i) {
    const auto bucket = bucket_of(stores[i], vae);
    const auto found = std::ranges::find_if(
        buckets_, [&](const auto& each) { return each.height == bucket.height && each.width == bucket.width; });
    order.emplace_back(found - buckets_.begin(), i);
    if (found == buckets_.end()) {
      buckets_.push_back(bucket);
    } else {
      found->size += bucket.size;
    }
  }
  std::ranges::sort(order);
  for (const auto& [bucket, i] : order) stores_.push_back(std::move(stores[i]));
}

std::vector<std::string> ImagesBySize::prompts() const {
  std::vector<std::string> prompts;
  for (const auto& store : stores_) std::ranges::move(store.prompts(), std::back_inserter(prompts));
  return prompts;
}

std::vector<std::string> ImagesBySize::digests() const {
  std::vector<std::string> digests;
  for (const auto& store : stores_) digests.push_back(store.digest());
  return digests;
}

at::Tensor ImagesBySize::image(int64_t record) const {
  size_t store = 0;
  while (record >= stores_.at(store).size()) record -= stores_[store++].size();
  return stores_[store].images({&record, 1});
}

bool encode_images(const ImagesBySize& images, const Sd3Vae& vae, std::optional<uint64_t> sample_seed,
                   const LatentWriter& writer, World& world) {
  const at::NoGradGuard no_grad;
  int64_t num_images = 0;
  for (const auto& bucket : images.buckets()) num_images += bucket.size;
  const auto own = rank_rows(num_images, world.rank(), world.size());
  const auto records = writer.remaining(own.begin, own.end);
  const auto counts = counts_of_ranks(std::ssize(records), world);
  int64_t num_wanted = 0;
  for (const int64_t count : counts) num_wanted += count;

  VaeEncoder encoder(vae.config, at::TensorOptions().dtype(at::kFloat).device(world.device()));
  load_parameters(encoder, *vae.weights);
  EncodeProgress progress("images", num_images, num_wanted);
  for (int64_t begin = 0; begin < std::ranges::max(counts); begin += kImagesAtOnce) {
    if (world.is_stopping()) return false;
    const int64_t end = std::min(begin + kImagesAtOnce, std::ssize(records));
    std::vector<at::Tensor> rows;
    for (int64_t i = begin; i < end; ++i) {
      const auto image = images.image(records[static_cast<size_t>(i)]);
      rows.push_back(row_of(encoder, image, sample_seed, world.device()));
    }
    if (!rows.empty()) writer.write(std::span(records).subspan(static_cast<size_t>(begin), rows.size()), rows);
    int64_t num_written = 0;
    for (const int64_t count : counts) num_written += std::clamp(count - begin, int64_t{0}, kImagesAtOnce);
    if (world.is_first()) progress.add(num_written);
  }
  return true;
}

}  // namespace fgm
