#include "data/store/internal/prompt_table.h"

#include <unordered_map>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/base/text.h"
#include "data/store/internal/layout.h"

namespace fgm {

PromptTable::PromptTable(const H5File& file, const std::string& name)
    : blob_(file.read_bytes(layout::kPromptBlob)),
      offsets_(file.read_uint64(layout::kPromptOffset)),
      lengths_(file.read_uint64(layout::kPromptLength)),
      hashes_(file.read_uint64(layout::kPromptHash)) {
  require<IoError>(!offsets_.empty() && lengths_.size() == offsets_.size() && hashes_.size() == offsets_.size(),
                   "'{}': expected prompt tables of one size above 0, found {} offsets, {} lengths, {} hashes", name,
                   offsets_.size(), lengths_.size(), hashes_.size());
}

std::optional<std::string> PromptTable::problem(int64_t index) const {
  const auto i = static_cast<size_t>(index);
  if (offsets_[i] > blob_.size() || lengths_[i] > blob_.size() - offsets_[i]) {
    return fmt::format("prompt {} lies outside the {} bytes of {}; make the store again", index, blob_.size(),
                       layout::kPromptBlob);
  }
  if (xxh64(text(index)) != hashes_[i]) {
    return fmt::format("prompt {} fails its check-sum; copy or make the store again", index);
  }
  if (is_utf8(text(index))) return std::nullopt;
  return fmt::format("prompt {} is not UTF-8; make the store again from UTF-8 captions", index);
}

std::string_view PromptTable::text(int64_t index) const {
  const auto i = static_cast<size_t>(index);
  return std::string_view(blob_).substr(offsets_[i], lengths_[i]);
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
