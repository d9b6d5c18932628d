#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

#include "core/io/descriptor.h"

namespace fgm {

// A file open for reading at any position; any number of threads may read at once.
class PositionedFile {
 public:
  // IoError as Descriptor's.
  explicit PositionedFile(const std::filesystem::path& path) : path_(path), descriptor_(path) {}

  // Fills `out` from byte `offset` on. IoError when the file ends before or cannot be read.
  void read(uint64_t offset, std::span<std::byte> out) const;

 private:
  std::filesystem::path path_;
  Descriptor descriptor_;
};

}  // namespace fgm
