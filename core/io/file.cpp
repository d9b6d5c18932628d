#include "core/io/file.h"

#include <system_error>

#include "core/base/error.h"
#include "core/io/atomic_file.h"

namespace fgm {

void write_file(const std::filesystem::path& path, std::string_view bytes) {
  std::error_code error;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), error);
  require<IoError>(!error, "cannot make the folder of {}: {}", path.string(), error.message());
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(bytes)));
  file.commit();
}

}  // namespace fgm
