#include <algorithm>
#include <cctype>
#include <string>

#include "core/base/error.h"
#include "data/import/internal/picture_list.h"

namespace fs = std::filesystem;

namespace fgm {
namespace {

bool is_picture(const fs::directory_entry& entry) {
  auto extension = entry.path().extension().string();
  std::ranges::transform(extension, extension.begin(), [](unsigned char c) { return std::tolower(c); });
  return entry.is_regular_file() && (extension == ".jpg" || extension == ".jpeg" || extension == ".png");
}

template <typename Iterator>
void append_pictures(Iterator entries, std::vector<fs::path>& paths) {
  for (const auto& entry : entries) {
    if (is_picture(entry)) paths.push_back(entry.path());
  }
}

}  // namespace

std::vector<fs::path> list_pictures(const fs::path& root, bool by_class) {
  std::vector<fs::path> paths;
  if (by_class) {
    for (const auto& folder : fs::directory_iterator(root)) {
      if (folder.is_directory()) append_pictures(fs::directory_iterator(folder.path()), paths);
    }
  } else {
    append_pictures(fs::recursive_directory_iterator(root), paths);
  }
  require<ConfigError>(!paths.empty(), "--images '{}' holds no pictures as expected: {} (.jpg, .jpeg or .png)",
                       root.string(),
                       by_class ? "--captions folder reads <class>/*.jpg, one sub-folder for each class"
                                : "--captions file reads *.jpg in any sub-folder, each with a .txt beside it");
  std::ranges::sort(paths);
  return paths;
}

}  // namespace fgm
