#include "data/store/internal/write_merged.h"

#include <algorithm>
#include <deque>
#include <iterator>
#include <optional>
#include <string_view>
#include <tuple>
#include <unordered_set>

#include "core/base/error.h"
#include "data/hdf5/h5_file.h"
#include "data/store/embedding_writer.h"
#include "data/store/internal/embedding_file.h"
#include "data/store/internal/latent_file.h"
#include "data/store/internal/layout.h"
#include "data/store/internal/partial_file.h"
#include "data/store/internal/rows.h"
#include "data/store/latent_writer.h"
#include "data/store/store.h"
#include "data/store/store_writer.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

void leave_distinct_prompts(MergedRecords& records) {
  MergedRecords all = std::exchange(records, {});
  std::unordered_set<std::string_view> seen;
  std::vector<size_t> kept;
  for (size_t i = 0; i < all.prompts.size(); ++i) {
    if (seen.insert(all.prompts[i]).second) kept.push_back(i);
  }
  for (const size_t i : kept) records.move_from(all, i);
}

// ConfigError naming `what` where a file differs from the first in it.
template <typename Value>
void require_alike(const MergeSources& sources, size_t file, const char* what, const Value& first, const Value& other) {
  require<ConfigError>(first == other, "'{}' and '{}' are no single store: they differ in {}",
                       sources.files[0].string(), sources.files[file].string(), what);
}

// What the new store is written with, for images, samples, pairs and captions.
StoreContents header_of(MergeSources& sources) {
  StoreContents header{.kind = sources.kind, .provenance = sources.provenance, .prompts = {}};
  header.prompts = std::move(sources.records.prompts);
  if (sources.kind != layout::kPairs) return header;
  for (size_t i = 0; i < sources.files.size(); ++i) {
    const auto seed = H5File::open_read_only(sources.files[i]).int_attribute(layout::kNoiseSeed);
    if (i == 0) header.noise_seed = seed;
    require_alike(sources, i, layout::kNoiseSeed, header.noise_seed, seed);
  }
  return header;
}

// The record of the new store, into all of `buffer`.
template <typename File>
void read_record(const std::deque<File>& files, const RecordPlace& place, std::span<std::byte> buffer) {
  const auto& file = files[place.file];
  if (file.read(place.record, buffer)) return;
  throw DamageError(fmt::format("'{}': record {} fails its check-sum; `fgm data verify` names all that do",
                                file.data().path().string(), place.record));
}

void write_merged_rows(MergeSources& sources, const layout::Rows& rows, const fs::path& out) {
  std::deque<RowsFile> files;
  for (const auto& path : sources.files) {
    const auto& file = files.emplace_back(path, rows);
    require_alike(sources, files.size() - 1, "the size of their images", files[0].row_shape(), file.row_shape());
    if (file.has_row_digests()) continue;
    if (const auto problem = file.problem()) throw DamageError(fmt::format("'{}': {}", path.string(), *problem));
  }
  auto shape = files[0].row_shape();
  StoreWriter writer(out, header_of(sources), shape);
  shape.insert(shape.begin(), 1);
  const auto row = at::empty(shape, rows.element == H5Element::kFloat16 ? at::kHalf : at::kByte);
  const std::span bytes(static_cast<std::byte*>(row.data_ptr()), row.nbytes());
  for (const auto& place : sources.records.places) {
    read_record(files, place, bytes);
    writer.append(row);
  }
  writer.commit();
}

// Copies what OUT.partial does not have yet, and gives it its name.
template <typename File, typename Writer>
void copy_records(const MergeSources& sources, const fs::path& out) {
  constexpr size_t kCopiesAtOnce = 64;  // are on the disk before they are marked
  {
    std::deque<File> files;
    for (const auto& path : sources.files) files.emplace_back(path);
    const File target(partial_file(out), Access::kReadWrite);
    std::vector<int64_t> written;
    const auto mark = [&] {
      target.data().sync();
      for (const int64_t i : written) target.set_done(i);
      written.clear();
    };
    std::vector<std::byte> buffer;
    for (const int64_t i : Writer(out).remaining(0, target.size())) {
      const auto& place = sources.records.places[static_cast<size_t>(i)];
      buffer.resize(target.record_bytes(i));
      read_record<File>(files, place, buffer);
      target.write(i, buffer);
      written.push_back(i);
      if (written.size() == kCopiesAtOnce) mark();
    }
    mark();
  }
  Writer::finish(out);
}

void write_merged_embeddings(MergeSources& sources, const fs::path& out) {
  leave_distinct_prompts(sources.records);
  const auto first = EmbeddingFile(sources.files[0]).info();
  for (size_t i = 1; i < sources.files.size(); ++i) {
    const auto info = EmbeddingFile(sources.files[i]).info();
    require_alike(sources, i, "the sizes of their embeddings", first.shape, info.shape);
    require_alike(sources, i, "the dtype of their embeddings", first.dtype, info.dtype);
  }
  EmbeddingWriter::prepare(out, {.prompts = std::move(sources.records.prompts),
                                 .shape = first.shape,
                                 .dtype = first.dtype,
                                 .provenance = sources.provenance});
  copy_records<EmbeddingFile, EmbeddingWriter>(sources, out);
}

// Puts the records of one size one behind the other, and returns the sizes.
std::vector<LatentBucket> sort_into_buckets(const std::vector<LatentInfo>& infos, MergedRecords& records) {
  std::vector<LatentBucket> buckets;
  std::vector<std::vector<size_t>> members;
  for (size_t i = 0; i < records.places.size(); ++i) {
    const auto& info = infos[records.places[i].file];
    const auto& from = info.buckets[info.bucket_of(records.places[i].record)];
    const auto found = std::ranges::find(buckets, from.name(), &LatentBucket::name);
    const auto bucket = static_cast<size_t>(found - buckets.begin());
    if (found == buckets.end()) {
      buckets.push_back({from.height, from.width, 0});
      members.emplace_back();
    }
    ++buckets[bucket].size;
    members[bucket].push_back(i);
  }
  MergedRecords all = std::exchange(records, {});
  for (const auto& each : members) {
    for (const size_t i : each) records.move_from(all, i);
  }
  return buckets;
}

void write_merged_latents(MergeSources& sources, const fs::path& out) {
  std::vector<LatentInfo> infos;
  for (const auto& path : sources.files) {
    const auto& info = infos.emplace_back(LatentFile(path).info());
    const auto of = [](const LatentInfo& each) {
      return std::tuple(each.channels, each.downscale, each.has_logvar, each.dtype);
    };
    require_alike(sources, infos.size() - 1, "the channels, scale, dtype or log-variances of their latents",
                  of(infos[0]), of(info));
  }
  LatentInfo merged = infos[0];
  merged.buckets = sort_into_buckets(infos, sources.records);
  merged.provenance = sources.provenance;
  LatentWriter::prepare(out, merged, sources.records.prompts);
  copy_records<LatentFile, LatentWriter>(sources, out);
}

}  // namespace

MergedStore write_merged(MergeSources& sources, const fs::path& out, int64_t num_all) {
  const auto rows = layout::rows_of(sources.kind);
  if (rows) {
    write_merged_rows(sources, *rows, out);
  } else if (sources.kind == layout::kEmbeddings) {
    write_merged_embeddings(sources, out);
  } else if (sources.kind == layout::kLatents) {
    write_merged_latents(sources, out);
  } else {
    write_store(out, header_of(sources));
  }
  const auto size = std::ssize(sources.records.places);
  return {sources.kind, size, num_all - size};
}

}  // namespace fgm
