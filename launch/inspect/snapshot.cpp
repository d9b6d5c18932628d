#include "launch/inspect/snapshot.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <tuple>

#include "core/base/error.h"
#include "core/config/config.h"
#include "core/config/fields.h"
#include "core/io/safetensors_dtype.h"
#include "core/models/model_factory.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

std::string text_of(const std::map<std::string, std::string>& metadata, const std::string& key) {
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
                        .num_bytes = static_cast<int64_t>(info.end - info.begin)};
  tensor.pieces.push_back({std::move(file), {0, tensor.num_elements()}});
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

// Role by role; buffers, which are no parameters, come last.
void sort_forward(Snapshot& snapshot) {
  const auto places = forward_order(snapshot.config);
  std::ranges::stable_sort(snapshot.tensors, {}, [&](const SnapshotTensor& tensor) {
    const auto place = places.find(parameter_of(tensor.name));
    return std::tuple(tensor.role, place == places.end() ? places.size() : place->second);
  });
}

SnapshotTensor assembled_tensor(const ManifestTensor& listed, const std::map<std::string, const FolderFile*>& files) {
  SnapshotTensor tensor{.role = listed.role,
                        .name = listed.name,
                        .dtype = listed.dtype,
                        .dtype_name = std::string(safetensors_dtype_name(listed.dtype).value_or("?")),
                        .shape = listed.shape};
  tensor.num_bytes = tensor.num_elements() * static_cast<int64_t>(c10::elementSize(listed.dtype));
  for (const auto& slice : listed.slices) {
    const FolderFile& file = *files.at(slice.file);
    if (file.holds(listed, slice)) tensor.pieces.push_back({file.content, {slice.begin, slice.end}});
  }
  return tensor;
}

// "student" of "student-00000-of-00001.safetensors", else the name without its ending.
std::string role_of_file(const std::string& name) {
  const std::string stem = fs::path(name).stem().string();
  constexpr std::string_view kOnlyShard = "-00000-of-00001";
  return stem.ends_with(kOnlyShard) ? stem.substr(0, stem.size() - kOnlyShard.size()) : stem;
}

}  // namespace

std::vector<ElementRange> SnapshotTensor::readable() const {
  std::vector<ElementRange> ranges;
  if (dtype == at::ScalarType::Undefined) return ranges;
  for (const auto& piece : pieces) {
    if (!ranges.empty() && ranges.back().end == piece.range.begin) {
      ranges.back().end = piece.range.end;
    } else {
      ranges.push_back(piece.range);
    }
  }
  return ranges;
}

int64_t SnapshotTensor::num_missing() const {
  int64_t missing = num_elements();
  for (const auto& piece : pieces) missing -= piece.range.end - piece.range.begin;
  return missing;
}

void SnapshotTensor::read(int64_t begin, const at::Tensor& out) const {
  const int64_t end = begin + out.numel();
  for (const auto& piece : pieces) {
    const int64_t from = std::max(begin, piece.range.begin), to = std::min(end, piece.range.end);
    if (from < to) piece.file->read(name, from - piece.range.begin, out.narrow(0, from - begin, to - from));
  }
}

Snapshot snapshot_of(std::shared_ptr<const SafetensorsFile> file) {
  const auto& metadata = file->metadata();
  std::string role = text_of(metadata, "fgm.role");
  if (role.empty()) role = text_of(metadata, "role");
  if (role.empty()) role = "weights";
  Snapshot snapshot{.path = file->path(), .config = text_of(metadata, "fgm.config")};
  for (const auto& info : file->tensors()) snapshot.tensors.push_back(whole_tensor(role, info, file));
  return snapshot;
}

Snapshot snapshot_of(const StepFolder& folder) {
  Snapshot snapshot{.path = folder.path, .problems = folder.problems(), .manifest = folder.manifest};
  if (folder.manifest) {
    snapshot.config = folder.manifest->config;
    std::map<std::string, const FolderFile*> files;
    for (const auto& file : folder.files) files[file.name] = &file;
    for (const auto& [key, tensor] : folder.manifest->tensors) {
      snapshot.tensors.push_back(assembled_tensor(tensor, files));
    }
  } else {
    for (const auto& file : folder.files) {
      if (!file.content) continue;
      if (snapshot.config.empty()) snapshot.config = text_of(file.content->metadata(), "fgm.config");
      for (const auto& info : file.content->tensors()) {
        snapshot.tensors.push_back(whole_tensor(role_of_file(file.name), info, file.content));
      }
    }
  }
  sort_forward(snapshot);
  return snapshot;
}

}  // namespace fgm
