#include "data/store/internal/prompt_table.h"

#include <algorithm>
#include <unordered_map>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/base/text.h"
#include "data/store/internal/layout.h"

namespace fgm {
namespace {

constexpr int64_t kNumbersAtOnce = 1 << 14;  // prompts whose numbers are read at once

std::vector<uint64_t> read_numbers(const PositionedFile& data, const H5Extent& table, int64_t begin, int64_t end) {
  std::vector<uint64_t> values(static_cast<size_t>(end - begin));
  data.read(table.offset + static_cast<uint64_t>(begin) * sizeof(uint64_t), std::as_writable_bytes(std::span(values)),
            begin);
  if (table.is_high_byte_first) {
    for (auto& value : values) value = __builtin_bswap64(value);
  }
  return values;
}

// Reads texts that mostly lie one behind the other: those in large pieces, and one that lies before by itself, as that
// of a repeated prompt does.
class BlobReader {
 public:
  BlobReader(const PositionedFile& data, const H5Extent& blob) : data_(data), blob_(blob) {}

  // Good until the next call.
  std::string_view read(uint64_t offset, uint64_t length) {
    if (offset < begin_) {
      read_into(before_, offset, length);
      return before_;
    }
    if (offset + length > begin_ + piece_.size()) {
      read_into(piece_, offset, std::max(length, std::min(kPieceBytes, blob_.bytes - offset)));
      begin_ = offset;
    }
    return std::string_view(piece_).substr(offset - begin_, length);
  }

 private:
  static constexpr uint64_t kPieceBytes = uint64_t{1} << 20;

  void read_into(std::string& text, uint64_t offset, uint64_t length) const {
    text.resize(length);
    data_.read(blob_.offset + offset, std::as_writable_bytes(std::span(text)));
  }

  const PositionedFile& data_;
  const H5Extent& blob_;
  uint64_t begin_ = 0;  // where piece_ begins
  std::string piece_, before_;
};

std::optional<std::string> problem_of_text(int64_t index, std::string_view text, uint64_t hash) {
  if (xxh64(text) != hash) return fmt::format("prompt {} fails its check-sum; copy or make the store again", index);
  if (is_utf8(text)) return std::nullopt;
  return fmt::format("prompt {} is not UTF-8; make the store again from UTF-8 captions", index);
}

}  // namespace

PromptTable::PromptTable(const H5File& file, const std::string& name)
    : blob_(file.extent(layout::kPromptBlob, H5Element::kUint8)),
      offsets_(file.extent_of_integers(layout::kPromptOffset, H5Element::kUint64)),
      lengths_(file.extent_of_integers(layout::kPromptLength, H5Element::kUint64)),
      hashes_(file.extent_of_integers(layout::kPromptHash, H5Element::kUint64)) {
  require<IoError>(offsets_.bytes > 0 && lengths_.bytes == offsets_.bytes && hashes_.bytes == offsets_.bytes,
                   "'{}': expected prompt tables of one size above 0, found {} offsets, {} lengths, {} hashes", name,
                   offsets_.bytes / sizeof(uint64_t), lengths_.bytes / sizeof(uint64_t),
                   hashes_.bytes / sizeof(uint64_t));
  size_ = static_cast<int64_t>(offsets_.bytes / sizeof(uint64_t));
}

std::optional<std::string> PromptTable::problem_of_place(int64_t index, uint64_t offset, uint64_t length) const {
  if (offset <= blob_.bytes && length <= blob_.bytes - offset) return std::nullopt;
  return fmt::format("prompt {} lies outside the {} bytes of {}; make the store again", index, blob_.bytes,
                     layout::kPromptBlob);
}

std::string PromptTable::read(const PositionedFile& data, int64_t index) const {
  const auto name = data.path().string();
  check(index >= 0 && index < size_, "prompt {} of '{}', which has {}", index, name, size_);
  const auto number = [&](const H5Extent& table) { return read_numbers(data, table, index, index + 1)[0]; };
  const uint64_t offset = number(offsets_), length = number(lengths_);
  auto problem = problem_of_place(index, offset, length);
  std::string text;
  if (!problem) {
    text.resize(length);
    data.read(blob_.offset + offset, std::as_writable_bytes(std::span(text)), index);
    problem = problem_of_text(index, text, number(hashes_));
  }
  if (problem) throw DamageError(fmt::format("'{}': {}", name, *problem));
  return text;
}

void PromptTable::add_checksums(const PositionedFile& data, Digest& digest) const {
  for (int64_t begin = 0; begin < size_; begin += kNumbersAtOnce) {
    for (const auto* table : {&hashes_, &lengths_}) {
      const auto values = read_numbers(data, *table, begin, std::min(begin + kNumbersAtOnce, size_));
      digest.update(std::as_bytes(std::span(values)));
    }
  }
}

void PromptTable::each(const PositionedFile& data, const See& see) const {
  BlobReader blob(data, blob_);
  for (int64_t begin = 0; begin < size_; begin += kNumbersAtOnce) {
    const int64_t end = std::min(begin + kNumbersAtOnce, size_);
    const auto offsets = read_numbers(data, offsets_, begin, end), lengths = read_numbers(data, lengths_, begin, end),
               hashes = read_numbers(data, hashes_, begin, end);
    for (size_t i = 0; i < offsets.size(); ++i) {
      const int64_t index = begin + static_cast<int64_t>(i);
      const auto outside = problem_of_place(index, offsets[i], lengths[i]);
      const auto text = outside ? std::string_view() : blob.read(offsets[i], lengths[i]);
      see(index, text, outside ? outside : problem_of_text(index, text, hashes[i]));
    }
  }
}

void write_prompts(H5File& file, std::span<const std::string> prompts) {
  std::string blob;
  std::vector<uint64_t> offsets, lengths, hashes;
  std::unordered_map<std::string_view, uint64_t> offset_of;
  for (const auto& prompt : prompts) {
    const auto [entry, is_new] = offset_of.try_emplace(prompt, blob.size());
    if (is_new) blob += prompt;
    offsets.push_back(entry->second);
    lengths.push_back(prompt.size());
    hashes.push_back(xxh64(prompt));
  }
  const auto blob_bytes = static_cast<int64_t>(blob.size());
  file.write_bytes(layout::kPromptBlob, std::as_bytes(std::span(blob)), {&blob_bytes, 1});
  file.write_uint64(layout::kPromptOffset, offsets);
  file.write_uint64(layout::kPromptLength, lengths);
  file.write_uint64(layout::kPromptHash, hashes);
}

}  // namespace fgm
