#include "data/pipeline/store_bench.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <thread>
#include <utility>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "data/pipeline/prefetcher.h"
#include "data/pipeline/store_batch_source.h"
#include "data/sampler/epoch_shuffle.h"
#include "data/store/embedding_store.h"
#include "data/store/store.h"

namespace fgm {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// The records of a store, as batches of training and as bytes of its file.
struct BenchRecords {
  int64_t size = 0;
  std::function<Batch(std::span<const int64_t>)> read;
  std::function<std::vector<ByteRange>(int64_t)> places_of;
};

BenchRecords images_or_pairs(const std::shared_ptr<const Store>& store) {
  return {.size = store->size(),
          .read =
              [store](std::span<const int64_t> records) {
                Batch batch;
                if (store->has_images()) {
                  batch.images = store->images(records);
                } else {
                  auto pairs = store->pairs(records);
                  batch.images = std::move(pairs.samples);
                  batch.noise = std::move(pairs.noise);
                }
                return batch;
              },
          .places_of = [store](int64_t record) { return std::vector{store->place_of_row(record)}; }};
}

BenchRecords embeddings(const std::shared_ptr<const Store>& captions, const std::filesystem::path& path) {
  std::vector<EmbeddingStore> stores;
  stores.emplace_back(path);
  const auto encoder = std::make_shared<const StoredTextEncoder>(std::move(stores));
  encoder->contains("");  // makes the index of prompts
  return {.size = captions->size(),
          .read =
              [=](std::span<const int64_t> records) {
                Batch batch;
                for (const int64_t record : records) batch.prompts.push_back(captions->caption(record));
                batch.condition = encoder->encode(batch.prompts);
                return batch;
              },
          .places_of =
              [encoder](int64_t record) {
                const auto places = encoder->stores()[0].places_of(record);
                return std::vector<ByteRange>(places.begin(), places.end());
              }};
}

BenchRecords open_records(const std::filesystem::path& path) {
  const auto store = std::make_shared<const Store>(path);
  const bool has_rows = store->has_images() || store->has_pairs();
  require<ConfigError>(has_rows || store->kind() == "embeddings",
                       "'{}' is a store of {}; give one of images, pairs or embeddings", path.string(), store->kind());
  auto records = has_rows ? images_or_pairs(store) : embeddings(store, path);
  require<ConfigError>(records.size >= std::ssize(StoreBench::kWays), "'{}' has {} records; give a store of {} or more",
                       path.string(), records.size, StoreBench::kWays.size());
  return records;
}

void read_places(const PositionedFile& file, const std::vector<ByteRange>& places, std::vector<std::byte>& buffer) {
  auto rest = std::span(buffer);
  for (const auto& place : places) {
    file.read(place.offset, rest.first(place.bytes));
    rest = rest.subspan(place.bytes);
  }
}

}  // namespace

double StoreBench::mb_per_s(const ReadRate& rate) const {
  return static_cast<double>(record_bytes) * static_cast<double>(rate.records) / rate.seconds / 1e6;
}

StoreBench bench_store(const std::filesystem::path& path, int64_t records) {
  constexpr int64_t kTurn = 16;
  constexpr auto kNumWays = std::ssize(StoreBench::kWays);
  StoreBench bench;
  bench.kind = kind_of_store(path);
  const auto source = open_records(path);
  for (const auto& place : source.places_of(0)) bench.record_bytes += place.bytes;
  const PositionedFile file(path);
  std::vector<std::byte> buffer(bench.record_bytes);
  const auto read_bytes = [&](std::span<const int64_t> indices, bool is_hashed) {
    for (const int64_t index : indices) {
      read_places(file, source.places_of(index), buffer);
      if (is_hashed) hash64({reinterpret_cast<const char*>(buffer.data()), buffer.size()});
    }
  };
  const EpochShuffle shuffle(source.size, /*seed=*/1);
  bench.records = std::min(records, source.size);
  const int64_t turn = std::clamp<int64_t>(bench.records / kNumWays, 1, kTurn);
  for (auto& pass : bench.passes) {
    for (int64_t begin = 0, way = 0; begin < bench.records; begin += turn, way = (way + 1) % kNumWays) {
      std::vector<int64_t> indices;
      for (int64_t i = begin; i < std::min(begin + turn, bench.records); ++i) indices.push_back(shuffle.index_of(i));
      auto& rate = pass.at(static_cast<size_t>(way));
      const auto start = Clock::now();
      if (way == 0) {
        source.read(indices);
      } else {
        read_bytes(indices, way == 2);
      }
      rate.seconds += seconds_since(start);
      rate.records += std::ssize(indices);
    }
  }
  return bench;
}

double waiting_share(const std::filesystem::path& path, int64_t records_per_s, int64_t records) {
  constexpr int64_t kBatchesPerS = 10;
  check(records_per_s >= 1, "a consumer of {} records a second", records_per_s);
  const auto source = open_records(path);
  const EpochShuffle shuffle(source.size, /*seed=*/1);
  const int64_t batch = std::max<int64_t>(records_per_s / kBatchesPerS, 1);
  const auto make_batch = [&](int64_t batch_index) {
    std::vector<int64_t> indices;
    for (int64_t i = 0; i < batch; ++i) indices.push_back(shuffle.index_of(batch_index * batch + i));
    return source.read(indices);
  };
  Prefetcher prefetcher(make_batch, BatchSourceOptions{}.prefetch);
  prefetcher.next();  // a training has its first batch before its first step
  const auto step = std::chrono::duration<double>(static_cast<double>(batch) / static_cast<double>(records_per_s));
  const auto start = Clock::now();
  double waited = 0;
  for (int64_t taken = 0; taken < records; taken += batch) {
    std::this_thread::sleep_for(step);
    const auto asked = Clock::now();
    prefetcher.next();
    waited += seconds_since(asked);
  }
  return waited / seconds_since(start);
}

}  // namespace fgm
