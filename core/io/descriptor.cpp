#include "core/io/descriptor.h"

#include <fcntl.h>
#include <unistd.h>

#include "core/base/error.h"

namespace fgm {

Descriptor::Descriptor(const std::filesystem::path& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (fd_ < 0) throw IoError(fmt::format("cannot open {}", path.string()), last_error());
}

Descriptor::~Descriptor() {
  ::close(fd_);
}

}  // namespace fgm
