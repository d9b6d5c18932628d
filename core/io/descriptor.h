#pragma once

#include <filesystem>

namespace fgm {

// A file open for reading. IoError naming the path, where it links to and the system's reason when it cannot be opened.
class Descriptor {
 public:
  explicit Descriptor(const std::filesystem::path& path);
  ~Descriptor();
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace fgm
