#pragma once

#include <array>
#include <filesystem>
#include <map>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "data/hdf5/h5_file.h"
#include "data/store/embedding_store.h"
#include "data/store/store.h"
#include "data/store/store_writer.h"
#include "tests/data/store/embedding_fixture.h"
#include "tests/data/store/latent_fixture.h"

namespace fgm {

inline constexpr std::array<const char*, 6> kStoreKinds = {"captions", "images",     "samples",
                                                           "pairs",    "embeddings", "latents"};

// A store of a few records.
inline void write_small_store(const std::filesystem::path& path, std::string_view kind) {
  const std::vector<std::string> prompts = {"a red cube", "", "zwei gr\xC3\xBCne Kreise"};
  if (kind == "embeddings") return write_embeddings(path, embeddings_of(prompts, at::kBFloat16));
  if (kind == "latents") return write_latents(path, small_latents(at::kHalf));
  StoreContents contents{.kind = std::string(kind), .provenance = {{"made", "by a test"}}, .prompts = prompts};
  const auto rows = at::arange(3 * 12).view({3, 2, 2, 3});
  if (kind != "pairs") {
    if (kind != "captions") contents.images_NHWC = rows.to(at::kByte);
    return write_store(path, contents);
  }
  StoreWriter writer(path, contents, {3, 2, 2});
  writer.append(rows.to(at::kHalf).view({3, 3, 2, 2}));
  writer.commit();
}

inline void append_bytes(std::string& out, const at::Tensor& values) {
  const auto contiguous = values.contiguous();
  out.append(static_cast<const char*>(contiguous.const_data_ptr()), contiguous.nbytes());
}

// Those of a store's datasets that have values.
inline std::vector<H5Extent> values_of(const std::filesystem::path& path) {
  const auto file = H5File::open_read_only(path);
  std::vector<H5Extent> values;
  for (const auto& [element, names] : std::map<H5Element, std::vector<const char*>>{
           {H5Element::kUint8, {"prompts/blob", "images", "text/done", "latents/done"}},
           {H5Element::kUint64,
            {"prompts/offset", "prompts/length", "prompts/xxh64", "text/xxh3", "latents/xxh3", "images_xxh3",
             "samples_xxh3"}},
           {H5Element::kFloat16, {"samples", "latents/4x6", "latents/8x2"}},
           {H5Element::kBFloat16, {"text/clip", "text/t5", "text/pooled"}}}) {
    for (const auto* name : names) {
      try {
        values.push_back(file.extent(name, element));
      } catch (const IoError&) {
      }
    }
  }
  return values;
}

// The bytes of all that a store of any kind holds, each check-sum compared. Error when it is refused.
inline std::string read_whole_store(const std::filesystem::path& path) {
  const Store store(path);
  std::string out;
  for (const auto& prompt : store.prompts()) out += prompt + '\n';
  std::vector<int64_t> records(static_cast<size_t>(store.size()));
  std::iota(records.begin(), records.end(), 0);
  if (store.has_images() || store.has_pairs()) store.verify_images();
  if (store.has_images()) append_bytes(out, store.images(records));
  if (store.has_pairs()) {
    const auto pairs = store.pairs(records);
    append_bytes(out, at::stack({pairs.noise, pairs.samples}));
  }
  if (store.has_latents()) {
    const auto& info = store.latent_info();
    for (const int64_t& record : records) {
      auto shape = info.latent_shape(info.bucket_of(record));
      shape.insert(shape.begin(), 1);
      append_bytes(out, store.latents({&record, 1}, at::zeros(shape)));
    }
  }
  if (store.kind() == "embeddings") {
    std::vector<EmbeddingStore> stores;
    stores.emplace_back(path);
    const auto condition = StoredTextEncoder(std::move(stores)).encode(store.prompts());
    append_bytes(out, condition.context_BLJ);
    append_bytes(out, condition.pooled_BP);
  }
  return out;
}

}  // namespace fgm
