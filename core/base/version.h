#pragma once

#include <string>

namespace fgm {

std::string version();         // "0.1.0"
std::string version_commit();  // the git commit at configure time, "unknown" outside a clone

}  // namespace fgm
