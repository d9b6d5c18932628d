#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <system_error>

namespace fgm {

// A file that appears whole or not at all: bytes go to a temporary name in the same folder; commit() fsyncs,
// renames and fsyncs the folder. Until then, and after any error, an older file of that name stays as it was,
// and the destructor removes the temporary one. Errors are IoError naming the path, with exit_code_of()
// the system's reason.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  // For who writes through a library that opens files itself: the name until commit().
  const std::filesystem::path& temporary() const { return temporary_; }

  void write(std::span<const std::byte> bytes);
  void commit();

 private:
  [[noreturn]] void fail(const char* call) const;

  std::filesystem::path path_;
  std::filesystem::path temporary_;
  int descriptor_ = -1;
};

// IoError "cannot write PATH: CALL: REASON", with exit_code_of(error).
[[noreturn]] void throw_write_error(const std::filesystem::path& path, const char* call, std::error_code error);

// Makes what was written to this file, or the names in this folder, survive a crash (fsync). A file system
// that knows no fsync of a folder (EINVAL, ENOTSUP) keeps its names in its own way: no failure. IoError as above.
void sync_to_disk(const std::filesystem::path& path);

}  // namespace fgm
