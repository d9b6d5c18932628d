#include "launch/cli/picture_folder.h"

#include "core/io/file.h"
#include "core/io/png.h"

namespace fgm {

std::string PictureFolder::file_of(int64_t picture) const {
  const int64_t per_prompt = drawer_.options().per_prompt, prompt = picture / per_prompt, number = picture % per_prompt;
  if (layout_ == Layout::kGenEval) return fmt::format("{:05}/samples/{:04}.png", prompt, number);
  return fmt::format("{:05}-{:04}.png", prompt, number);
}

void PictureFolder::write(int64_t first, const at::Tensor& pictures) const {
  for (int64_t i = 0; i < pictures.size(0); ++i) write_png(folder_ / file_of(first + i), pictures[i]);
}

void PictureFolder::finish(const nlohmann::ordered_json& common) const {
  for (size_t i = 0; layout_ == Layout::kGenEval && i < prompts_.size(); ++i) {
    write_file(folder_ / fmt::format("{:05}/metadata.jsonl", i), prompts_[i].metadata + "\n");
  }
  std::string manifest;
  for (int64_t i = 0; i < drawer_.num_pictures(); ++i) {
    nlohmann::ordered_json line{{"file", file_of(i)}, {"prompt", drawer_.caption(i)}, {"number", drawer_.number(i)}};
    line.update(common);
    manifest += line.dump() + "\n";
  }
  write_file(folder_ / "manifest.jsonl", manifest);
}

}  // namespace fgm
