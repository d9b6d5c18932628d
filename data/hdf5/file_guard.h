#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "data/hdf5/h5_file.h"

// HDF5 1.10 reads and writes beyond its buffers when a file's own structures are damaged: one byte is enough. A guard, in
// the user block that HDF5 leaves to applications at the beginning of a file, holds a digest of all that lies outside
// the datasets' values, and is compared before the library sees the file. docs/data_format.md has its layout.
namespace fgm {

inline constexpr uint64_t kGuardBytes = 4096;  // a user block is a power of two

// Writes the guard of a file that H5File::create() made with room for it and that is closed. `values`: all its datasets,
// 250 at most. IoError.
void write_guard(const std::filesystem::path& path, std::span<const H5Extent> values);

// IoError when what the guard covers has changed since, or the file is cut short. A file without a guard passes, and one
// that cannot be read, of which H5File tells.
void check_guard(const std::filesystem::path& path);

}  // namespace fgm
