#include "launch/sampling/image_folder.h"

#include "core/base/error.h"
#include "core/io/file.h"
#include "core/io/png.h"

namespace fgm {
namespace {

constexpr const char* kManifest = "manifest.jsonl";

}  // namespace

std::string ImageFolder::file_of(int64_t image) const {
  const int64_t prompt = images_.prompt(image), number = images_.number_in_prompt(image);
  if (layout_ == Layout::kGenEval) return fmt::format("{:05}/samples/{:04}.png", prompt, number);
  return fmt::format("{:05}-{:04}.png", prompt, number);
}

std::string ImageFolder::manifest(const nlohmann::ordered_json& common) const {
  std::string lines;
  for (int64_t i = 0; i < images_.size(); ++i) {
    nlohmann::ordered_json line{{"file", file_of(i)}, {"prompt", images_.caption(i)}, {"number", images_.number(i)}};
    line.update(common);
    lines += line.dump() + "\n";
  }
  return lines;
}

void ImageFolder::check(const nlohmann::ordered_json& common) const {
  if (!std::filesystem::is_directory(folder_) || std::filesystem::is_empty(folder_)) return;
  const auto path = folder_ / kManifest;
  require<ConfigError>(std::filesystem::exists(path) && read_file(path) == manifest(common),
                       "{} holds something else than these images; give --sample.out a new or an empty folder",
                       folder_.string());
}

void ImageFolder::begin(const nlohmann::ordered_json& common) const {
  check(common);
  write_file(folder_ / kManifest, manifest(common));
  for (size_t i = 0; layout_ == Layout::kGenEval && i < prompts_.size(); ++i) {
    write_file(folder_ / fmt::format("{:05}/metadata.jsonl", i), prompts_[i].metadata + "\n");
  }
}

bool ImageFolder::holds(int64_t first, int64_t count) const {
  for (int64_t i = first; i < first + count; ++i) {
    if (!std::filesystem::exists(folder_ / file_of(i))) return false;
  }
  return true;
}

void ImageFolder::write(int64_t first, const at::Tensor& images) const {
  for (int64_t i = 0; i < images.size(0); ++i) write_png(folder_ / file_of(first + i), images[i]);
}

}  // namespace fgm
