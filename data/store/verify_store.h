#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace fgm {

// What a pass over a whole store found.
struct StoreCheck {
  std::string kind;                   // "" when the file could not be opened as a store
  int64_t size = 0;                   // records
  std::vector<std::string> problems;  // "record 17: its embeddings fail their check-sum"; those of prompts come first
};

// Reads all of a store and holds it against its digests: every prompt, and every record of embeddings or latents, on
// `num_threads` threads; images and samples as a whole, for they have one digest together. A file that is damaged or missing is a
// problem too; only what may have passed at the next try (an I/O error) is thrown, as IoError.
StoreCheck verify_store(const std::filesystem::path& path, int64_t num_threads);

}  // namespace fgm
