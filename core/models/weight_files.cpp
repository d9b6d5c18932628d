#include "core/models/weight_files.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "core/base/error.h"
#include "core/io/safetensors.h"
#include "core/io/strict_json.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kStem = "diffusion_pytorch_model.";
constexpr std::string_view kIndex = ".safetensors.index.";

// Several files whose tensors together are one model's.
class JoinedSource : public TensorSource {
 public:
  JoinedSource(const fs::path& folder, const std::vector<std::string>& names) : folder_(folder) {
    for (const auto& name : names) files_.emplace_back(folder / name);
    for (const auto& file : files_) {
      for (const auto& info : file.tensors()) {
        const auto [other, is_new] = file_of_.emplace(info.name, &file);
        require<IoError>(is_new, "{} is in {} and in {}", info.name, file.place(), other->second->place());
        tensors_.push_back(info);
      }
    }
  }

  const std::vector<TensorInfo>& tensors() const override { return tensors_; }
  const std::map<std::string, std::string>& metadata() const override { return files_.front().metadata(); }
  std::string place() const override { return folder_.string(); }
  void read(const std::string& name, int64_t begin, const at::Tensor& out) const override {
    file_of_.at(find_tensor(*this, name).name)->read(name, begin, out);
  }
  at::Tensor view(const std::string& name) const override {
    return file_of_.at(find_tensor(*this, name).name)->view(name);
  }
  // The file that holds `name`, without its folder; empty when none does.
  std::string file_of(const std::string& name) const {
    const auto it = file_of_.find(name);
    return it == file_of_.end() ? "" : it->second->path().filename().string();
  }

 private:
  fs::path folder_;
  std::vector<SafetensorsFile> files_;
  std::vector<TensorInfo> tensors_;
  std::map<std::string, const SafetensorsFile*> file_of_;
};

// Tensor to file, as the index has it.
std::map<std::string, std::string> read_weight_map(const fs::path& index) {
  const auto json = read_json(index);
  require<IoError>(
      json.is_object() && json.contains("weight_map") && json["weight_map"].is_object() && !json["weight_map"].empty(),
      "{} has no \"weight_map\" of tensors and files", index.string());
  std::map<std::string, std::string> files;
  for (const auto& [tensor, name] : json["weight_map"].items()) {
    require<IoError>(name.is_string() && name.get<std::string>().find('/') == std::string::npos,
                     "{} puts {} into {}, which is no file name", index.string(), tensor, name.dump());
    files[tensor] = name.get<std::string>();
  }
  return files;
}

std::shared_ptr<const TensorSource> open_sharded(const fs::path& index) {
  const auto weight_map = read_weight_map(index);
  std::set<std::string> names;
  for (const auto& [tensor, file] : weight_map) names.insert(file);
  const auto joined =
      std::make_shared<JoinedSource>(index.parent_path(), std::vector<std::string>(names.begin(), names.end()));
  std::vector<std::string> problems;
  for (const auto& [tensor, file] : weight_map) {
    if (joined->file_of(tensor) != file) problems.push_back(fmt::format("{} is not in {}", tensor, file));
  }
  for (const auto& info : joined->tensors()) {
    if (!weight_map.contains(info.name)) problems.push_back(fmt::format("{} is not in the index", info.name));
  }
  require<IoError>(problems.empty(), "{} does not describe the files beside it: {}", index.string(),
                   fmt::join(problems, "; "));
  return joined;
}

bool is_shard(const std::string& name) {
  return name.find("-of-") != std::string::npos;
}

// Files that open a folder's weights: an index of shards, or a whole file. Sorted by name.
std::vector<std::string> entry_points(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const auto name = entry.path().filename().string();
    const bool is_index = name.find(kIndex) != std::string::npos && name.ends_with(".json");
    const bool is_whole = name.ends_with(".safetensors") && !is_shard(name);
    if (name.starts_with(kStem) && (is_index || is_whole)) names.push_back(name);
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace

std::shared_ptr<const TensorSource> open_diffusers_weights(const fs::path& folder) {
  auto names = entry_points(folder);
  require<IoError>(!names.empty(), "{} holds no diffusion_pytorch_model.safetensors and no index of its shards",
                   folder.string());
  const std::set<std::string> without_variant = {"diffusion_pytorch_model.safetensors",
                                                 "diffusion_pytorch_model.safetensors.index.json"};
  const auto plain = std::ranges::find_if(names, [&](const auto& name) { return without_variant.contains(name); });
  require<IoError>(plain != names.end() || names.size() == 1, "{} holds {}: give the path of the one to use",
                   folder.string(), fmt::join(names, " and "));
  const auto path = folder / (plain != names.end() ? *plain : names.front());
  if (path.extension() == ".json") return open_sharded(path);
  return std::make_shared<SafetensorsFile>(path);
}

}  // namespace fgm
