#include "launch/weights/export_files.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "core/base/error.h"
#include "core/formats/diffusers_config.h"
#include "core/formats/unet_files.h"
#include "core/formats/unet_names.h"
#include "core/io/output_path.h"
#include "core/io/safetensors.h"
#include "launch/weights/export_metadata.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
using Source = std::shared_ptr<const TensorSource>;
using Metadata = std::map<std::string, std::string>;

constexpr const char* kStem = "diffusion_pytorch_model";
constexpr const char* kConfigFile = "config.json";

at::Tensor read_as(const TensorSource& source, const TensorInfo& info, at::ScalarType dtype) {
  auto tensor = at::empty(info.shape, dtype);
  read_finite(source, info.name, 0, tensor);
  return tensor;
}

std::vector<TensorMaker> makers(const Source& source, const std::string& position_table, const ExportOptions& options) {
  std::vector<TensorMaker> tensors;
  for (const auto& info : source->tensors()) {
    const auto dtype = info.name == position_table ? info.dtype : options.dtype.value_or(info.dtype);
    tensors.push_back({info.name, dtype, info.shape, [source, &info, dtype] { return read_as(*source, info, dtype); }});
  }
  return tensors;
}

uint64_t bytes_of(const TensorMaker& tensor) {
  return static_cast<uint64_t>(c10::multiply_integers(tensor.shape)) * c10::elementSize(tensor.dtype);
}

// Cuts the tensors, in order, into shards as full as the limit allows. A tensor that is larger has one of its own.
std::vector<std::vector<TensorMaker>> cut(const std::vector<TensorMaker>& tensors, uint64_t max_bytes) {
  std::vector<std::vector<TensorMaker>> shards(1);
  uint64_t bytes = 0;
  for (const auto& tensor : tensors) {
    if (!shards.back().empty() && bytes + bytes_of(tensor) > max_bytes) {
      shards.emplace_back();
      bytes = 0;
    }
    shards.back().push_back(tensor);
    bytes += bytes_of(tensor);
  }
  return shards;
}

// What an export makes: folders, and files in a folder that was new or empty. Unless keep() is called, all of it is
// removed again.
class NewFiles {
 public:
  // Makes `folder`, and those above it, where they are missing.
  explicit NewFiles(const fs::path& folder) {
    for (auto path = fs::absolute(folder); !fs::exists(path); path = path.parent_path()) folders_.push_back(path);
    make_folder_of(fs::absolute(folder) / kConfigFile);
  }
  ~NewFiles() {
    std::error_code ignored;
    for (const auto* paths : {&files_, &folders_}) {
      for (const auto& path : *paths) fs::remove(path, ignored);
    }
  }
  NewFiles(const NewFiles&) = delete;
  NewFiles& operator=(const NewFiles&) = delete;

  // Notes a file of the folder that is going to be written.
  const fs::path& add(const fs::path& file) { return files_.emplace_back(file); }
  std::vector<fs::path> keep() {
    folders_.clear();
    return std::exchange(files_, {});
  }

 private:
  std::vector<fs::path> files_, folders_;  // a folder before the one that it lies in
};

void write_shards(const fs::path& folder, const std::vector<TensorMaker>& tensors, const ExportOptions& options,
                  const Metadata& metadata, NewFiles& files) {
  const auto shards = cut(tensors, options.max_shard_bytes);
  if (shards.size() == 1) {
    stream_safetensors(files.add(folder / fmt::format("{}.safetensors", kStem)), tensors, metadata);
    return;
  }
  nlohmann::ordered_json weight_map;
  uint64_t total = 0;
  for (size_t i = 0; i < shards.size(); ++i) {
    const auto name = fmt::format("{}-{:05}-of-{:05}.safetensors", kStem, i + 1, shards.size());
    stream_safetensors(files.add(folder / name), shards[i], metadata);
    for (const auto& tensor : shards[i]) {
      weight_map[tensor.name] = name;
      total += bytes_of(tensor);
    }
  }
  const nlohmann::ordered_json index{{"metadata", {{"total_size", total}}}, {"weight_map", weight_map}};
  write_file(files.add(folder / fmt::format("{}.safetensors.index.json", kStem)), index.dump(2) + "\n");
}

