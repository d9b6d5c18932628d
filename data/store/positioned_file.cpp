#include "data/store/positioned_file.h"

#include <unistd.h>

#include <cerrno>

#include "core/base/error.h"
#include "core/io/atomic_file.h"

namespace fgm {

void PositionedFile::read(uint64_t offset, std::span<std::byte> out) const {
  while (!out.empty()) {
    const ssize_t count = ::pread(descriptor_.get(), out.data(), out.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      throw IoError(fmt::format("'{}': reading {} bytes at {} failed", path_.string(), out.size(), offset),
                    last_error());
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
