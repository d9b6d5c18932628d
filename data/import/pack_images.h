#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "data/import/image_decoder.h"
#include "data/import/square_resize.h"

namespace fgm {

// What gives an image its caption.
enum class CaptionSource {
  kFolder,    // DIR/<class>/image.jpg: the caption is caption_of_folder(class)
  kFile,      // any folder below DIR: the caption is the text of image.txt (or .caption) beside image.jpg
  kJson,      // the same with image.json, an object with the caption
  kMetadata,  // any folder below DIR: Hugging Face's metadata.jsonl or .csv, there or above, tells file_name and text
};

// `fgm data pack`: JPEG and PNG files to a store of square images with captions.
struct PackOptions {
  std::filesystem::path images;  // a folder; a tar (plain, gzip, zstd) or zip file, or a pattern of some: "train-*.tar"
  CaptionSource captions = CaptionSource::kFolder;
  int64_t resolution = 32;  // pixels a side
  std::filesystem::path out;
  int64_t num_threads = 1;                 // that decode
  std::function<bool()> should_stop = {};  // asked again and again; true ends the work: Error with kExitRequeue
  std::string column = "";                 // of captions in .json and metadata, see PromptListOptions
  int64_t max_pixels = kMaxPixels;         // of an image that is decoded
  int64_t max_bad = 1000;                  // images that may be skipped for their caption or their bytes
  // Not empty: each image goes into the store OUT/<height>x<width>.h5 of the nearest_aspect() of these, and `out` is a
  // folder; else into one store of squares.
  std::vector<CropSize> sizes = {};
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

// What the provenance of a store says of the options that decide about its images.
nlohmann::json pack_provenance(const PackOptions& options);

// Writes the images of a folder in the order of their sorted paths (data/import/internal/image_list.h says which files
// are images), those of archives in the order of the archives' sorted names and of their members. A member's caption is
// that of its neighbour of the same name, as WebDataset has them; archives are read twice, first for the captions. An
// image that cannot be decoded, has more than `max_pixels`, or has no usable caption is skipped and reported. Memory
// holds the captions, and for each thread a few images of `resolution`, some files of an archive, and one image being
// decoded, together at most 256 MiB a thread, but for larger images, which are decoded one by one. ConfigError when the
// options or the folder's layout are wrong, IoError when no image at all can be used or more than `max_bad` cannot, when
// an archive is damaged, when a file cannot be read for a reason that may pass, or when the store cannot be written:
// then an older file of that name stays as it was. With `sizes` every store is laid out for all images, as a sparse
// file, and copied; they get their names one after the other.
PackReport pack_images(const PackOptions& options);

// "t-shirt" becomes "a photo of a t-shirt", "ice_cream" "a photo of an ice cream".
std::string caption_of_folder(const std::string& folder);

}  // namespace fgm