std::vector<fs::path> write_folder(const OpenWeights& weights, const fs::path& out, const ExportOptions& options) {
  const auto& info = weights.info;
  const int64_t height = info.sample_shape.at(1), width = info.sample_shape.at(2);
  const auto config = mmdit_json(info.config.model.mmdit, std::max(height, width));
  if (height != width) {
    spdlog::warn(
        "diffusers' config.json has one side, {}, and the samples of this network are {} x {} (width x height): give "
        "diffusers both; fgm knows them from the metadata",
        std::max(height, width), width, height);
  }
  const auto source = as_external(weights.source, Naming::kDiffusers);
  const auto table = names_in(Naming::kDiffusers, "pos_embed").front();
  NewFiles files(out);
  write_shards(out, makers(source, table, options), options, export_metadata(info, Naming::kDiffusers), files);
  write_file(files.add(out / kConfigFile), config.dump(2) + "\n");
  return files.keep();
}

bool is_unet(const OpenWeights& weights) {
  return weights.info.config.model.kind == ModelKind::kUNet;
}

// The network under the names of a single file: Stability's, or those of a U-Net's authors.
Source as_single_file(const OpenWeights& weights) {
  if (!is_unet(weights)) return as_external(weights.source, Naming::kStability, kSingleFilePrefix);
  const UNetConfig& config = weights.info.config.model.unet;
  return compose(weights.source, inverse(unet_tensors_in(config), external_unet_shapes(config)));
}

// Requires that the file, which has names and shapes only, tells the network.
void check_unet_export(const OpenWeights& weights, const ExportOptions& options) {
  require<ConfigError>(options.naming == Naming::kStability,
                       "{}: diffusers does not know this U-Net; give --out a name that ends in .safetensors",
                       weights.source->place());
  const auto told = find_unet(as_single_file(weights));
  require<ConfigError>(told && told->config == weights.info.config.model.unet,
                       "{}: tensors of this U-Net's authors do not tell its image size, heads and groups unless these "
                       "are those of their CIFAR-10 examples (docs/cifar10.md)",
                       weights.source->place());
}

std::vector<fs::path> write_single_file(const OpenWeights& weights, const fs::path& out, const ExportOptions& options) {
  NewFiles files(fs::absolute(out).parent_path());
  stream_safetensors(out, makers(as_single_file(weights), fmt::format("{}pos_embed", kSingleFilePrefix), options),
                     export_metadata(weights.info, Naming::kStability));
  files.keep();
  return {out};
}

}  // namespace

void check_export(const OpenWeights& weights, const fs::path& out, const ExportOptions& options) {
  require_network(weights.info.config.model, *weights.source);
  if (is_unet(weights)) check_unet_export(weights, options);
  if (options.naming == Naming::kDiffusers) {
    require<ConfigError>(!fs::exists(out) || (fs::is_directory(out) && fs::is_empty(out)),
                         "--out {} is there already; give a new or an empty folder", out.string());
    mmdit_json(weights.info.config.model.mmdit, weights.info.sample_shape.at(1));
    return;
  }
  require<ConfigError>(!fs::exists(out), "--out {} is there already; give a new file", out.string());
  const MMDiTConfig& model = weights.info.config.model.mmdit;
  require<ConfigError>(is_unet(weights) || model.qk_norm || model.num_heads == model.depth,
                       "{}: {} heads in {} blocks: a single file cannot tell the number of heads unless it is that of "
                       "the blocks; give --format diffusers",
                       weights.source->place(), model.num_heads, model.depth);
}

std::vector<fs::path> export_weights(const OpenWeights& weights, const fs::path& out, const ExportOptions& options) {
  check_export(weights, out, options);
  return options.naming == Naming::kDiffusers ? write_folder(weights, out, options)
                                              : write_single_file(weights, out, options);
}

}  // namespace fgm
