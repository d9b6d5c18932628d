#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

#include "core/io/descriptor.h"

namespace fgm {

// Bytes of a file.
struct ByteRange {
  uint64_t offset = 0, bytes = 0;
};

// A file open for reading, or for writing too, at any position; any number of threads may do so at once, in places of
// their own.
class PositionedFile {
 public:
  // IoError as Descriptor's.
  explicit PositionedFile(const std::filesystem::path& path, Access access = Access::kRead)
      : path_(path), descriptor_(path, access) {}
  const std::filesystem::path& path() const { return path_; }

  // Fills `out` from byte `offset` on. IoError when the file ends before or cannot be read.
  void read(uint64_t offset, std::span<std::byte> out) const;
  // IoError with exit_code_of() the system's error: a full disk, say.
  void write(uint64_t offset, std::span<const std::byte> bytes) const;
  // Returns when all that was written is on the disk. IoError.
  void sync() const;

 private:
  std::filesystem::path path_;
  Descriptor descriptor_;
};

}  // namespace fgm
