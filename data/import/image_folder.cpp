#include "data/import/image_folder.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <fstream>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/base/version.h"
#include "data/import/image_decoder.h"
#include "data/import/internal/picture_list.h"
#include "data/import/square_resize.h"
#include "data/store/store.h"

namespace fs = std::filesystem;

namespace fgm {
namespace {

constexpr int64_t kMaxResolution = 4096;

void check_options(const PackOptions& options) {
  require<ConfigError>(options.captions == "folder" || options.captions == "file",
                       "--captions '{}' is neither folder nor file", options.captions);
  require<ConfigError>(options.resolution >= 1 && options.resolution <= kMaxResolution,
                       "--resolution {} is not in 1 to {}", options.resolution, kMaxResolution);
  require<ConfigError>(fs::is_directory(options.images), "--images '{}' is not a folder", options.images.string());
  require<ConfigError>(!options.out.empty(), "--out is missing: the store to write");
  const auto folder = fs::absolute(options.out).parent_path();
  require<ConfigError>(fs::is_directory(folder), "--out '{}': its folder does not exist; make it first",
                       options.out.string());
}

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes(std::istreambuf_iterator<char>(file), {});
  require<IoError>(file.good(), "'{}' cannot be read", path.string());
  return bytes;
}

std::string caption_of(const fs::path& image, const std::string& captions) {
  if (captions == "folder") {
    const auto folder = image.parent_path().filename().string();
    require<IoError>(is_utf8(folder), "its folder's name is not UTF-8");
    return to_nfc(caption_of_folder(folder));
  }
  const auto text_file = fs::path(image).replace_extension(".txt");
  const auto bytes = read_file(text_file);
  auto caption = to_nfc(trim(decode_text(bytes, text_file.string())));
  require<IoError>(!caption.empty(), "'{}' is empty", text_file.string());
  return caption;
}

// One picture's caption, or why it is skipped.
struct Record {
  std::string caption;
  std::string error;
};

// Fills `row` [resolution, resolution, 3].
Record load(const fs::path& path, const PackOptions& options, const at::Tensor& row) {
  try {
    auto caption = caption_of(path, options.captions);
    const auto bytes = read_file(path);
    row.copy_(square_resize(decode_image(std::as_bytes(std::span(bytes))), options.resolution));
    return {std::move(caption), ""};
  } catch (const IoError& error) {
    return {"", error.what()};
  }
}

// Fills row i of `pictures` from paths[i].
std::vector<Record> load_all(const std::vector<fs::path>& paths, const PackOptions& options,
                             const at::Tensor& pictures) {
  std::vector<Record> records(paths.size());
  at::parallel_for(0, pictures.size(0), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const auto index = static_cast<size_t>(i);
      records[index] = load(paths[index], options, pictures[i]);
    }
  });
  return records;
}

nlohmann::json provenance_of(const PackOptions& options, const PackReport& report) {
  return {{"tool", "fgm data pack"},
          {"version", version()},
          {"commit", version_commit()},
          {"images", fs::absolute(options.images).lexically_normal().string()},
          {"captions", options.captions},
          {"resolution", options.resolution},
          {"resize", "centre square, bicubic antialiased"},
          {"written", report.written},
          {"skipped", report.skipped.size()}};
}

}  // namespace

std::string caption_of_folder(const std::string& folder) {
  constexpr std::string_view kVowels = "aeiouAEIOU";
  std::string name = folder;
  std::ranges::replace(name, '_', ' ');
  const bool has_vowel = !name.empty() && kVowels.find(name.front()) != std::string_view::npos;
  return fmt::format("a photo of {} {}", has_vowel ? "an" : "a", name);
}

PackReport pack_images(const PackOptions& options) {
  check_options(options);
  const auto paths = list_pictures(options.images, options.captions == "folder");
  const auto count = static_cast<int64_t>(paths.size());
  const auto pictures = at::empty({count, options.resolution, options.resolution, 3}, at::kByte);
  auto records = load_all(paths, options, pictures);

  PackReport report;
  StoreContents contents{.kind = "images", .provenance = {}, .prompts = {}, .images_NHWC = {}};
  std::vector<int64_t> kept;
  UnseenCharacters unseen;
  for (size_t i = 0; i < paths.size(); ++i) {
    if (records[i].error.empty()) {
      kept.push_back(static_cast<int64_t>(i));
      unseen.count(records[i].caption, [&] { return fmt::format("the caption of {}", printable(paths[i].string())); });
      contents.prompts.push_back(std::move(records[i].caption));
    } else {
      report.skipped.push_back(printable(fmt::format("{}: {}", paths[i].string(), records[i].error)));
    }
  }
  if (kept.empty()) {
    throw IoError(fmt::format("none of the {} pictures of '{}' can be used; the first, {}", paths.size(),
                              options.images.string(), report.skipped.front()));
  }
  report.written = static_cast<int64_t>(kept.size());
  unseen.log(options.images.string());
  contents.images_NHWC = pictures.index_select(0, at::tensor(kept));
  contents.provenance = provenance_of(options, report);
  write_store(options.out, contents);
  return report;
}

}  // namespace fgm
