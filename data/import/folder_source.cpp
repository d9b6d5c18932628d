#include <map>

#include "core/base/error.h"
#include "core/io/file.h"
#include "core/io/strict_json.h"
#include "data/import/internal/caption_rules.h"
#include "data/import/internal/image_list.h"
#include "data/import/internal/image_source.h"
#include "data/import/prompt_list.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

// The file that a caption stands in, or would.
fs::path caption_file_of(const fs::path& image, CaptionSource source) {
  const auto& endings = caption_endings(source);
  std::error_code ignored;
  for (const auto& ending : endings) {
    if (auto file = fs::path(image).replace_extension(ending); fs::exists(file, ignored)) return file;
  }
  return fs::path(image).replace_extension(endings.front());
}

// The captions of images by their paths. As Hugging Face's imagefolder has them: each record of a metadata file names
// an image below the file's folder (file_name), beside its text.
using MetadataCaptions = std::map<fs::path, std::string>;
MetadataCaptions read_metadata(const std::vector<fs::path>& files, const PackOptions& options) {
  MetadataCaptions captions;
  for (const auto& file : files) {
    const auto list =
        read_prompt_list(file, {.column = options.column, .max_bad = options.max_bad, .key = "--captions metadata"});
    for (const auto& [caption, record] : list.prompts) {
      const auto json = parse_json(record);
      require<ConfigError>(json.contains("file_name") && json["file_name"].is_string(),
                           "{}: a record has no text \"file_name\": {}", file.string(), record);
      captions[(file.parent_path() / json["file_name"].get<std::string>()).lexically_normal()] = caption;
    }
  }
  return captions;
}

std::string read_image_file(const fs::path& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  if (error) throw IoError("cannot look at the file", error);
  require<IoError>(size <= uintmax_t{kMaxImageFileBytes}, "the file has {} bytes, more than {}", size,
                   kMaxImageFileBytes);
  return read_file(path);
}

class FolderSource : public ImageSource {
 public:
  explicit FolderSource(const PackOptions& options) {
    auto list = list_images(options.images, options.captions);
    unreadable = std::move(list.unreadable);
    left_out = std::move(list.left_out);
    paths_ = std::move(list.paths);
    const auto captions = read_metadata(list.metadata, options);
    for (const auto& path : paths_) {
      auto& candidate = candidates.emplace_back(path.string(), "", "");
      try {
        candidate.caption = caption_of(path, captions, options);
      } catch (const Error& error) {
        candidate.error = reason_to_skip(error);
      }
    }
  }

  OpenedFile open(size_t index) override {
    return {.read = [&path = paths_.at(index)] { return read_image_file(path); }};
  }

 private:
  static std::string caption_of(const fs::path& image, const MetadataCaptions& captions, const PackOptions& options) {
    if (options.captions == CaptionSource::kFolder) return caption_of_class(image.parent_path().filename().string());
    if (options.captions == CaptionSource::kMetadata) {
      const auto found = captions.find(image.lexically_normal());
      require<IoError>(found != captions.end(), "no metadata.jsonl or metadata.csv above it names it");
      return found->second;
    }
    const auto file = caption_file_of(image, options.captions);
    return caption_in(read_file(file), file.string(), options);
  }

  std::vector<fs::path> paths_;
};

}  // namespace

std::unique_ptr<ImageSource> open_folder(const PackOptions& options) {
  return std::make_unique<FolderSource>(options);
}

}  // namespace fgm
