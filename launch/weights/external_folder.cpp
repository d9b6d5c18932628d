#include "launch/weights/external_folder.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/formats/diffusers_config.h"
#include "core/formats/model_family.h"
#include "core/formats/sd3_shapes.h"
#include "core/io/file_kind.h"
#include "core/io/safetensors.h"
#include "launch/weights/weights.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

struct ExternalFile {
  std::string path;
  bool is_sd3 = false;
  std::string family;
};

// The safetensors files of `folder`. A folder with a network of ours has none: its other files are the rest of a
// checkpoint.
std::vector<ExternalFile> external_files(const fs::path& folder) {
  std::vector<ExternalFile> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".safetensors") continue;
    const SafetensorsFile file(entry.path());
    if (file.metadata().contains(kFormatKey)) return {};
    const auto shapes = shapes_of(file);
    files.push_back({entry.path().string(), recognise_sd3(shapes).has_value(), model_family(shapes)});
  }
  std::ranges::sort(files, {}, &ExternalFile::path);
  return files;
}

std::optional<std::string> what_its_config_describes(const fs::path& folder) {
  for (const char* name : {"config.json", "scheduler_config.json"}) {
    if (!fs::exists(folder / name)) continue;
    const auto class_name = read_diffusers_config(folder / name).class_name();
    if (!class_name.empty()) return fmt::format("{} describes {}", (folder / name).string(), class_name);
  }
  return std::nullopt;
}

// The snapshot that a Hugging Face cache's folder of one repository calls main, else the newest one.
std::optional<fs::path> newest_snapshot(const fs::path& repository) {
  if (!fs::is_directory(repository / "snapshots")) return std::nullopt;
  std::string commit;
  std::ifstream(repository / "refs" / "main") >> commit;
  if (!commit.empty() && fs::is_directory(repository / "snapshots" / commit)) return repository / "snapshots" / commit;
  std::optional<fs::path> newest;
  for (const auto& entry : fs::directory_iterator(repository / "snapshots")) {
    if (entry.is_directory() && (!newest || entry.last_write_time() > fs::last_write_time(*newest)))
      newest = entry.path();
  }
  return newest;
}

// The first file of weights of another kind, such as no folder of ours has, and what it is.
std::optional<std::string> other_weights(const fs::path& folder) {
  static const std::set<std::string> kEndings = {".bin", ".pt", ".pth", ".ckpt", ".gguf", ".h5", ".msgpack", ".npz"};
  std::set<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.is_regular_file()) files.insert(entry.path());
  }
  for (const auto& file : files) {
    if (file.extension() == ".distcp")
      return fmt::format(
          "{} is a piece of PyTorch's distributed checkpoint: merge it to safetensors (accelerate merge-weights)",
          file.string());
    if (!kEndings.contains(file.extension().string())) continue;
    return fmt::format("{} {}", file.string(), what_it_is_instead(file).value_or("is no safetensors file"));
  }
  return std::nullopt;
}

std::string what_to_give(const fs::path& folder) {
  const auto pipeline = fs::weakly_canonical(folder / "..");
  if (fs::exists(pipeline / "model_index.json")) return fmt::format("give the pipeline's folder {}", pipeline.string());
  return "give a run's folder, a diffusers pipeline's folder, its transformer/ or a single file";
}

}  // namespace

void refuse_external_folder(const fs::path& folder) {
  const auto snapshot = newest_snapshot(folder);
  require<ConfigError>(!snapshot, "{} is a Hugging Face cache's folder of all versions: give its snapshot {}",
                       folder.string(), snapshot.value_or("").string());
  const auto files = external_files(folder);
  std::vector<std::string> transformers;
  for (const auto& file : files) {
    if (file.is_sd3) transformers.push_back(file.path);
  }
  require<ConfigError>(transformers.empty(),
                       "{} is neither a run nor a diffusers folder, but holds an SD3 transformer: "
                       "give {}",
                       folder.string(), fmt::join(transformers, " or "));
  auto seen = what_its_config_describes(folder);
  if (!seen && !files.empty()) seen = fmt::format("{} looks like {}", files.front().path, files.front().family);
  if (!seen) seen = other_weights(folder);
  require<ConfigError>(!seen, "{}; an SD3 transformer or a run is needed: {}", seen.value_or(""), what_to_give(folder));
}

}  // namespace fgm
