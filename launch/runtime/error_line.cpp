#include "launch/runtime/error_line.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <string_view>

namespace fgm {
namespace {

// The lines of a file that one process at a time looks at and adds to; none where there is no such file.
class LockedLines {
 public:
  explicit LockedLines(const std::filesystem::path& path)
      : file_(path.empty() ? -1 : open(path.c_str(), O_CREAT | O_RDWR | O_APPEND | O_CLOEXEC, 0600)) {
    while (file_ >= 0 && flock(file_, LOCK_EX) != 0 && errno == EINTR) continue;
  }
  ~LockedLines() {
    if (file_ >= 0) close(file_);
  }
  LockedLines(const LockedLines&) = delete;
  LockedLines& operator=(const LockedLines&) = delete;

  bool contains(const std::string& line) const {
    std::string text = "\n";
    std::array<char, 4096> bytes{};
    ssize_t count = 0;
    while (file_ >= 0 && (count = read(file_, bytes.data(), bytes.size())) > 0) {
      text.append(bytes.data(), static_cast<size_t>(count));
    }
    return text.find("\n" + line + "\n") != std::string::npos;
  }
  // A line that cannot be added is printed by the next rank once more.
  void add(const std::string& line) const {
    const std::string text = line + "\n";
    if (file_ >= 0 && write(file_, text.data(), text.size()) < 0) return;
  }

 private:
  int file_;
};

}  // namespace

void print_error_once(const std::filesystem::path& said, const std::string& who, const std::string& message) {
  const LockedLines lines(said);
  if (lines.contains(message)) return;
  std::fputs(fmt::format("fgm: {}{}\n", who, message).c_str(), stderr);
  lines.add(message);
}

}  // namespace fgm
