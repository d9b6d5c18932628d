#include "core/io/lock_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/io/atomic_file.h"
#include "core/io/output_path.h"

namespace fgm {

LockFile::LockFile(const std::filesystem::path& file) : path_(file) {
  path_ += ".lock";
  make_folder_of(path_);
  // The process that had the lock may have removed its file after this one opened it.
  do open(file);
  while (!is_at_its_path());
}

LockFile::~LockFile() {
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);  // before the lock ends: another process's file then has this name
  ::close(descriptor_);
}

void LockFile::open(const std::filesystem::path& file) {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor_ < 0) throw_write_error(path_, "open", last_error());
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0) return;
  const auto error = last_error();
  if (error == std::errc::operation_would_block) {
    ::close(descriptor_);
    throw ConfigError(
        fmt::format("another process is writing '{}' (it has locked '{}'); let it end, or write another file",
                    file.string(), path_.string()));
  }
  spdlog::warn("'{}' cannot be locked ({}): start nothing else that writes '{}'", path_.string(), error.message(),
               file.string());
}

bool LockFile::is_at_its_path() const {
  struct stat opened = {}, named = {};
  return ::fstat(descriptor_, &opened) == 0 && ::stat(path_.c_str(), &named) == 0 && opened.st_ino == named.st_ino &&
         opened.st_dev == named.st_dev;
}

}  // namespace fgm
