#include "data/import/pack_images.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/base/version.h"
#include "core/io/file.h"
#include "core/io/output_path.h"
#include "data/import/image_decoder.h"
#include "data/import/internal/image_source.h"
#include "data/import/internal/in_order.h"
#include "data/import/internal/memory_budget.h"
#include "data/import/square_resize.h"
#include "data/store/store_writer.h"

namespace fs = std::filesystem;

namespace fgm {
namespace {

constexpr std::array kCaptionSources = {"folder", "file", "json", "metadata"};
constexpr int64_t kDecodingBytesPerThread = int64_t{256} << 20;
// Images that a thread makes at a time: many small ones, so that starting it costs nothing beside them.
constexpr int64_t kBlockBytes = int64_t{4} << 20, kMaxBlock = 64;

void check_options(const PackOptions& options) {
  require<ConfigError>(options.resolution >= 1 && options.resolution <= kMaxResolution,
                       "--resolution = {} is not in 1 to {}", options.resolution, kMaxResolution);
  require<ConfigError>(options.max_pixels >= 1, "--max-pixels = {} is not at least 1", options.max_pixels);
  require<ConfigError>(options.max_bad >= 0, "--max-bad = {} is negative; 0 makes each bad image an error",
                       options.max_bad);
  if (!fs::is_directory(options.images)) {
    require<ConfigError>(!find_files(options.images).empty(),
                         "--images '{}' is no folder, no tar or zip file, and no pattern of such files",
                         options.images.string());
    require<ConfigError>(options.captions != CaptionSource::kMetadata,
                         "--captions metadata reads folders; unpack '{}', or give --captions file or json",
                         options.images.string());
  }
  options.sizes.empty() ? check_output_file(options.out) : check_output_folder(options.out);
  check(options.num_threads >= 1, "pack_images on {} threads", options.num_threads);
}

std::unique_ptr<ImageSource> open_images(const PackOptions& options) {
  return fs::is_directory(options.images) ? open_folder(options) : open_archives(options);
}

// An image of its size, or why there is none.
struct Image {
  at::Tensor pixels;  // uint8 [height, width, 3]
  std::string error;
  DecodedImage remarks;  // without its pixels
};

Image load(const std::function<std::string()>& read, const PackOptions& options, MemoryBudget& budget) {
  try {
    const auto file = read();
    const auto bytes = std::as_bytes(std::span(file));
    const MemoryBudget::Share share(budget, num_pixels(bytes, options.max_pixels) * kDecodingBytes);
    auto image = decode_image(bytes, options.max_pixels);
    const auto size = options.sizes.empty() ? CropSize{options.resolution, options.resolution}
                                            : nearest_aspect(options.sizes, image.pixels.size(0), image.pixels.size(1));
    auto pixels = crop_resize(std::exchange(image.pixels, {}), size);
    return {std::move(pixels), "", image};
  } catch (const IoError& error) {
    return {{}, reason_to_skip(error), {}};
  }
}

nlohmann::json provenance_of(const PackOptions& options, size_t num_written, size_t num_skipped) {
  nlohmann::json provenance = {{"tool", "fgm data pack"},
                               {"version", version()},
                               {"commit", version_commit()},
                               {"written", num_written},
                               {"skipped", num_skipped}};
  provenance.update(pack_provenance(options));
  return provenance;
}

void require_few_bad(int64_t num_bad, const Candidate& last, const PackOptions& options) {
  require<IoError>(
      num_bad <= options.max_bad,
      "more than {} images of '{}' cannot be used, here {}: {}; raise --max-bad if that is as it should be",
      options.max_bad, options.images.string(), printable(last.name), printable(last.error));
}

// The candidates without an error. Throws when there are none, or too many others.
std::vector<Candidate*> usable(std::vector<Candidate>& candidates, const PackOptions& options) {
  std::vector<Candidate*> usable;
  int64_t num_bad = 0;
  for (auto& candidate : candidates) {
    if (candidate.error.empty()) {
      usable.push_back(&candidate);
    } else {
      require_few_bad(++num_bad, candidate, options);
    }
  }
  require<IoError>(!usable.empty(), "none of the {} images of '{}' can be used; the first, {}: {}", candidates.size(),
                   options.images.string(), printable(candidates.front().name), printable(candidates.front().error));
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

void note(const std::string& name, const DecodedImage& image, PackReport& report) {
  if (image.is_converted) ++report.changed["converted to sRGB"];
  if (image.is_animated) ++report.changed["the first image of an animation"];
  if (!image.is_profile_unusable) return;
  ++report.changed["taken as sRGB, as their colour profile cannot be used"];
  report.notes.push_back(
      printable(fmt::format("{}: its colour profile cannot be used; the image is taken as sRGB", name)));
}

// Decodes the images of `records`, candidates of `source`, and calls `append` with each, or says in the candidate why
// there is none.
using AppendImage = std::function<void(Candidate&, const at::Tensor& image_HWC)>;
void append_images(ImageSource& source, const std::vector<Candidate*>& records, const PackOptions& options,
                   const AppendImage& append, PackReport& report) {
  MemoryBudget budget(options.num_threads * kDecodingBytesPerThread);
  const auto per_block = std::clamp(kBlockBytes / (options.resolution * options.resolution * 3), int64_t{1}, kMaxBlock);
  auto opened = records.begin(), appended = records.begin();
  const auto next_block = [&]() -> std::optional<std::function<std::vector<Image>()>> {
    std::vector<OpenedFile> files;
    size_t held_bytes = 0;
    while (opened != records.end() && std::ssize(files) < per_block && held_bytes < size_t{kBlockBytes}) {
      files.push_back(source.open(static_cast<size_t>(*opened++ - source.candidates.data())));
      held_bytes += files.back().held_bytes;
    }
    if (files.empty()) return std::nullopt;
    return [&, files = std::move(files)] {
      std::vector<Image> images;
      for (const auto& file : files) images.push_back(load(file.read, options, budget));
      return images;
    };
  };
  auto num_bad = std::ssize(source.candidates) - std::ssize(records);
  in_order(options.num_threads, next_block, [&](std::vector<Image> images) {
    if (options.should_stop && options.should_stop()) {
      throw Error(fmt::format("interrupted; '{}' was not written", options.out.string()), kExitRequeue);
    }
    for (auto& image : images) {
      auto& candidate = **appended++;
      candidate.error = std::move(image.error);
      if (candidate.error.empty()) {
        append(candidate, image.pixels);
        note(candidate.name, image.remarks, report);
      } else {
        require_few_bad(++num_bad, candidate, options);
      }
    }
  });
}

// Writes one store of all images. Returns its records.
std::vector<Candidate*> write_squares(ImageSource& source, const std::vector<Candidate*>& captioned,
                                      const PackOptions& options, PackReport& report) {
  const size_t without_caption = source.candidates.size() - captioned.size();
  StoreWriter writer(options.out, header_of(captioned, without_caption, options),
                     {options.resolution, options.resolution, 3});
  const auto append = [&](Candidate&, const at::Tensor& image) { writer.append(image.unsqueeze(0)); };
  append_images(source, captioned, options, append, report);
  auto written = usable(source.candidates, options);
  if (written.size() == captioned.size()) {
    writer.commit();
  } else {
    writer.commit_fewer(header_of(written, source.candidates.size() - written.size(), options));
  }
  return written;
}

// Writes a store for each size that an image has. Returns the records of all.
std::vector<Candidate*> write_sizes(ImageSource& source, const std::vector<Candidate*>& captioned,
                                    const PackOptions& options, PackReport& report) {
  struct SizedStore {
    std::unique_ptr<StoreWriter> writer;
    std::vector<Candidate*> records;
  };
  std::map<std::string, SizedStore> stores;  // by file name
  auto room = header_of(captioned, 0, options);
  for (auto& prompt : room.prompts) prompt.clear();
  append_images(
      source, captioned, options,
      [&](Candidate& candidate, const at::Tensor& image) {
        const auto name = fmt::format("{}x{}.h5", image.size(0), image.size(1));
        auto& store = stores[name];
        if (!store.writer) store.writer = std::make_unique<StoreWriter>(options.out / name, room, image.sizes());
        store.writer->append(image.unsqueeze(0));
        store.records.push_back(&candidate);
      },
      report);
  auto written = usable(source.candidates, options);
  for (auto& [name, store] : stores) {
    store.writer->commit_fewer(header_of(store.records, source.candidates.size() - written.size(), options));
  }
  return written;
}

}  // namespace

nlohmann::json pack_provenance(const PackOptions& options) {
  return {{"images", fs::absolute(options.images).lexically_normal().string()},
          {"captions", kCaptionSources.at(static_cast<size_t>(options.captions))},
          {"resolution", options.resolution},
          {"resize", options.sizes.empty() ? "centre square, bicubic antialiased"
                                           : "centre of the nearest aspect ratio, bicubic antialiased"}};
}

std::string caption_of_folder(const std::string& folder) {
  constexpr std::string_view kVowels = "aeiouAEIOU";
  std::string name = folder;
  std::ranges::replace(name, '_', ' ');
  const bool has_vowel = !name.empty() && kVowels.find(name.front()) != std::string_view::npos;
  return fmt::format("a photo of {} {}", has_vowel ? "an" : "a", name);
}

void check_pack(const PackOptions& options) {
  check_options(options);
  open_images(options);
}

std::string to_text(const std::map<std::string, int64_t>& counts) {
  std::vector<std::string> parts;
  for (const auto& [kind, count] : counts) parts.push_back(fmt::format("{}: {}", kind, count));
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string reason_to_skip(const Error& error) {
  if (error.exit_code() != kExitConfig) throw;
  return error.what();
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
  const auto source = open_images(options);
  auto& candidates = source->candidates;
  PackReport report;
  report.skipped = std::move(source->unreadable);
  report.left_out = std::move(source->left_out);
  const auto captioned = usable(candidates, options);
  const size_t without_caption = candidates.size() - captioned.size();
  const auto write = options.sizes.empty() ? write_squares : write_sizes;
  const auto written = write(*source, captioned, options, report);
  const size_t undecodable = captioned.size() - written.size();
  report.written = std::ssize(written);
  if (without_caption > 0) report.left_out["without a usable caption"] = static_cast<int64_t>(without_caption);
  if (undecodable > 0) report.left_out["cannot be decoded"] = static_cast<int64_t>(undecodable);
  for (const auto& [name, caption, error] : candidates) {
    if (!error.empty()) report.skipped.push_back(printable(fmt::format("{}: {}", name, error)));
  }
  UnseenCharacters unseen;
  for (const auto* image : written) {
    unseen.count(image->caption, [&] { return fmt::format("the caption of {}", printable(image->name)); });
  }
  unseen.log(options.images.string());
  return report;
}

}  // namespace fgm
