#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace fgm {

// Writes the index of a list of stores as StoreSet takes it, which opens the same set by the index's name (.json)
// without reading its prompts: the files, by their paths from the index's folder, with their weights, sizes and digests.
// Reads and verifies every prompt, and logs what may surprise in them. Returns the number of records. Errors as StoreSet's;
// IoError when the index cannot be written.
int64_t write_store_index(const std::string& list, const std::filesystem::path& out);

}  // namespace fgm
