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
  std::vector<int64_t> bad_records;   // damaged or not written yet, in their order
  bool knows_bad_records = true;      // false: there may be others
};

// Reads all of a store and holds it against its digests: every prompt, every record of embeddings or latents on
// `num_threads` threads, and images or samples as a whole; where these are damaged, each of them, if the file has
// digests of each. Records that are not written yet are one problem together. A file that is damaged or missing is a
// problem too; only what may have passed at the next try (an I/O error) is thrown, as IoError.
StoreCheck verify_store(const std::filesystem::path& path, int64_t num_threads);

}  // namespace fgm
