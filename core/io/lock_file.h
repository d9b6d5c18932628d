#pragma once

#include <filesystem>

namespace fgm {

// Says that this process writes a file: while it lives, no other process can have one for the same file. It is a lock
// (flock) on the empty file FILE.lock, which the destructor removes. The lock ends with its process, however that ends;
// what a kill leaves of the file is in nobody's way. On a network file system the lock holds for all hosts where its
// locks do: NFS mounted without `nolock` or `local_lock`, Lustre with `flock`. A file system without any is warned of.
class LockFile {
 public:
  // Missing folders are made. ConfigError when another process has it, IoError when the lock's file cannot be written.
  explicit LockFile(const std::filesystem::path& file);
  ~LockFile();
  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;

 private:
  void open(const std::filesystem::path& file);
  bool is_at_its_path() const;

  std::filesystem::path path_;
  int descriptor_ = -1;
};

}  // namespace fgm
