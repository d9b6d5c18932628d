#include "core/io/descriptor.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "core/base/error.h"

namespace fgm {

Descriptor::Descriptor(const std::filesystem::path& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  require<IoError>(fd_ >= 0, "cannot open {}: {}", path.string(), std::generic_category().message(errno));
}

Descriptor::~Descriptor() {
  ::close(fd_);
}

}  // namespace fgm
