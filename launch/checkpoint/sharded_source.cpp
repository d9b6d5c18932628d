#include "launch/checkpoint/sharded_source.h"

#include <algorithm>
#include <utility>

#include "core/base/error.h"

namespace fgm {

ShardedSource::ShardedSource(std::filesystem::path folder, const Manifest& manifest, const std::string& role)
    : folder_(std::move(folder)), role_(role) {
  for (const auto& [key, tensor] : manifest.tensors) {
    if (tensor.role != role) continue;
    const int64_t num_elements = c10::multiply_integers(tensor.shape);
    infos_.push_back({tensor.name, tensor.dtype, tensor.shape, 0,
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
  const auto found = open_files_.find(name);
  return found != open_files_.end() ? found->second : open_files_.emplace(name, folder_ / name).first->second;
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
  const TensorInfo& info = source.info(tensor.name);
  require<IoError>(c10::multiply_integers(info.shape) == slice.end - slice.begin && info.dtype == tensor.dtype,
                   "{}: {} is not the {} elements of {} that the manifest lists", source.place(), tensor.name,
                   slice.end - slice.begin, c10::toString(tensor.dtype));
  source.read(tensor.name, begin - slice.begin, out);
}

}  // namespace fgm
