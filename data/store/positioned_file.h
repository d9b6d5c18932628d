#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

namespace fgm {

// A file open for reading at any position; any number of threads may read at once.
class PositionedFile {
 public:
  explicit PositionedFile(const std::filesystem::path& path);  // IoError
  ~PositionedFile();
  PositionedFile(PositionedFile&& other) noexcept;
  PositionedFile& operator=(PositionedFile&& other) noexcept;

  // Fills `out` from byte `offset` on. IoError when the file ends before or cannot be read.
  void read(uint64_t offset, std::span<std::byte> out) const;

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
};

}  // namespace fgm
