#include "data/import/internal/image_list.h"

#include <fmt/ranges.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <fstream>
#include <set>

#include "core/base/error.h"
#include "core/base/text.h"
#include "data/import/internal/image_format.h"

namespace fs = std::filesystem;

namespace fgm {
namespace {

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

// Of file managers, archives, file systems, network drives and notebooks.
bool is_of_tools(const fs::path& path) {
  static const std::set<std::string> kNames = {"__macosx",   "__pycache__", "$recycle.bin", "system volume information",
                                               "lost+found", "#recycle",    "#snapshot",    "@eadir",
                                               "@recycle",   "thumbs.db",   "ehthumbs.db",  "desktop.ini"};
  const auto name = path.filename().string();
  return name.starts_with('.') || kNames.contains(lower(name));
}

bool may_be_image(const std::string& ending) {
  static const std::set<std::string> kEndings = {".jpg",  ".jpeg", ".jpe", ".jfif", ".png",  ".apng",
                                                 ".webp", ".gif",  ".bmp", ".avif", ".heic", ".heif",
                                                 ".tif",  ".tiff", ".jxl", ".jp2",  ".psd"};
  return kEndings.contains(ending);
}

// What the first bytes say. A file that cannot be read is what its name says, for whoever reads it to say why not.
std::string format_of(const fs::path& path, const std::string& ending) {
  static const std::set<std::string> kReadable = {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng"};
  if (kReadable.contains(ending)) return "JPEG";  // or PNG; the decoder looks
  std::array<char, kMagicBytes> start{};
  std::ifstream file(path, std::ios::binary);
  file.read(start.data(), start.size());
  const auto format = image_format(std::as_bytes(std::span(start.data(), static_cast<size_t>(file.gcount()))));
  return format.empty() ? ending : std::string(format);
}

class Walk {
 public:
  explicit Walk(bool by_class) : by_class_(by_class) {}

  void read_root(const fs::path& root) {
    struct stat info {};
    if (::stat(root.c_str(), &info) != 0)
      throw IoError(fmt::format("cannot look at '{}'", root.string()), last_error());
    follow(root, 0, {info.st_dev, info.st_ino});
  }

  FoundImages result() {
    std::ranges::sort(list_.paths);
    for (const auto& image : list_.paths) {
      if (by_class_) break;
      for (const auto* ending : {".txt", ".caption"}) texts_.erase(fs::path(image).replace_extension(ending));
    }
    for (size_t i = 0; i < texts_.size(); ++i)
      count(by_class_ ? "texts, which --captions file reads" : "texts without an image");
    return std::move(list_);
  }

 private:
  void count(const std::string& kind) { ++list_.left_out[kind]; }

  void judge(const fs::path& path, int depth) {
    struct stat info {};
    if (is_of_tools(path)) return count("hidden or tools' files and folders");
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
    if (ending == ".txt" || ending == ".caption") {
      texts_.insert(path);
    } else if (!may_be_image(ending)) {
      count(ending.empty() ? "without an ending" : printable(ending));
    } else if (const auto format = format_of(path, ending); format != "JPEG" && format != "PNG") {
      count(format + ", to be converted to PNG or JPEG");
    } else if (by_class_ && depth != 1) {
      count(depth == 0 ? "images beside the class folders" : "images in folders below a class");
    } else {
      list_.paths.push_back(path);
    }
  }

  bool by_class_;
  FoundImages list_;
  std::set<fs::path> texts_;
  std::vector<std::pair<dev_t, ino_t>> ancestors_;  // the folders that are being read, outermost first
};

}  // namespace

FoundImages list_images(const fs::path& root, bool by_class) {
  Walk walk(by_class);
  walk.read_root(root);
  auto list = walk.result();
  require<ConfigError>(!list.paths.empty(), "--images '{}' holds no images as expected: {}; found there: {}",
                       root.string(),
                       by_class ? "--captions folder reads <class>/*.jpg and *.png, one sub-folder for each class"
                                : "--captions file reads *.jpg and *.png in any sub-folder, each with a .txt beside it",
                       list.left_out.empty() ? "nothing" : to_text(list.left_out));
  return list;
}

std::string to_text(const std::map<std::string, int64_t>& counts) {
  std::vector<std::string> parts;
  for (const auto& [kind, count] : counts) parts.push_back(fmt::format("{}: {}", kind, count));
  return fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace fgm
