#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace fgm::lint {

// One place in the sources that breaks a rule of docs/architecture.md, "Who may know whom".
struct Violation {
  std::string place;  // "core/base/log.h:3"
  std::string rule;   // what is broken and what would be right
};

// The violations in one source file. `path` is relative to the root of the tree ("core/base/log.h"); it alone
// says which rules hold for `text`.
std::vector<Violation> find_violations(const std::string& path, std::string_view text);

// Sources under core, parallel, data and launch of the tree `root`, as paths relative to it.
std::vector<std::string> list_sources(const std::filesystem::path& root);

}  // namespace fgm::lint
