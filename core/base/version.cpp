#include "core/base/version.h"

namespace fgm {

std::string version() {
  return FGM_VERSION;
}

std::string version_commit() {
  const std::string commit = FGM_COMMIT;
  return commit.empty() ? "unknown" : commit;
}

}  // namespace fgm
