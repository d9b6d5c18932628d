#include "data/pipeline/store_bench.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <span>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "data/sampler/epoch_shuffle.h"
#include "data/store/embedding_store.h"
#include "data/store/store.h"

namespace fgm {
namespace {

// The records of a store, as training reads them and as bytes of its file.
struct BenchRecords {
  int64_t size = 0;
  std::function<void(std::span<const int64_t>)> read;
  std::function<std::vector<ByteRange>(int64_t)> places_of;
};

BenchRecords images_or_pairs(const std::shared_ptr<const Store>& store) {
  return {.size = store->size(),
          .read =
              [store](std::span<const int64_t> records) {
                if (store->has_images()) {
                  store->images(records);
                } else {
                  store->pairs(records);
                }
              },
          .places_of = [store](int64_t record) { return std::vector{store->place_of_row(record)}; }};
}

BenchRecords embeddings(const std::shared_ptr<const Store>& captions, const std::filesystem::path& path) {
  const auto store = std::make_shared<const EmbeddingStore>(path);
  const auto& shape = store->info().shape;
  const auto context = at::empty({shape.num_tokens(), shape.context_width}, at::kFloat);
  const auto pooled = at::empty({shape.pooled_width}, at::kFloat);
  store->find("");  // makes the index
  return {.size = captions->size(),
          .read =
              [=](std::span<const int64_t> records) {
                for (const int64_t record : records) {
                  store->read(captions->caption(record), context.data_ptr<float>(), pooled.data_ptr<float>());
                }
              },
          .places_of =
              [store](int64_t record) {
                const auto places = store->places_of(record);
                return std::vector<ByteRange>(places.begin(), places.end());
              }};
}

BenchRecords open_records(const std::filesystem::path& path, StoreBench& bench) {
  const auto store = std::make_shared<const Store>(path);
  bench.kind = store->kind();
  const bool has_rows = store->has_images() || store->has_pairs();
  require<ConfigError>(has_rows || bench.kind == "embeddings",
                       "'{}' is a store of {}; give one of images, pairs or embeddings", path.string(), bench.kind);
  auto records = has_rows ? images_or_pairs(store) : embeddings(store, path);
  require<ConfigError>(records.size >= std::ssize(StoreBench::kWays), "'{}' has {} records; give a store of {} or more",
                       path.string(), records.size, StoreBench::kWays.size());
  for (const auto& place : records.places_of(0)) bench.record_bytes += place.bytes;
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
  const auto source = open_records(path, bench);
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
      const auto start = std::chrono::steady_clock::now();
      way == 0 ? source.read(indices) : read_bytes(indices, way == 2);
      rate.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      rate.records += std::ssize(indices);
    }
  }
  return bench;
}

}  // namespace fgm
