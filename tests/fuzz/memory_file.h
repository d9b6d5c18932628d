#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

namespace fgm {

// A file in memory, whose bytes are others each time: readers take a path, and a disk is slow.
class MemoryFile {
 public:
  std::string path() const { return "/proc/self/fd/" + std::to_string(file_); }

  void hold(std::span<const uint8_t> bytes) const {
    if (ftruncate(file_, 0) != 0 || pwrite(file_, bytes.data(), bytes.size(), 0) != std::ssize(bytes)) std::abort();
  }

 private:
  int file_ = memfd_create("fuzz", 0);
};

}  // namespace fgm
