#include "core/io/descriptor.h"

#include <fcntl.h>
#include <unistd.h>

#include "core/base/error.h"

namespace fgm {
namespace {

// A copied or cleaned Hugging Face cache is full of links to files that are gone.
std::string link_target(const std::filesystem::path& path) {
  std::error_code ignored;
  const auto target = std::filesystem::read_symlink(path, ignored);
  return ignored ? "" : fmt::format(", a link to {}", target.string());
}

}  // namespace

Descriptor::Descriptor(const std::filesystem::path& path, Access access)
    : fd_(::open(path.c_str(), (access == Access::kRead ? O_RDONLY : O_RDWR) | O_CLOEXEC)) {
  const auto error = last_error();
  if (fd_ < 0) throw IoError(fmt::format("cannot open {}{}", path.string(), link_target(path)), error);
}

Descriptor::~Descriptor() {
  ::close(fd_);
}

}  // namespace fgm
