#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "data/import/pack_images.h"

namespace fgm {

// Larger files are skipped.
inline constexpr int64_t kMaxImageFileBytes = int64_t{1} << 30;

struct Candidate {
  std::string name;  // its path, or that of its archive and its own therein
  std::string caption;
  std::string error;  // why it is skipped; else empty
};

// The bytes of an image's file.
struct OpenedFile {
  std::function<std::string()> read;  // to be called once, on any thread; IoError as read_file()
  size_t held_bytes = 0;              // that wait in memory for read()
};

// Images with their captions, in the order in which the store has them.
class ImageSource {
 public:
  virtual ~ImageSource() = default;

  // For growing indices of candidates, on one thread. IoError when no later one can be read either.
  virtual OpenedFile open(size_t index) = 0;

  std::vector<Candidate> candidates;        // at least one
  std::vector<std::string> unreadable;      // "folder: reason"
  std::map<std::string, int64_t> left_out;  // what else there is, by kind
};

// A folder, see list_images(); or archives, see pack_images(). ConfigError saying what is expected when there are no
// images.
std::unique_ptr<ImageSource> open_folder(const PackOptions& options);
std::unique_ptr<ImageSource> open_archives(const PackOptions& options);

// "WebP: 3, dangling links: 1"
std::string to_text(const std::map<std::string, int64_t>& counts);

// What can be known of an image after another try is no reason to skip it now: rethrows such an error, else returns its
// message.
std::string reason_to_skip(const Error& error);

}  // namespace fgm
