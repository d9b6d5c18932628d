#include "data/store/internal/embedding_file.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "data/store/internal/header.h"
#include "data/store/internal/layout.h"

namespace fgm {
namespace {

// The dataset of `rank` dimensions, one row a record.
H5Extent open_rows(const H5File& file, const char* dataset, H5Element element, size_t rank, const std::string& name) {
  auto extent = file.extent(dataset, element);
  require<IoError>(extent.shape.size() == rank && extent.shape[0] > 0,
                   "'{}': expected {} of {} dimensions, one row for each prompt, found [{}]", name, dataset, rank,
                   fmt::join(extent.shape, ", "));
  return extent;
}

void require_fitting(const EmbeddingShape& shape, const std::string& name) {
  const bool has_t5 = shape.t5_width > 0;
  require<IoError>(shape.clip_tokens > 0 && shape.clip_width > 0 && shape.pooled_width > 0 &&
                       shape.context_width >= shape.clip_width && (!has_t5 || shape.t5_width == shape.context_width),
                   "'{}': CLIP's rows are {} x {}, T5's {} x {}, pooled is {}: they do not fit into a context of "
                   "width {}; make the store again",
                   name, shape.clip_tokens, shape.clip_width, shape.t5_tokens, shape.t5_width, shape.pooled_width,
                   shape.context_width);
}

}  // namespace

RecordBytes record_bytes(const EmbeddingShape& shape, H5Element element) {
  const auto bytes = [&](int64_t values) { return static_cast<size_t>(values * bytes_of(element)); };
  return {bytes(shape.clip_tokens * shape.clip_width), bytes(shape.t5_tokens * shape.t5_width),
          bytes(shape.pooled_width)};
}

at::ScalarType scalar_type(H5Element element) {
  return element == H5Element::kFloat32 ? at::kFloat : element == H5Element::kFloat16 ? at::kHalf : at::kBFloat16;
}

H5Element float_element(at::ScalarType dtype) {
  for (const auto element : {H5Element::kFloat32, H5Element::kFloat16, H5Element::kBFloat16}) {
    if (scalar_type(element) == dtype) return element;
  }
  throw Error(fmt::format("embeddings of type {} cannot be stored", at::toString(dtype)));
}

EmbeddingFile::EmbeddingFile(const std::filesystem::path& path, Access access) : data_(path, access) {
  const auto name = path.string();
  const auto file = H5File::open_read_only(path);
  auto header = read_header(file, name);
  require<IoError>(header.kind == layout::kEmbeddings,
                   "'{}' is a store of {}, and one of embeddings is needed; `fgm encode` writes it", name, header.kind);
  element_ = file.float_element(layout::kClip);
  clip_ = open_rows(file, layout::kClip, element_, 3, name);
  t5_ = open_rows(file, layout::kT5, element_, 3, name);
  pooled_ = open_rows(file, layout::kPooled, element_, 2, name);
  marks_ = {open_rows(file, layout::kRecordDigest, H5Element::kUint64, 1, name),
            open_rows(file, layout::kDone, H5Element::kUint8, 1, name)};
  offsets_ = open_rows(file, layout::kPromptOffset, H5Element::kUint64, 1, name);
  lengths_ = open_rows(file, layout::kPromptLength, H5Element::kUint64, 1, name);
  hashes_ = open_rows(file, layout::kPromptHash, H5Element::kUint64, 1, name);
  blob_ = file.extent(layout::kPromptBlob, H5Element::kUint8);
  info_ = {.shape = {clip_.shape[1], clip_.shape[2], t5_.shape[1], t5_.shape[2], pooled_.shape[1],
                     file.int_attribute(layout::kContextWidth)},
           .dtype = scalar_type(element_),
           .provenance = std::move(header.provenance),
           .size = clip_.shape[0]};
  const H5Extent* const others[] = {&t5_, &pooled_, &marks_.digests(), &marks_.done(), &offsets_, &lengths_, &hashes_};
  for (const auto* each : others) {
    require<IoError>(each->shape[0] == info_.size,
                     "'{}': expected one row for each of {} prompts in every dataset, found {}; make the store again",
                     name, info_.size, each->shape[0]);
  }
  require_fitting(info_.shape, name);
}

std::vector<H5Extent> EmbeddingFile::values() const {
  return {clip_, t5_, pooled_, marks_.digests(), marks_.done(), blob_, offsets_, lengths_, hashes_};
}

std::array<ByteRange, 3> EmbeddingFile::places_of(int64_t index) const {
  const auto bytes = record_bytes();
  const auto i = static_cast<uint64_t>(index);
  return {{{clip_.offset + i * bytes.clip, bytes.clip},
           {t5_.offset + i * bytes.t5, bytes.t5},
           {pooled_.offset + i * bytes.pooled, bytes.pooled}}};
}

bool EmbeddingFile::read(int64_t index, std::span<std::byte> record) const {
  auto rest = record;
  for (const auto& place : places_of(index)) {
    data_.read(place.offset, rest.first(place.bytes), index);
    rest = rest.subspan(place.bytes);
  }
  return marks_.matches(data_, index, record);
}

void EmbeddingFile::write(int64_t index, std::span<const std::byte> record) const {
  auto rest = record;
  for (const auto& place : places_of(index)) {
    data_.write(place.offset, rest.first(place.bytes));
    rest = rest.subspan(place.bytes);
  }
  marks_.write_digest(data_, index, record);
}

uint64_t EmbeddingFile::prompt_hash(int64_t index) const {
  return number(hashes_, index);
}

std::string EmbeddingFile::prompt(int64_t index) const {
  const uint64_t offset = number(offsets_, index), length = number(lengths_, index);
  require<DamageError>(offset <= blob_.bytes && length <= blob_.bytes - offset,
                       "'{}': prompt {} lies outside the {} bytes of {}; make the store again", data_.path().string(),
                       index, blob_.bytes, layout::kPromptBlob);
  std::string text(length, '\0');
  data_.read(blob_.offset + offset, std::as_writable_bytes(std::span(text)), index);
  require<DamageError>(xxh64(text) == number(hashes_, index),
                       "'{}': prompt {} fails its check-sum; copy or make the store again", data_.path().string(),
                       index);
  return text;
}

uint64_t EmbeddingFile::number(const H5Extent& table, int64_t index) const {
  return numbers(table, index, index + 1)[0];
}

std::vector<uint64_t> EmbeddingFile::numbers(const H5Extent& table, int64_t begin, int64_t end) const {
  std::vector<uint64_t> values(static_cast<size_t>(end - begin));
  data_.read(table.offset + static_cast<uint64_t>(begin) * sizeof(uint64_t), std::as_writable_bytes(std::span(values)),
             begin);
  return values;
}

}  // namespace fgm
