#include <algorithm>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/io/file.h"
#include "data/import/internal/archive.h"
#include "data/import/internal/caption_rules.h"
#include "data/import/internal/image_source.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxCaptionBytes = size_t{1} << 20;

std::string ending_of(const std::string& name) {
  return lower(fs::path(name).extension().string());
}

bool is_below_tools(const fs::path& name) {
  return std::ranges::any_of(name, [](const fs::path& part) { return part != "." && is_of_tools(part); });
}

// Two passes: the first reads captions, which a store begins with, and jumps over the images, the second reads these.
class ArchiveSource : public ImageSource {
 public:
  explicit ArchiveSource(const PackOptions& options) : options_(options), archives_(find_files(options.images)) {
    for (size_t i = 0; i < archives_.size(); ++i) list(i);
    require<ConfigError>(!candidates.empty(),
                         "--images '{}' holds no *.jpg or *.png in its {} archives; found there: {}",
                         options.images.string(), archives_.size(), left_out.empty() ? "nothing" : to_text(left_out));
  }

  OpenedFile open(size_t index) override {
    const auto& member = members_.at(index);
    if (!reader_ || archive_ != member.archive) {
      reader_ = std::make_unique<ArchiveReader>(archives_[member.archive]);
      archive_ = member.archive;
      position_ = 0;
    }
    std::optional<ArchiveReader::Member> here;
    for (; position_ <= member.position; ++position_) here = reader_->next();
    require<IoError>(here && here->name == member.name, "'{}' was changed while it was read; try again",
                     archives_[archive_].string());
    try {
      const auto bytes = std::make_shared<std::string>(reader_->read(kMaxImageFileBytes));
      return {.read = [bytes] { return std::move(*bytes); }, .held_bytes = bytes->size()};
    } catch (const IoError& error) {
      return {.read = [error]() -> std::string { throw error; }};
    }
  }

 private:
  struct Member {
    size_t archive, position;  // among the members of the archive
    std::string name;
  };
  struct Text {
    std::string caption, error;
    bool is_used = false;
  };
  using Texts = std::map<std::string, Text>;  // of one archive, by their names with the ending in lower case

  void list(size_t archive) {
    ArchiveReader reader(archives_[archive]);
    const size_t first = members_.size();
    Texts texts;
    size_t position = 0;
    for (auto member = reader.next(); member; member = reader.next()) {
      judge(*member, {archive, position++, member->name}, reader, texts);
    }
    for (size_t i = first; i < members_.size(); ++i) add(members_[i], texts);
    for (const auto& [name, text] : texts) {
      if (!text.is_used) ++left_out["texts without an image"];
    }
  }

  void judge(const ArchiveReader::Member& found, Member member, ArchiveReader& reader, Texts& texts) {
    const auto ending = ending_of(found.name);
    const auto& endings = caption_endings(options_.captions);
    if (!found.is_file) {
      if (!found.name.ends_with('/')) ++left_out["links and devices in archives"];
    } else if (is_below_tools(found.name)) {
      ++left_out["hidden or tools' files and folders"];
    } else if (std::ranges::find(endings, ending) != endings.end()) {
      texts[fs::path(found.name).replace_extension(ending).string()] = read_text(found.name, reader);
    } else if (!is_image_ending(ending)) {
      ++left_out[ending.empty() ? "without an ending" : printable(ending)];
    } else if (!is_readable_ending(ending)) {
      ++left_out[ending + ", to be converted to PNG or JPEG"];
    } else {
      members_.push_back(std::move(member));
    }
  }

  Text read_text(const std::string& name, ArchiveReader& reader) const {
    try {
      return {.caption = caption_in(reader.read(kMaxCaptionBytes), name, options_), .error = ""};
    } catch (const Error& error) {
      return {.caption = "", .error = fmt::format("its caption: {}", reason_to_skip(error))};
    }
  }

  void add(const Member& member, Texts& texts) {
    auto& candidate = candidates.emplace_back((archives_[member.archive] / member.name).string(), "", "");
    try {
      candidate.caption = caption_of(member.name, texts);
    } catch (const Error& error) {
      candidate.error = reason_to_skip(error);
    }
  }

  std::string caption_of(const fs::path& image, Texts& texts) const {
    if (options_.captions == CaptionSource::kFolder) {
      const auto folder = image.parent_path().filename().string();
      require<IoError>(!folder.empty(), "it lies in no folder that --captions folder could take for its class");
      return caption_of_class(folder);
    }
    const auto& endings = caption_endings(options_.captions);
    for (const auto& ending : endings) {
      const auto found = texts.find(fs::path(image).replace_extension(ending).string());
      if (found == texts.end()) continue;
      found->second.is_used = true;
      require<IoError>(found->second.error.empty(), "{}", found->second.error);
      return found->second.caption;
    }
    throw IoError(fmt::format("there is no {} of its name", endings.front()));
  }

  const PackOptions& options_;
  std::vector<fs::path> archives_;
  std::vector<Member> members_;  // of the candidates
  std::unique_ptr<ArchiveReader> reader_;
  size_t archive_ = 0, position_ = 0;  // where the reader is
};

}  // namespace

std::unique_ptr<ImageSource> open_archives(const PackOptions& options) {
  return std::make_unique<ArchiveSource>(options);
}

}  // namespace fgm
