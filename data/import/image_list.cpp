#include "data/import/internal/image_list.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <set>

#include "core/base/error.h"
#include "core/base/text.h"
#include "data/import/internal/caption_rules.h"
#include "data/import/internal/image_format.h"
#include "data/import/internal/image_source.h"

namespace fs = std::filesystem;

namespace fgm {
namespace {

// What the first bytes say. A file that cannot be read is what its name says, for whoever reads it to say why not.
std::string format_of(const fs::path& path, const std::string& ending) {
  if (is_readable_ending(ending)) return "JPEG";  // or PNG; the decoder looks
  std::array<char, kMagicBytes> start{};
  std::ifstream file(path, std::ios::binary);
  file.read(start.data(), start.size());
  const auto format = image_format(std::as_bytes(std::span(start.data(), static_cast<size_t>(file.gcount()))));
  return format.empty() ? ending : std::string(format);
}

bool is_metadata(const fs::path& path) {
  const auto name = path.filename();
  return name == "metadata.jsonl" || name == "metadata.csv";
}

std::string expected_layout(CaptionSource captions) {
  if (captions == CaptionSource::kFolder) {
    return "--captions folder reads <class>/*.jpg and *.png, one sub-folder for each class (file, json and "
           "metadata take captions that are there)";
  }
  const std::string anywhere = " reads *.jpg and *.png in any sub-folder, ";
  if (captions == CaptionSource::kMetadata) {
    return "--captions metadata" + anywhere + "and their captions from a metadata.jsonl or metadata.csv above them";
  }
  if (captions == CaptionSource::kJson) return "--captions json" + anywhere + "each with a .json beside it";
  return "--captions file" + anywhere + "each with a .txt beside it";
}

class Walk {
 public:
  explicit Walk(CaptionSource captions) : captions_(captions), by_class_(captions == CaptionSource::kFolder) {}

  void read_root(const fs::path& root) {
    struct stat info {};
    if (::stat(root.c_str(), &info) != 0)
      throw IoError(fmt::format("cannot look at '{}'", root.string()), last_error());
    follow(root, 0, {info.st_dev, info.st_ino});
  }

  FoundImages result() {
    std::ranges::sort(list_.paths);
    for (const auto& image : list_.paths) {
      for (const auto& ending : caption_endings(captions_)) texts_.erase(fs::path(image).replace_extension(ending));
    }
    for (size_t i = 0; i < texts_.size(); ++i) count("texts without an image");
    return std::move(list_);
  }

 private:
  void count(const std::string& kind) { ++list_.left_out[kind]; }

  void judge(const fs::path& path, int depth) {
    struct stat info {};
    if (is_of_tools(path.filename())) return count("hidden or tools' files and folders");
    if (::stat(path.c_str(), &info) != 0) return judge_failure(path, last_error());
    if (S_ISDIR(info.st_mode)) return follow(path, depth + 1, {info.st_dev, info.st_ino});
    if (!S_ISREG(info.st_mode)) return count("devices, pipes and sockets");
    judge_file(path, depth);
  }

  void judge_failure(const fs::path& path, std::error_code error) {
    constexpr std::array kLeadsNowhere = {ENOENT, ENOTDIR, ELOOP};
    if (std::ranges::find(kLeadsNowhere, error.value()) != kLeadsNowhere.end()) return count("dangling links");
    name_unreadable(path, error);
  }

  // What may have passed at the next start is no reason to go on without a class.
  void name_unreadable(const fs::path& path, std::error_code error) {
    if (exit_code_of(error) != kExitConfig) throw IoError(fmt::format("cannot read '{}'", path.string()), error);
    list_.unreadable.push_back(printable(fmt::format("{}: {}", path.string(), error.message())));
    count("unreadable");
  }

  // `depth` of the root is 0.
  void follow(const fs::path& folder, int depth, std::pair<dev_t, ino_t> identity) {
    if (std::ranges::find(ancestors_, identity) != ancestors_.end()) return count("link loops");
    ancestors_.push_back(identity);
    read_folder(folder, depth);
    ancestors_.pop_back();
  }

  void read_folder(const fs::path& folder, int depth) {
    std::error_code error;
    fs::directory_iterator entries(folder, error);
    const size_t num_before = list_.paths.size();
    for (; !error && entries != fs::directory_iterator(); entries.increment(error)) judge(entries->path(), depth);
    if (error && depth == 0) throw IoError(fmt::format("cannot read the folder '{}'", folder.string()), error);
    if (error) return name_unreadable(folder, error);
    if (by_class_ && depth == 1 && list_.paths.size() == num_before) count("class folders without images");
  }

  void judge_file(const fs::path& path, int depth) {
    const auto ending = lower(path.extension().string());
    if (std::ranges::count(caption_endings(captions_), ending) > 0) {
      texts_.insert(path);
    } else if (captions_ == CaptionSource::kMetadata && is_metadata(path)) {
      list_.metadata.push_back(path);
    } else if (std::ranges::count(caption_endings(CaptionSource::kFile), ending) > 0) {
      count("texts, which --captions file reads");
    } else if (!is_image_ending(ending)) {
      count(ending.empty() ? "without an ending" : printable(ending));
    } else if (const auto format = format_of(path, ending); format != "JPEG" && format != "PNG") {
      count(format + ", to be converted to PNG or JPEG");
    } else if (by_class_ && depth != 1) {
      count(depth == 0 ? "images beside the class folders" : "images in folders below a class");
    } else {
      list_.paths.push_back(path);
    }
  }

  CaptionSource captions_;
  bool by_class_;  // images lie in DIR/<class>/ only
  FoundImages list_;
  std::set<fs::path> texts_;
  std::vector<std::pair<dev_t, ino_t>> ancestors_;  // the folders that are being read, outermost first
};

}  // namespace

FoundImages list_images(const fs::path& root, CaptionSource captions) {
  Walk walk(captions);
  walk.read_root(root);
  auto list = walk.result();
  require<ConfigError>(!list.paths.empty(), "--images '{}' holds no images as expected: {}; found there: {}",
                       root.string(), expected_layout(captions),
                       list.left_out.empty() ? "nothing" : to_text(list.left_out));
  return list;
}

}  // namespace fgm
