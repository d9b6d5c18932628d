#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
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
  explicit PositionedFile(const std::filesystem::path& path, Access access = Access::kRead);
  const std::filesystem::path& path() const { return path_; }

  // Fills `out` from byte `offset` on, which belong to `record` where there is one to name. A file whose descriptor has
  // gone bad, as on a network file system that was away, is opened again by its path. IoError when the file ends before,
  // is another one now or cannot be read: with exit_code_of() the system's error, whose name is in the message.
  void read(uint64_t offset, std::span<std::byte> out, std::optional<int64_t> record = std::nullopt) const;
  // IoError with exit_code_of() the system's error: a full disk, say.
  void write(uint64_t offset, std::span<const std::byte> bytes) const;
  // Returns when all that was written is on the disk. IoError.
  void sync() const;

 private:
  // Size and time of the last change, by which a file is known again.
  struct Identity {
    int64_t bytes = 0, seconds = 0, nanoseconds = 0;
    bool operator==(const Identity&) const = default;
  };
  static Identity identity_of(const Descriptor& descriptor, const std::filesystem::path& path);
  bool open_again() const;

  std::filesystem::path path_;
  Access access_;
  Descriptor descriptor_;
  Identity identity_;  // when it was opened
};

}  // namespace fgm
