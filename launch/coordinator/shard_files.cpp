#include "launch/coordinator/shard_files.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/io/safetensors.h"
#include "core/io/safetensors_dtype.h"
#include "launch/checkpoint/checkpoints_folder.h"
#include "launch/checkpoint/load_slices.h"
#include "launch/checkpoint/sharded_source.h"

namespace fgm {
namespace {

using nlohmann::json;

constexpr const char* kOptimizerPart = "optim";

// What a rank writes of one role: tensors as they stand in the file, and which elements of the whole they are.
struct RoleShard {
  std::vector<NamedTensor> tensors;
  json slices = json::array();

  void add(const StateSlice& slice) {
    const int64_t count = slice.values.numel(), total = c10::multiply_integers(slice.shape);
    if (count == 0) return;
    tensors.push_back({slice.name, count == total ? slice.values.view(slice.shape) : slice.values});
    slices.push_back({{"name", slice.name},
                      {"dtype", safetensors_dtype_name(slice.values.scalar_type()).value()},
                      {"shape", slice.shape},
                      {"begin", slice.begin},
                      {"end", slice.begin + count}});
  }
};

std::map<std::string, RoleShard> shards_by_part(const SavedNetwork& network, bool is_first_shard) {
  std::map<std::string, RoleShard> parts;
  for (const StateSlice& slice : network.engine->state()) parts[slice.part].add(slice);
  if (!is_first_shard) return parts;
  for (auto& [part, shard] : parts) {
    if (part == kOptimizerPart) continue;
    network.engine->model().visit_buffers([&, &shard = shard](const std::string& name, at::Tensor& tensor) {
      shard.add({"", name, tensor.sizes().vec(), 0, tensor.view(-1)});
    });
  }
  return parts;
}

std::map<std::string, std::string> metadata_of(const std::string& part, const WeightsInfo& info) {
  if (part != kOptimizerPart) return info.to_metadata();
  return {{"format", "pt"}, {"fgm.role", info.role}, {"fgm.step", std::to_string(info.step)}};
}

void require_shape(const ShardedSource& source, const StateSlice& slice) {
  for (const auto& info : source.tensors()) {
    if (info.name != slice.name) continue;
    require<ConfigError>(info.shape == slice.shape, "{}: {} is {} there and {} here", source.place(), slice.name,
                         fmt::join(info.shape, " x "), fmt::join(slice.shape, " x "));
    return;
  }
  throw_missing_tensor(source, slice.name);
}

}  // namespace

std::string role_of(const std::string& network, const std::string& part) {
  return part.empty() ? network : network + "_" + part;
}

std::string write_shards(const std::filesystem::path& folder, const std::vector<SavedNetwork>& networks,
                         MeshAxes coordinate, MeshAxes mesh, const WeightsInfo& info) {
  json written = json::array();
  if (coordinate.replicate != 0) return written.dump();
  for (const SavedNetwork& network : networks) {
    for (const auto& [part, shard] : shards_by_part(network, coordinate.shard == 0)) {
      if (shard.tensors.empty()) continue;
      WeightsInfo role_info = info;
      role_info.role = role_of(network.role, part);
      auto metadata = metadata_of(part, role_info);
      metadata[kShardKey] = fmt::format("{}/{}", coordinate.shard, mesh.shard);
      const std::string name = shard_file_name(role_info.role, coordinate.shard, mesh.shard);
      const FileDigest digest = write_safetensors(folder / name, shard.tensors, metadata);
      written.push_back({{"file", name},
                         {"role", role_info.role},
                         {"bytes", digest.bytes},
                         {"xxh128", digest.xxh128},
                         {"slices", shard.slices}});
    }
  }
  return written.dump();
}

void add_shards(const std::string& written, Manifest& manifest) {
  for (const json& file : json::parse(written)) {
    const auto name = file["file"].get<std::string>(), role = file["role"].get<std::string>();
    manifest.files[name] = {file["bytes"].get<uint64_t>(), file["xxh128"].get<std::string>()};
    for (const json& slice : file["slices"]) {
      const auto tensor_name = slice["name"].get<std::string>();
      ManifestTensor& tensor = manifest.tensors[manifest_key(role, tensor_name)];
      tensor.role = role;
      tensor.name = tensor_name;
      tensor.dtype = parse_safetensors_dtype(slice["dtype"].get<std::string>()).value();
      tensor.shape = slice["shape"].get<std::vector<int64_t>>();
      tensor.slices.push_back({name, slice["begin"].get<int64_t>(), slice["end"].get<int64_t>()});
    }
  }
}

void restore_network(const SavedNetwork& network, const std::filesystem::path& folder, const Manifest& manifest) {
  const auto updates = manifest.updates.find(network.role);
  require<IoError>(updates != manifest.updates.end(), "{}: no network {} in it", folder.string(), network.role);
  std::map<std::string, std::vector<StateSlice>> parts;
  for (const StateSlice& slice : network.engine->state()) parts[slice.part].push_back(slice);
  load_slices(network.engine->model(), parts[""], ShardedSource(folder, manifest, network.role));
  const at::NoGradGuard no_grad;
  for (const auto& [part, slices] : parts) {
    if (part.empty()) continue;
    const ShardedSource source(folder, manifest, role_of(network.role, part));
    for (const auto& slice : slices) {
      require_shape(source, slice);
      source.read(slice.name, slice.begin, slice.values);
    }
  }
  network.engine->set_num_updates(updates->second);
}

}  // namespace fgm
