#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/store/store.h"

namespace fgm {

// Files that are shuffled together.
struct StoreGroup {
  std::vector<std::filesystem::path> files = {};
  int64_t weight = 0;                    // their part of all samples, in billionths; 0: what the others leave
  std::vector<StoreSummary> known = {};  // of each file, where the group is from an index; else empty
};

// The groups of a list of stores, or of the index that it names; the files without a weight come first. ConfigError as
// StoreSet's; IoError as read_store_index()'s.
std::vector<StoreGroup> parse_stores(const std::string& list);

// Those of the index that write_store_index() made. IoError when it is none, or damaged.
std::vector<StoreGroup> read_store_index(const std::filesystem::path& path);

}  // namespace fgm
