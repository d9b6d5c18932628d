#include <algorithm>
#include <cctype>

#include "core/base/error.h"
#include "core/base/text.h"
#include "data/import/internal/caption_rules.h"
#include "data/import/prompt_list.h"

namespace fgm {

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

bool is_of_tools(const std::filesystem::path& name) {
  static const std::set<std::string> kNames = {"__macosx",   "__pycache__", "$recycle.bin", "system volume information",
                                               "lost+found", "#recycle",    "#snapshot",    "@eadir",
                                               "@recycle",   "thumbs.db",   "ehthumbs.db",  "desktop.ini"};
  const auto text = name.string();
  return text.starts_with('.') || kNames.contains(lower(text));
}

bool is_image_ending(const std::string& ending) {
  static const std::set<std::string> kEndings = {".webp", ".gif",  ".bmp", ".avif", ".heic", ".heif",
                                                 ".tif",  ".tiff", ".jxl", ".jp2",  ".psd"};
  return is_readable_ending(ending) || kEndings.contains(ending);
}

bool is_readable_ending(const std::string& ending) {
  static const std::set<std::string> kReadable = {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng"};
  return kReadable.contains(ending);
}

const std::vector<std::string>& caption_endings(CaptionSource source) {
  // kohya's trainers call theirs .caption unless told otherwise.
  static const std::vector<std::string> kTextEndings = {".txt", ".caption"}, kJsonEndings = {".json"}, kNone = {};
  if (source == CaptionSource::kFile) return kTextEndings;
  return source == CaptionSource::kJson ? kJsonEndings : kNone;
}

std::string caption_in(std::string_view bytes, const std::string& name, const PackOptions& options) {
  const auto text = decode_text(bytes, name);
  auto caption = options.captions == CaptionSource::kJson ? prompt_of_json(text, options.column, name).caption
                                                          : to_nfc(trim(text));
  require<IoError>(!caption.empty(), "'{}' is empty", name);
  return caption;
}

std::string caption_of_class(const std::string& folder) {
  require<IoError>(is_utf8(folder), "its folder's name is not UTF-8");
  return to_nfc(caption_of_folder(folder));
}

}  // namespace fgm
