#include "core/formats/weight_files.h"

#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <regex>
#include <set>

#include "core/base/error.h"
#include "core/base/number.h"
#include "core/base/text.h"
#include "core/io/safetensors.h"
#include "core/io/safetensors_dtype.h"
#include "core/io/strict_json.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

std::string_view stem_of(SavedBy saved_by) {
  return saved_by == SavedBy::kDiffusers ? "diffusion_pytorch_model" : "model";
}

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

// A file that opens a folder's weights: a whole one, or the index of shards.
struct EntryPoint {
  std::string name;
  std::string variant;  // "fp16"; empty for none
  bool is_index = false;
};

// "diffusion_pytorch_model.fp16.safetensors", "diffusion_pytorch_model.safetensors.index.fp16.json", ...; of indexes
// any name before ".safetensors" will do: accelerate writes "model" for diffusers' networks, too.
std::optional<EntryPoint> parse_entry_point(const std::string& name, SavedBy saved_by) {
  const auto words = split(name, '.');
  const auto is_there = [&](std::string_view word) { return std::ranges::find(words, word) != words.end(); };
  if (words.size() < 2 || !is_there("safetensors")) return std::nullopt;
  EntryPoint entry{.name = name, .variant = "", .is_index = words.back() == "json" && is_there("index")};
  if (!entry.is_index && (words.back() != "safetensors" || words.front() != stem_of(saved_by))) return std::nullopt;
  for (auto word = words.begin() + 1; word != words.end(); ++word) {
    if (*word == "safetensors" || *word == "index" || *word == "json") continue;
    entry.variant += (entry.variant.empty() ? "" : ".") + *word;
  }
  return entry;
}

// The names of `saved_by` where there are any, else the indexes of others. Sorted by name.
std::vector<EntryPoint> entry_points(const fs::path& folder, SavedBy saved_by) {
  std::vector<EntryPoint> entries;
  std::error_code ignored;
  for (const auto& file : fs::directory_iterator(folder, ignored)) {
    const auto name = file.path().filename().string();
    if (num_shards_of(name)) continue;
    if (auto entry = parse_entry_point(name, saved_by)) entries.push_back(std::move(*entry));
  }
  const auto is_other = [&](const EntryPoint& entry) { return !entry.name.starts_with(stem_of(saved_by)); };
  if (!std::ranges::all_of(entries, is_other)) std::erase_if(entries, is_other);
  std::ranges::sort(entries, {}, &EntryPoint::name);
  return entries;
}

std::string names_of(const std::vector<EntryPoint>& entries, const char* between) {
  std::vector<std::string> names;
  for (const auto& entry : entries) names.push_back(entry.name);
  return fmt::format("{}", fmt::join(names, between));
}

// Leaves those without a variant, or else the only variant's.
void choose_variant(std::vector<EntryPoint>& entries, const fs::path& folder) {
  std::set<std::string> variants;
  for (const auto& entry : entries) variants.insert(entry.variant);
  require<IoError>(variants.contains("") || variants.size() == 1, "{} holds {}: give the path of the one to use",
                   folder.string(), names_of(entries, " and "));
  std::erase_if(entries, [&](const EntryPoint& entry) { return entry.variant != *variants.begin(); });
}

// Files that others' tools write in place of safetensors.
std::string other_weights(const fs::path& folder) {
  static const std::set<std::string> kEndings = {".bin", ".pt", ".pth", ".ckpt", ".gguf", ".msgpack", ".onnx"};
  std::error_code ignored;
  for (const auto& file : fs::directory_iterator(folder, ignored)) {
    if (!kEndings.contains(file.path().extension().string())) continue;
    return fmt::format("; {} is not read: save the weights as safetensors", file.path().filename().string());
  }
  return "";
}

}  // namespace

std::optional<int> num_shards_of(const std::string& name) {
  static const std::regex kShard(R"(-\d{5}-of-(\d{5})\b)");
  std::smatch match;
  return std::regex_search(name, match, kShard) ? parse_number<int>(match[1].str()) : std::nullopt;
}

bool is_weight_index(const fs::path& path) {
  const auto entry = parse_entry_point(path.filename().string(), SavedBy::kDiffusers);
  return entry && entry->is_index && fs::is_regular_file(path);
}

std::vector<std::string> indexed_tensors(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : entry_points(folder, SavedBy::kDiffusers)) {
    if (!entry.is_index) continue;
    for (const auto& [tensor, file] : read_weight_map(folder / entry.name)) names.push_back(tensor);
    break;
  }
  return names;
}

std::shared_ptr<const TensorSource> open_weight_file(const fs::path& path) {
  if (is_weight_index(path)) return open_sharded(path);
  const int count = num_shards_of(path.filename().string()).value_or(1);
  require<ConfigError>(count == 1, "{} is one of {} files that hold a model together: give its folder {}",
                       path.string(), count, fs::absolute(path).parent_path().string());
  return std::make_shared<SafetensorsFile>(path);
}

void require_dtypes(const std::vector<TensorInfo>& tensors, std::span<const at::ScalarType> accepted,
                    const std::string& place) {
  const auto is_refused = [&](const TensorInfo& info) { return std::ranges::count(accepted, info.dtype) == 0; };
  const auto first = std::ranges::find_if(tensors, is_refused);
  if (first == tensors.end()) return;
  const auto others = std::ranges::count_if(tensors, is_refused) - 1;
  std::vector<std::string_view> names;
  for (const auto dtype : accepted) names.push_back(safetensors_dtype_name(dtype).value_or("?"));
  const auto last = names.back();
  names.pop_back();
  throw ConfigError(fmt::format(
      "{}: {} is {}{}; {} and {} are accepted: convert quantised weights first", place, first->name, dtype_name(*first),
      others > 0 ? fmt::format(", and {} more tensors are like it", others) : "", fmt::join(names, ", "), last));
}

std::shared_ptr<const TensorSource> open_saved_weights(const fs::path& folder, SavedBy saved_by) {
  auto entries = entry_points(folder, saved_by);
  require<IoError>(!entries.empty(), "{} holds no {}.safetensors and no index of shards{}", folder.string(),
                   stem_of(saved_by), other_weights(folder));
  choose_variant(entries, folder);
  const auto num_indexes = std::ranges::count_if(entries, &EntryPoint::is_index);
  require<IoError>(num_indexes <= 1, "{} holds {}: give the path of the one to use", folder.string(),
                   names_of(entries, " and "));
  const bool wants_index = num_indexes == std::ssize(entries) || (num_indexes > 0 && saved_by == SavedBy::kDiffusers);
  const auto chosen = *std::ranges::find(entries, wants_index, &EntryPoint::is_index);
  std::erase_if(entries, [&](const EntryPoint& entry) { return entry.name == chosen.name; });
  if (!entries.empty()) {
    spdlog::warn("{}: {}, as {} does, and not {}", folder.string(),
                 chosen.is_index ? fmt::format("the shards of {} are read", chosen.name)
                                 : fmt::format("{} is read", chosen.name),
                 saved_by == SavedBy::kDiffusers ? "diffusers" : "transformers", names_of(entries, ", "));
  }
  if (chosen.is_index) return open_sharded(folder / chosen.name);
  return std::make_shared<SafetensorsFile>(folder / chosen.name);
}

}  // namespace fgm
