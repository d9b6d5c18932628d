#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace fgm {

struct FoundImages {
  std::vector<std::filesystem::path> paths;  // sorted
  std::vector<std::string> unreadable;       // "folder: reason"
  std::map<std::string, int64_t> left_out;   // what else there is, by kind: {"WebP", 3}, {"dangling links", 1}
};

// The JPEG and PNG files of DIR/<class>/ when `by_class`, else of the whole tree. One rule for both:
//   * links are followed; a link to a folder that it lies in is left out, as are dangling links;
//   * what begins with a dot and what tools make (lost+found, __MACOSX, @eaDir, Thumbs.db, ...) is left out whole;
//   * a name's ending, in any case, says that a file is an image, its first bytes say of which format;
//   * a folder that may not be read is left out and named.
// All that is left out is counted, but for the .txt or .caption beside an image when not `by_class`. ConfigError
// saying which layout is expected, and what was found, when there are no images; IoError when a folder cannot be read
// for a reason that may pass.
FoundImages list_images(const std::filesystem::path& root, bool by_class);

// "WebP: 3, dangling links: 1"
std::string to_text(const std::map<std::string, int64_t>& counts);

}  // namespace fgm
