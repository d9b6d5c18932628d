#include "launch/checkpoint/sharded_source.h"

#include <algorithm>
#include <utility>

#include "core/base/error.h"
#include "core/io/safetensors_dtype.h"

namespace fgm {

ShardedSource::ShardedSource(std::filesystem::path folder, const Manifest& manifest, const std::string& role,
                             OpenFiles open_files)
    : folder_(std::move(folder)), role_(role), open_files_(std::move(open_files)) {
  for (const auto& [key, tensor] : manifest.tensors) {
    if (tensor.role != role) continue;
    const int64_t num_elements = c10::multiply_integers(tensor.shape);
    infos_.push_back({tensor.name, tensor.dtype, tensor.shape,
                      static_cast<uint64_t>(num_elements) * c10::elementSize(tensor.dtype)});
    for (const auto& slice : tensor.slices) {
      if (first_file_.empty() || slice.file < first_file_) first_file_ = slice.file;
    }
    tensors_.emplace(tensor.name, tensor);
  }
  require<IoError>(!infos_.empty(), "{} holds nothing of role {}", folder_.string(), role);
}

const std::map<std::string, std::string>& ShardedSource::metadata() const {
  return file(first_file_).metadata();
}

std::string ShardedSource::place() const {
  return fmt::format("{} ({})", folder_.string(), role_);
}

const SafetensorsFile& ShardedSource::file(const std::string& name) const {
  auto& file = open_files_[name];
  if (!file) file = std::make_shared<const SafetensorsFile>(folder_ / name);
  return *file;
}

void ShardedSource::read(const std::string& name, int64_t begin, const at::Tensor& out) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) throw_missing_tensor(*this, name);
  const ManifestTensor& tensor = found->second;
  const int64_t end = begin + out.numel();
  check(begin >= 0 && end <= c10::multiply_integers(tensor.shape) && out.is_contiguous(), "read of [{}, {}) of {} {}",
        begin, end, name, fmt::join(tensor.shape, " x "));
  const auto flat_out = out.view(-1);
  for (const auto& slice : tensor.slices) {
    const int64_t from = std::max(begin, slice.begin), to = std::min(end, slice.end);
    if (from < to) read_slice(tensor, slice, from, flat_out.narrow(0, from - begin, to - from));
  }
}

void ShardedSource::read_slice(const ManifestTensor& tensor, const ManifestSlice& slice, int64_t begin,
                               const at::Tensor& out) const {
  const SafetensorsFile& source = file(slice.file);
  require<IoError>(holds_slice(source, tensor, slice), "{} {}", source.place(), describe_absent(tensor, slice));
  source.read(tensor.name, begin - slice.begin, out);
}

bool holds_slice(const SafetensorsFile& file, const ManifestTensor& tensor, const ManifestSlice& slice) {
  if (!file.contains(tensor.name)) return false;
  const TensorInfo& info = file.info(tensor.name);
  return info.dtype == tensor.dtype && c10::multiply_integers(info.shape) == slice.end - slice.begin;
}

std::string describe_absent(const ManifestTensor& tensor, const ManifestSlice& slice) {
  return fmt::format("does not hold the {} elements of {} ({}) that {} lists", slice.end - slice.begin, tensor.name,
                     safetensors_dtype_name(tensor.dtype).value_or("?"), kManifestFile);
}

}  // namespace fgm
