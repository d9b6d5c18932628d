#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace fgm {

// `fgm data pack`: a folder of JPEG and PNG files to a store of square pictures with captions.
struct PackOptions {
  std::filesystem::path images;
  // "folder": DIR/<class>/picture.jpg, the caption is caption_of_folder(class).
  // "file":   any folder below DIR; the caption is the text of picture.txt beside picture.jpg.
  std::string captions = "folder";
  int64_t resolution = 32;  // pixels a side
  std::filesystem::path out;
};

struct PackReport {
  int64_t written = 0;
  std::vector<std::string> skipped;  // "path: reason"
};

// All that pack_images() can refuse before it reads a picture. ConfigError as there.
void check_pack(const PackOptions& options);

// Writes the pictures in the order of their sorted paths. One that cannot be decoded or has no usable caption
// is skipped and reported. ConfigError when the options or the folder's layout are
// wrong, IoError when no picture at all can be used or the store cannot be written.
PackReport pack_images(const PackOptions& options);

// "t-shirt" becomes "a photo of a t-shirt", "ice_cream" "a photo of an ice cream".
std::string caption_of_folder(const std::string& folder);

}  // namespace fgm
