#include "core/io/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "core/base/error.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

class FileDescriptor {
 public:
  FileDescriptor(const fs::path& path, int flags)
      : path_(path), fd_(::open(path.c_str(), flags | O_CLOEXEC, 0644)) {
    check_system(fd_ >= 0, "open");
  }
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;

  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      check_system(written >= 0, "write");
      bytes.remove_prefix(static_cast<size_t>(written));
    }
  }
  void sync() { check_system(::fsync(fd_) == 0, "fsync"); }
  // A network file system may report a failed write only here.
  void close() {
    const int result = ::close(fd_);
    fd_ = -1;
    check_system(result == 0, "close");
  }

 private:
  void check_system(bool condition, std::string_view call) const {
    if (!condition)
      throw IoError(fmt::format("cannot {} {}: {}", call, path_.string(), std::strerror(errno)));
  }

  fs::path path_;
  int fd_;
};

void write_durably(const fs::path& path, std::string_view bytes) {
  FileDescriptor file(path, O_WRONLY | O_CREAT | O_TRUNC);
  file.write(bytes);
  file.sync();
  file.close();
}

}  // namespace

void write_file(const fs::path& path, std::string_view bytes) {
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  const fs::path temporary = folder / fmt::format(".{}.tmp-{}", path.filename().string(), ::getpid());
  std::error_code ignored;
  try {
    fs::create_directories(folder);
    write_durably(temporary, bytes);
    fs::rename(temporary, path);
    FileDescriptor(folder, O_RDONLY | O_DIRECTORY).sync();
  } catch (const fs::filesystem_error& error) {
    fs::remove(temporary, ignored);
    throw IoError(fmt::format("cannot write {}: {}", path.string(), error.code().message()));
  } catch (const IoError&) {
    fs::remove(temporary, ignored);
    throw;
  }
}

}  // namespace fgm
