#include "data/store/internal/latent_file.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <sstream>
#include <utility>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "data/store/internal/embedding_file.h"
#include "data/store/internal/header.h"
#include "data/store/internal/layout.h"

// C channels, h x w of a latent, H x W of its image
namespace fgm {
namespace {

// "512x448 512x512": height and width of each. IoError naming the file `name`.
std::vector<LatentBucket> parse_buckets(const std::string& text, const std::string& name) {
  std::vector<LatentBucket> buckets;
  std::set<std::string> seen;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    LatentBucket bucket;
    const char* end = word.data() + word.size();
    const auto height = std::from_chars(word.data(), end, bucket.height);
    if (height.ptr != end) std::from_chars(height.ptr + 1, end, bucket.width);
    require<IoError>(bucket.height > 0 && bucket.width > 0 && bucket.name() == word && seen.insert(word).second,
                     "'{}': attribute {} has '{}' where the height and width of a bucket, 512x448, is expected once",
                     name, layout::kLatentBuckets, word);
    buckets.push_back(bucket);
  }
  require<IoError>(!buckets.empty(), "'{}': attribute {} names no bucket", name, layout::kLatentBuckets);
  return buckets;
}

// What the rows of a bucket say of all: they must say the same.
void read_bucket(const H5Extent& rows, const std::string& name, bool is_first, LatentBucket& bucket, LatentInfo& info) {
  const auto& shape = rows.shape;
  require<IoError>(shape.size() == 4 && rows.bytes > 0, "'{}': expected {} of shape [n, C, h, w], found [{}]", name,
                   latents_dataset(bucket), fmt::join(shape, ", "));
  bucket.size = shape[0];
  const bool has_logvar = shape[1] % 2 == 0 && shape[1] / 2 == info.channels;
  const int64_t downscale = bucket.height / shape[2];
  if (is_first) {
    info.has_logvar = has_logvar;
    info.downscale = downscale;
  }
  require<IoError>((has_logvar || shape[1] == info.channels) && has_logvar == info.has_logvar &&
                       downscale == info.downscale && shape[2] * downscale == bucket.height &&
                       shape[3] * downscale == bucket.width,
                   "'{}': {} is [{}], which does not fit {} channels and the other buckets; make the store again", name,
                   latents_dataset(bucket), fmt::join(shape, ", "), info.channels);
}

}  // namespace

int64_t LatentInfo::size() const {
  int64_t count = 0;
  for (const auto& bucket : buckets) count += bucket.size;
  return count;
}

size_t LatentInfo::bucket_of(int64_t record) const {
  size_t bucket = 0;
  while (record >= buckets.at(bucket).size) record -= buckets[bucket++].size;
  return bucket;
}

std::vector<int64_t> LatentInfo::latent_shape(size_t bucket) const {
  return {channels, buckets.at(bucket).height / downscale, buckets[bucket].width / downscale};
}

std::vector<int64_t> LatentInfo::row_shape(size_t bucket) const {
  auto shape = latent_shape(bucket);
  if (has_logvar) shape[0] *= 2;
  return shape;
}

std::string latents_dataset(const LatentBucket& bucket) {
  return fmt::format("{}/{}", layout::kLatentsGroup, bucket.name());
}

LatentInfo read_latent_info(const std::filesystem::path& path) {
  const LatentFile file(path);
  LatentInfo info = file.info();
  info.num_done = file.count_done();
  return info;
}

LatentFile::LatentFile(const std::filesystem::path& path, Access access) : data_(path, access) {
  const auto name = path.string();
  const auto file = H5File::open_read_only(path);
  auto header = read_header(file, name);
  require<IoError>(header.kind == layout::kLatents,
                   "'{}' is a store of {}, and one of latents is needed; `fgm encode --vae` writes it", name,
                   header.kind);
  info_.buckets = parse_buckets(file.string_attribute(layout::kLatentBuckets), name);
  info_.channels = file.int_attribute(layout::kLatentChannels);
  info_.provenance = std::move(header.provenance);
  const auto element = file.float_element(latents_dataset(info_.buckets.front()));
  info_.dtype = scalar_type(element);
  for (auto& bucket : info_.buckets) {
    rows_.push_back(file.extent(latents_dataset(bucket), element));
    begins_.push_back(rows_.size() == 1 ? 0 : begins_.back() + rows_[rows_.size() - 2].shape[0]);
    read_bucket(rows_.back(), name, rows_.size() == 1, bucket, info_);
  }
  marks_ = {file.extent(layout::kLatentDigest, H5Element::kUint64),
            file.extent(layout::kLatentDone, H5Element::kUint8)};
  blob_ = file.extent(layout::kPromptBlob, H5Element::kUint8);
  offsets_ = file.extent(layout::kPromptOffset, H5Element::kUint64);
  lengths_ = file.extent(layout::kPromptLength, H5Element::kUint64);
  hashes_ = file.extent(layout::kPromptHash, H5Element::kUint64);
  for (const auto& shape :
       {marks_.digests().shape, marks_.done().shape, offsets_.shape, lengths_.shape, hashes_.shape}) {
    require<IoError>(
        shape == std::vector{size()},
        "'{}': expected a digest, a mark and a prompt for each of {} latents, found {}; make the store again", name,
        size(), fmt::join(shape, " x "));
  }
}

std::vector<H5Extent> LatentFile::values() const {
  auto values = rows_;
  for (const auto& extent : {marks_.digests(), marks_.done(), blob_, offsets_, lengths_, hashes_})
    values.push_back(extent);
  return values;
}

size_t LatentFile::most_bytes() const {
  size_t most = 0;
  for (size_t bucket = 0; bucket < rows_.size(); ++bucket) most = std::max(most, row_bytes(bucket));
  return most;
}

uint64_t LatentFile::offset_of(int64_t index) const {
  const size_t bucket = info_.bucket_of(index);
  return rows_[bucket].offset + static_cast<uint64_t>(index - begins_[bucket]) * row_bytes(bucket);
}

bool LatentFile::read(int64_t index, std::span<std::byte> record) const {
  const auto bytes = record.first(record_bytes(index));
  data_.read(offset_of(index), bytes, index);
  return marks_.matches(data_, index, bytes);
}

void LatentFile::write(int64_t index, std::span<const std::byte> record) const {
  check(record.size() == record_bytes(index), "latent {} has {} bytes, not {}", index, record_bytes(index),
        record.size());
  data_.write(offset_of(index), record);
  marks_.write_digest(data_, index, record);
}

std::string LatentFile::digest() const {
  Digest digest;
  for (const auto& bucket : info_.buckets) {
    const auto text = fmt::format("{} {};", bucket.name(), bucket.size);
    digest.update(std::as_bytes(std::span(text)));
  }
  add_extent(digest, data_, marks_.digests());
  return digest.hex();
}

}  // namespace fgm
