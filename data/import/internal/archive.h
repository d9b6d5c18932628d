#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace fgm {

// Reads a tar file, plain or packed by gzip or zstd, or a zip file, once from its front to its end, with libarchive.
// Memory holds one member; nothing is written to the disk, and no name in it is used as a path.
class ArchiveReader {
 public:
  // IoError naming the file when it cannot be read or is no such archive.
  explicit ArchiveReader(const std::filesystem::path& path);
  ~ArchiveReader();
  ArchiveReader(const ArchiveReader&) = delete;
  ArchiveReader& operator=(const ArchiveReader&) = delete;

  struct Member {
    std::string name;      // bytes, as they stand there
    bool is_file = false;  // not a folder, link or device
  };
  // Goes on to the next member; nothing at the end. IoError naming the archive and the last member when it is damaged.
  std::optional<Member> next();
  // The bytes of the member, whatever its header says of their number; call it once. IoError, without a name, when they
  // are more than `most_bytes`, damaged or encrypted.
  std::string read(size_t most_bytes);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fgm
