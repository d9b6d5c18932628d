#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace fgm {

// What gives an image its caption.
enum class CaptionSource {
  kFolder,  // DIR/<class>/image.jpg: the caption is caption_of_folder(class)
  kFile,    // any folder below DIR: the caption is the text of image.txt (or .caption) beside image.jpg
};

// `fgm data pack`: a folder of JPEG and PNG files to a store of square images with captions.
struct PackOptions {
  std::filesystem::path images;
  CaptionSource captions = CaptionSource::kFolder;
  int64_t resolution = 32;  // pixels a side
  std::filesystem::path out;
  int64_t num_threads = 1;                 // that decode
  std::function<bool()> should_stop = {};  // asked again and again; true ends the work: Error with kExitRequeue
};

struct PackReport {
  int64_t written = 0;
  std::vector<std::string> skipped;         // "path: reason": what was meant to be read and could not
  std::vector<std::string> notes;           // "path: remark" on images that were written
  std::map<std::string, int64_t> left_out;  // by kind, all that is not in the store, with what was skipped
  std::map<std::string, int64_t> changed;   // by kind, images in the store that are not what a viewer shows first

  // "12 images written (converted to sRGB: 3), 2 skipped (WebP, to be converted to PNG or JPEG: 2)"
  std::string summary() const;
};

// Refuses, before an image is read, what pack_images() would. ConfigError and IoError as there.
void check_pack(const PackOptions& options);

// Writes the images in the order of their sorted paths; data/import/internal/image_list.h says which files are
// images. One that cannot be decoded or has no usable caption is skipped and reported. Memory holds the captions, and
// for each thread a few images of `resolution` and one being decoded, together at most 256 MiB a thread, but for
// larger images, which are decoded one by one. ConfigError when the options or the folder's layout are wrong, IoError
// when no image at all can be used, when a file cannot be read for a reason that may pass, or when the store cannot
// be written: then an older file of that name stays as it was.
PackReport pack_images(const PackOptions& options);

// "t-shirt" becomes "a photo of a t-shirt", "ice_cream" "a photo of an ice cream".
std::string caption_of_folder(const std::string& folder);

}  // namespace fgm
