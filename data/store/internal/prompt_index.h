#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/store/internal/embedding_file.h"

namespace fgm {

// Finds the record of a prompt: a hash table of record numbers alone, whose hashes and texts are looked up in the file.
// 6 bytes of memory a prompt.
class PromptIndex {
 public:
  // Reads the hashes of all prompts. ConfigError for more than 2^32 - 2 prompts. `file` must outlive the index.
  explicit PromptIndex(const EmbeddingFile& file);
  // IoError when the text that is found fails its check-sum.
  std::optional<int64_t> find(const std::string& prompt) const;

 private:
  size_t first_slot(uint64_t hash) const;

  const EmbeddingFile& file_;
  std::vector<uint32_t> slots_;  // record + 1, or 0 for none; from a hash's first slot on to the next empty one
};

}  // namespace fgm
