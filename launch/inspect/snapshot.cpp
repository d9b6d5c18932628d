#include "launch/inspect/snapshot.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "core/base/error.h"
#include "core/config/config.h"
#include "core/config/fields.h"
#include "core/io/safetensors_dtype.h"
#include "core/models/model_factory.h"
#include "launch/checkpoint/sharded_source.h"
#include "launch/checkpoint/weights_info.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

std::string value_of(const std::map<std::string, std::string>& metadata, const std::string& key) {
  const auto found = metadata.find(key);
  return found == metadata.end() ? "" : found->second;
}

SnapshotTensor whole_tensor(const std::string& role, const TensorInfo& info,
                            std::shared_ptr<const SafetensorsFile> file) {
  SnapshotTensor tensor{.role = role,
                        .name = info.name,
                        .dtype = info.dtype,
                        .dtype_name = dtype_name(info),
                        .shape = info.shape,
                        .num_bytes = static_cast<int64_t>(info.num_bytes)};
  tensor.held.push_back({0, tensor.num_elements()});
  tensor.source = std::move(file);
  return tensor;
}

// Places of the parameters in the forward pass, by name; empty for a config of which this fgm can build no network.
std::map<std::string, size_t> forward_order(const std::string& ini) {
  std::map<std::string, size_t> places;
  try {
    Config config;
    apply_ini(config, ini, "config");
    const auto model = make_model(config.model, at::TensorOptions().dtype(at::kFloat).device(at::kMeta));
    visit_parameters(*model, [&](const std::string& name, at::Tensor&) { places.emplace(name, places.size()); });
  } catch (const Error&) {
    places.clear();
  } catch (const c10::Error&) {
    places.clear();
  }
  return places;
}

// "x.weight" of "x.weight.exp_avg_sq".
std::string parameter_of(const std::string& name) {
  for (const std::string suffix : {".exp_avg", ".exp_avg_sq"}) {
    if (name.ends_with(suffix)) return name.substr(0, name.size() - suffix.size());
  }
  return name;
}

// Puts the tensors of each role in the order of the forward pass; buffers, which are no parameters, come last.
void sort_forward(Snapshot& snapshot) {
  const auto places = forward_order(snapshot.config);
  std::ranges::stable_sort(snapshot.tensors, {}, [&](const SnapshotTensor& tensor) {
    const auto place = places.find(parameter_of(tensor.name));
    return std::tuple(tensor.role, place == places.end() ? places.size() : place->second);
  });
}

OpenFiles open_files_of(const StepFolder& folder) {
  OpenFiles files;
  for (const auto& file : folder.files) {
    if (file.content) files.emplace(file.name, file.content);
  }
  return files;
}

SnapshotTensor assembled_tensor(const ManifestTensor& listed, const OpenFiles& files) {
  SnapshotTensor tensor{.role = listed.role,
                        .name = listed.name,
                        .dtype = listed.dtype,
                        .dtype_name = std::string(safetensors_dtype_name(listed.dtype).value_or("?")),
                        .shape = listed.shape};
  tensor.num_bytes = tensor.num_elements() * static_cast<int64_t>(c10::elementSize(listed.dtype));
  for (const auto& slice : listed.slices) {
    const auto file = files.find(slice.file);
    if (file == files.end() || !holds_slice(*file->second, listed, slice)) continue;
    if (!tensor.held.empty() && tensor.held.back().end == slice.begin) {
      tensor.held.back().end = slice.end;
    } else {
      tensor.held.push_back({slice.begin, slice.end});
    }
  }
  return tensor;
}

void add_assembled(const StepFolder& folder, Snapshot& snapshot) {
  const OpenFiles files = open_files_of(folder);
  std::map<std::string, std::shared_ptr<const ShardedSource>> sources;
  for (const auto& [key, listed] : folder.manifest->tensors) {
    auto& source = sources[listed.role];
    if (!source) source = std::make_shared<const ShardedSource>(folder.path, *folder.manifest, listed.role, files);
    snapshot.tensors.push_back(assembled_tensor(listed, files));
    snapshot.tensors.back().source = source;
  }
}

// "student" of "student-00000-of-00001.safetensors"; of another name what stands before its ending.
std::string role_of_file(const std::string& name) {
  const std::string stem = fs::path(name).stem().string();
  constexpr std::string_view kOnlyShard = "-00000-of-00001";
  return stem.ends_with(kOnlyShard) ? stem.substr(0, stem.size() - kOnlyShard.size()) : stem;
}

}  // namespace

std::vector<Range> SnapshotTensor::readable() const {
  return dtype == at::ScalarType::Undefined ? std::vector<Range>() : held;
}

int64_t SnapshotTensor::num_missing() const {
  int64_t missing = num_elements();
  for (const auto& range : held) missing -= range.end - range.begin;
  return missing;
}

Snapshot snapshot_of(std::shared_ptr<const SafetensorsFile> file) {
  const auto& metadata = file->metadata();
  std::string role = value_of(metadata, kRoleKey);
  if (role.empty()) role = value_of(metadata, "role");
  if (role.empty()) role = "weights";
  Snapshot snapshot{.path = file->path(), .config = value_of(metadata, kConfigKey)};
  for (const auto& info : file->tensors()) snapshot.tensors.push_back(whole_tensor(role, info, file));
  return snapshot;
}

Snapshot snapshot_of(const StepFolder& folder) {
  Snapshot snapshot{.path = folder.path, .problems = folder.problems(), .manifest = folder.manifest};
  if (folder.manifest) {
    snapshot.config = folder.manifest->config;
    add_assembled(folder, snapshot);
  } else {
    for (const auto& [name, file] : open_files_of(folder)) {
      if (snapshot.config.empty()) snapshot.config = value_of(file->metadata(), kConfigKey);
      for (const auto& info : file->tensors()) {
        snapshot.tensors.push_back(whole_tensor(role_of_file(name), info, file));
      }
    }
  }
  sort_forward(snapshot);
  return snapshot;
}

}  // namespace fgm
