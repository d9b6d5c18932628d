#include "data/store/internal/prompt_index.h"

#include <limits>

#include "core/base/error.h"
#include "core/base/hash.h"

namespace fgm {

PromptIndex::PromptIndex(const EmbeddingFile& file) : file_(file) {
  require<ConfigError>(file.size() < std::numeric_limits<uint32_t>::max(),
                       "'{}' has {} prompts, of which captions cannot be found; make several stores",
                       file.data().path().string(), file.size());
  slots_.resize(static_cast<size_t>(file.size() + file.size() / 2 + 1));
  file.each_prompt_hash([&](int64_t record, uint64_t hash) {
    size_t slot = first_slot(hash);
    while (slots_[slot] != 0) slot = slot + 1 == slots_.size() ? 0 : slot + 1;
    slots_[slot] = static_cast<uint32_t>(record + 1);
  });
}

std::optional<int64_t> PromptIndex::find(const std::string& prompt) const {
  const uint64_t hash = xxh64(prompt);
  for (size_t slot = first_slot(hash); slots_[slot] != 0; slot = slot + 1 == slots_.size() ? 0 : slot + 1) {
    const int64_t record = int64_t{slots_[slot]} - 1;
    if (file_.prompt_hash(record) == hash && file_.prompt(record) == prompt) return record;
  }
  return std::nullopt;
}

// A hash's share of 2^64, in slots.
size_t PromptIndex::first_slot(uint64_t hash) const {
  return static_cast<size_t>((static_cast<unsigned __int128>(hash) * slots_.size()) >> 64);
}

}  // namespace fgm
