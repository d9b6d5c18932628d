#include "data/store/positioned_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "core/base/error.h"
#include "core/io/atomic_file.h"

namespace fgm {
namespace {

// "EIO"
std::string errno_name(std::error_code error) {
  const char* name = ::strerrorname_np(error.value());
  return name != nullptr ? name : std::to_string(error.value());
}

}  // namespace

PositionedFile::PositionedFile(const std::filesystem::path& path, Access access)
    : path_(path), access_(access), descriptor_(path, access), identity_(identity_of(descriptor_, path)) {}

PositionedFile::Identity PositionedFile::identity_of(const Descriptor& descriptor, const std::filesystem::path& path) {
  struct stat status {};
  if (::fstat(descriptor.get(), &status) != 0) {
    throw IoError(fmt::format("'{}': its size cannot be read", path.string()), last_error());
  }
  return {status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
}

// False when there is no such file now. Other threads may be reading: dup3() swaps what the descriptor's number means at
// once, and a read that has begun ends on the old file.
bool PositionedFile::open_again() const {
  if (access_ != Access::kRead) return false;
  std::optional<Descriptor> fresh;
  Identity found;
  try {
    fresh.emplace(path_);
    found = identity_of(*fresh, path_);
  } catch (const IoError&) {
    return false;
  }
  require<IoError>(found == identity_, "'{}': is another file than the one that was opened; start the run again",
                   path_.string());
  return ::dup3(fresh->get(), descriptor_.get(), O_CLOEXEC) >= 0;
}

void PositionedFile::read(uint64_t offset, std::span<std::byte> out, std::optional<int64_t> record) const {
  bool is_opened_again = false;
  while (!out.empty()) {
    const ssize_t count = ::pread(descriptor_.get(), out.data(), out.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      const auto error = last_error();
      if (!is_opened_again && open_again()) {
        is_opened_again = true;
        continue;
      }
      throw IoError(fmt::format("'{}': reading {} bytes at {}{} failed with {}", path_.string(), out.size(), offset,
                                record ? fmt::format(" (from record {} on)", *record) : "", errno_name(error)),
                    error);
    }
    require<IoError>(count > 0, "'{}': ends before byte {}; it was truncated after it was opened", path_.string(),
                     offset + out.size());
    out = out.subspan(static_cast<size_t>(count));
    offset += static_cast<uint64_t>(count);
  }
}

void PositionedFile::write(uint64_t offset, std::span<const std::byte> bytes) const {
  while (!bytes.empty()) {
    const ssize_t count = ::pwrite(descriptor_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_write_error(path_, "pwrite", last_error());
    bytes = bytes.subspan(static_cast<size_t>(count));
    offset += static_cast<uint64_t>(count);
  }
}

void PositionedFile::sync() const {
  if (::fdatasync(descriptor_.get()) != 0) throw_write_error(path_, "fdatasync", last_error());
}

}  // namespace fgm
