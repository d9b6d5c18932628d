#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "data/import/pack_images.h"

namespace fgm {

struct FoundImages {
  std::vector<std::filesystem::path> paths;     // sorted
  std::vector<std::filesystem::path> metadata;  // metadata.jsonl and metadata.csv, where captions come from these
  std::vector<std::string> unreadable;          // "folder: reason"
  std::map<std::string, int64_t> left_out;      // what else there is, by kind: {"WebP", 3}, {"dangling links", 1}
};

// The JPEG and PNG files of DIR/<class>/ for CaptionSource::kFolder, else of the whole tree. One rule for all:
//   * links are followed; a link to a folder that it lies in is left out, as are dangling links;
//   * what begins with a dot and what tools make (lost+found, __MACOSX, @eaDir, Thumbs.db, ...) is left out whole;
//   * a name's ending, in any case, says that a file is an image, its first bytes say of which format;
//   * a folder that may not be read is left out and named.
// All that is left out is counted, but for the files that captions come from. ConfigError saying which layout is
// expected, and what was found, when there are no images; IoError when a folder cannot be read for a reason that may
// pass.
FoundImages list_images(const std::filesystem::path& root, CaptionSource captions);

}  // namespace fgm
