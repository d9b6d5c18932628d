#include "launch/coordinator/shard_files.h"

#include <nlohmann/json.hpp>

#include "core/io/safetensors.h"
#include "core/io/safetensors_dtype.h"

namespace fgm {
namespace {

using nlohmann::json;

// A tensor as it stands in the file: in its own shape where the slice is the whole.
NamedTensor tensor_of(const StateSlice& slice) {
  const bool is_whole = slice.values.numel() == c10::multiply_integers(slice.shape);
  return {slice.name, is_whole ? slice.values.view(slice.shape) : slice.values};
}

json written_slice(const StateSlice& slice) {
  return {{"name", slice.name},
          {"dtype", safetensors_dtype_name(slice.values.scalar_type()).value()},
          {"shape", slice.shape},
          {"begin", slice.begin},
          {"end", slice.begin + slice.values.numel()}};
}

}  // namespace

std::string write_shards(const std::filesystem::path& folder, const std::vector<ShardFile>& files) {
  json written = json::array();
  for (const ShardFile& file : files) {
    std::vector<NamedTensor> tensors;
    json slices = json::array();
    for (const auto& slice : file.slices) {
      tensors.push_back(tensor_of(slice));
      slices.push_back(written_slice(slice));
    }
    const FileDigest digest = write_safetensors(folder / file.name, tensors, file.metadata);
    written.push_back({{"file", file.name},
                       {"role", file.role},
                       {"bytes", digest.bytes},
                       {"xxh128", digest.xxh128},
                       {"slices", slices}});
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

}  // namespace fgm
