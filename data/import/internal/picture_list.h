#pragma once

#include <filesystem>
#include <vector>

namespace fgm {

// The sorted paths of the .jpg, .jpeg and .png files of DIR/<class>/ when `by_class`, else of the whole tree.
// ConfigError saying which layout is expected when there are none.
std::vector<std::filesystem::path> list_pictures(const std::filesystem::path& root, bool by_class);

}  // namespace fgm
