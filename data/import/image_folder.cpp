#include "data/import/image_folder.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/base/version.h"
#include "core/io/file.h"
#include "core/io/output_path.h"
#include "data/import/image_decoder.h"
#include "data/import/internal/image_list.h"
#include "data/import/internal/in_order.h"
#include "data/import/internal/memory_budget.h"
#include "data/import/square_resize.h"
#include "data/store/store_writer.h"

namespace fs = std::filesystem;

namespace fgm {
namespace {

constexpr int64_t kMaxResolution = 4096;
constexpr uintmax_t kMaxFileBytes = uintmax_t{1} << 30;
constexpr int64_t kDecodingBytesPerThread = int64_t{256} << 20;
// Images that a thread makes at a time: many small ones, so that starting it costs nothing beside them.
constexpr int64_t kBlockBytes = int64_t{4} << 20, kMaxBlock = 64;

void check_options(const PackOptions& options) {
  require<ConfigError>(options.resolution >= 1 && options.resolution <= kMaxResolution,
                       "--resolution = {} is not in 1 to {}", options.resolution, kMaxResolution);
  require<ConfigError>(fs::is_directory(options.images), "--images '{}' is not a folder", options.images.string());
  check_output_file(options.out);
  check(options.num_threads >= 1, "pack_images on {} threads", options.num_threads);
}

// kohya's trainers call theirs .caption unless told otherwise.
fs::path text_file_of(const fs::path& image) {
  const auto text = fs::path(image).replace_extension(".txt"), other = fs::path(image).replace_extension(".caption");
  std::error_code ignored;
  return !fs::exists(text, ignored) && fs::exists(other, ignored) ? other : text;
}

std::string caption_of(const fs::path& image, CaptionSource source) {
  if (source == CaptionSource::kFolder) {
    const auto folder = image.parent_path().filename().string();
    require<IoError>(is_utf8(folder), "its folder's name is not UTF-8");
    return to_nfc(caption_of_folder(folder));
  }
  const auto text_file = text_file_of(image);
  const auto bytes = read_file(text_file);
  auto caption = to_nfc(trim(decode_text(bytes, text_file.string())));
  require<IoError>(!caption.empty(), "'{}' is empty", text_file.string());
  return caption;
}

struct Candidate {
  fs::path path;
  std::string caption;
  std::string error;  // why it is skipped; else empty
};

// What can be known of an image after another try is no reason to skip it now.
std::string reason_to_skip(const IoError& error) {
  if (error.exit_code() != kExitConfig) throw;
  return error.what();
}

std::vector<Candidate> read_captions(std::vector<fs::path> paths, CaptionSource source) {
  std::vector<Candidate> candidates;
  for (auto& path : paths) {
    auto& candidate = candidates.emplace_back(std::move(path), "", "");
    try {
      candidate.caption = caption_of(candidate.path, source);
    } catch (const IoError& error) {
      candidate.error = reason_to_skip(error);
    }
  }
  return candidates;
}

// An image of `resolution`, or why there is none.
struct Image {
  at::Tensor pixels;  // uint8 [resolution, resolution, 3]
  std::string error;
  DecodedImage remarks;  // without its pixels
};

Image load(const fs::path& path, int64_t resolution, MemoryBudget& budget) {
  try {
    std::error_code error;
    const auto size = fs::file_size(path, error);
    if (error) throw IoError("cannot look at the file", error);
    require<IoError>(size <= kMaxFileBytes, "the file has {} bytes, more than {}", size, kMaxFileBytes);
    const auto file = read_file(path);
    const auto bytes = std::as_bytes(std::span(file));
    const MemoryBudget::Share share(budget, num_pixels(bytes) * kDecodingBytes);
    auto image = decode_image(bytes);
    auto pixels = square_resize(std::exchange(image.pixels, {}), resolution);
    return {std::move(pixels), "", image};
  } catch (const IoError& error) {
    return {{}, reason_to_skip(error), {}};
  }
}

nlohmann::json provenance_of(const PackOptions& options, size_t num_written, size_t num_skipped) {
  return {{"tool", "fgm data pack"},
          {"version", version()},
          {"commit", version_commit()},
          {"images", fs::absolute(options.images).lexically_normal().string()},
          {"captions", options.captions == CaptionSource::kFolder ? "folder" : "file"},
          {"resolution", options.resolution},
          {"resize", "centre square, bicubic antialiased"},
          {"written", num_written},
          {"skipped", num_skipped}};
}

// The candidates without an error. Throws when there are none.
std::vector<Candidate*> usable(std::vector<Candidate>& candidates, const fs::path& folder) {
  std::vector<Candidate*> usable;
  for (auto& candidate : candidates) {
    if (candidate.error.empty()) usable.push_back(&candidate);
  }
  if (usable.empty()) {
    throw IoError(fmt::format("none of the {} images of '{}' can be used; the first, {}: {}", candidates.size(),
                              folder.string(), candidates.front().path.string(), candidates.front().error));
  }
  return usable;
}

StoreContents header_of(const std::vector<Candidate*>& records, size_t num_skipped, const PackOptions& options) {
  StoreContents header{.kind = "images",
                       .provenance = provenance_of(options, records.size(), num_skipped),
                       .prompts = {},
                       .images_NHWC = {}};
  for (const auto* record : records) header.prompts.push_back(record->caption);
  return header;
}

void note(const fs::path& path, const DecodedImage& image, PackReport& report) {
  if (image.is_converted) ++report.changed["converted to sRGB"];
  if (image.is_animated) ++report.changed["the first image of an animation"];
  if (!image.is_profile_unusable) return;
  ++report.changed["taken as sRGB, as their colour profile cannot be used"];
  report.notes.push_back(
      printable(fmt::format("{}: its colour profile cannot be used; the image is taken as sRGB", path.string())));
}

// Decodes the candidates' images and appends them to `writer`, or says in the candidate why there is none.
void append_images(const std::vector<Candidate*>& candidates, const PackOptions& options, StoreWriter& writer,
                   PackReport& report) {
  MemoryBudget budget(options.num_threads * kDecodingBytesPerThread);
  const auto per_block = std::clamp(kBlockBytes / (options.resolution * options.resolution * 3), int64_t{1}, kMaxBlock);
  const auto count = std::ssize(candidates);
  const auto load_block = [&](int64_t block) {
    std::vector<Image> images;
    for (int64_t i = block * per_block; i < std::min(count, (block + 1) * per_block); ++i) {
      images.push_back(load(candidates[static_cast<size_t>(i)]->path, options.resolution, budget));
    }
    return images;
  };
  auto candidate = candidates.begin();
  in_order((count + per_block - 1) / per_block, options.num_threads, load_block, [&](std::vector<Image> images) {
    if (options.should_stop && options.should_stop()) {
      throw Error(fmt::format("interrupted; '{}' was not written", options.out.string()), kExitRequeue);
    }
    for (auto& image : images) {
      auto& [path, caption, error] = **candidate++;
      error = std::move(image.error);
      if (!error.empty()) continue;
      writer.append(image.pixels.unsqueeze(0));
      note(path, image.remarks, report);
    }
  });
}

}  // namespace

std::string caption_of_folder(const std::string& folder) {
  constexpr std::string_view kVowels = "aeiouAEIOU";
  std::string name = folder;
  std::ranges::replace(name, '_', ' ');
  const bool has_vowel = !name.empty() && kVowels.find(name.front()) != std::string_view::npos;
  return fmt::format("a photo of {} {}", has_vowel ? "an" : "a", name);
}

void check_pack(const PackOptions& options) {
  check_options(options);
  list_images(options.images, options.captions == CaptionSource::kFolder);
}

std::string PackReport::summary() const {
  int64_t num_left_out = 0;
  for (const auto& [kind, count] : left_out) num_left_out += count;
  const auto in_brackets = [](const auto& counts) {
    return counts.empty() ? "" : fmt::format(" ({})", to_text(counts));
  };
  return fmt::format("{} images written{}, {} skipped{}", written, in_brackets(changed), num_left_out,
                     in_brackets(left_out));
}

PackReport pack_images(const PackOptions& options) {
  check_options(options);
  auto list = list_images(options.images, options.captions == CaptionSource::kFolder);
  PackReport report;
  report.skipped = std::move(list.unreadable);
  report.left_out = std::move(list.left_out);
  auto candidates = read_captions(std::move(list.paths), options.captions);
  const auto captioned = usable(candidates, options.images);
  const size_t without_caption = candidates.size() - captioned.size();
  StoreWriter writer(options.out, header_of(captioned, without_caption, options),
                     {options.resolution, options.resolution, 3});
  append_images(captioned, options, writer, report);
  const auto written = usable(candidates, options.images);
  const size_t undecodable = captioned.size() - written.size();
  if (undecodable == 0) {
    writer.commit();
  } else {
    writer.commit_fewer(header_of(written, without_caption + undecodable, options));
  }
  report.written = std::ssize(written);
  if (without_caption > 0) report.left_out["without a usable caption"] = static_cast<int64_t>(without_caption);
  if (undecodable > 0) report.left_out["cannot be decoded"] = static_cast<int64_t>(undecodable);
  for (const auto& [path, caption, error] : candidates) {
    if (!error.empty()) report.skipped.push_back(printable(fmt::format("{}: {}", path.string(), error)));
  }
  UnseenCharacters unseen;
  for (const auto* image : written) {
    unseen.count(image->caption, [&] { return fmt::format("the caption of {}", printable(image->path.string())); });
  }
  unseen.log(options.images.string());
  return report;
}

}  // namespace fgm
