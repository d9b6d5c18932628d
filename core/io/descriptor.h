#pragma once

#include <filesystem>

namespace fgm {

enum class Access { kRead, kReadWrite };

// An open file that was there before. IoError naming the path, where it links to and the system's reason when it cannot
// be opened.
class Descriptor {
 public:
  explicit Descriptor(const std::filesystem::path& path, Access access = Access::kRead);
  ~Descriptor();
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace fgm
