#include "core/io/tensor_source.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/base/text.h"
#include "core/io/safetensors_dtype.h"

namespace fgm {
namespace {

constexpr int64_t kPieceElements = int64_t{1} << 20;

void digest_tensor(const TensorSource& source, const TensorInfo& info, Digest& digest) {
  const auto line =
      fmt::format("{} {} {} {}\n", info.name.size(), info.name, dtype_name(info), fmt::join(info.shape, ","));
  digest.update(std::as_bytes(std::span(line)));
  const int64_t total = c10::multiply_integers(info.shape);
  const auto buffer = at::empty({std::min(total, kPieceElements)}, info.dtype);
  for (int64_t begin = 0; begin < total; begin += kPieceElements) {
    const auto piece = buffer.narrow(0, 0, std::min(kPieceElements, total - begin));
    source.read(info.name, begin, piece);
    digest.update({static_cast<const std::byte*>(piece.const_data_ptr()), piece.nbytes()});
  }
}

bool is_finite(const at::Tensor& tensor) {
  if (tensor.numel() == 0) return true;
  if (c10::isFloat8Type(tensor.scalar_type())) return is_finite(tensor.to(at::kFloat));  // ATen has no aminmax of it
  const auto [low, high] = at::aminmax(tensor.view({-1}));  // either is NaN when a value is
  return std::isfinite(low.item<double>()) && std::isfinite(high.item<double>());
}

}  // namespace

std::string dtype_name(const TensorInfo& info) {
  return info.unread_dtype.empty() ? std::string(safetensors_dtype_name(info.dtype).value_or("?")) : info.unread_dtype;
}

const TensorInfo& find_tensor(const TensorSource& source, const std::string& name) {
  const auto found = std::ranges::find(source.tensors(), name, &TensorInfo::name);
  if (found == source.tensors().end()) throw_missing_tensor(source, name);
  return *found;
}

void check_read(const TensorSource& source, const TensorInfo& info, int64_t begin, const at::Tensor& out) {
  require<IoError>(info.unread_dtype.empty(), "{}: {} is {}, which fgm does not read", source.place(), info.name,
                   info.unread_dtype);
  const int64_t total = c10::multiply_integers(info.shape);
  check(begin >= 0 && out.numel() <= total - begin && out.is_contiguous(), "read of [{}, {}) of the {} elements of {}",
        begin, begin + out.numel(), total, info.name);
}

void read_finite(const TensorSource& source, const std::string& name, int64_t begin, const at::Tensor& out) {
  source.read(name, begin, out);
  if (is_finite(out)) return;
  const auto stored = at::empty(out.sizes(), find_tensor(source, name).dtype);
  source.read(name, begin, stored);
  const auto names = source.stored_names(name);
  const auto which = names == std::vector{name} ? name : fmt::format("{} (there {})", name, fmt::join(names, ", "));
  require<ConfigError>(is_finite(stored),
                       "{}: {} holds NaN or infinity: the weights are damaged, or of a run that diverged",
                       source.place(), which);
  throw ConfigError(fmt::format("{}: {} has a value that is not finite in {}; give another dtype", source.place(),
                                which, c10::toString(out.scalar_type())));
}

void throw_missing_tensor(const TensorSource& source, const std::string& name) {
  std::vector<std::string> names;
  for (const auto& info : source.tensors()) names.push_back(info.name);
  const auto near = nearest(name, names);
  throw IoError(fmt::format("{} has no tensor '{}'{}", source.place(), name,
                            near ? fmt::format("; did you mean '{}'?", *near) : ""));
}

ShapeByName shapes_of(const TensorSource& source) {
  ShapeByName shapes;
  for (const auto& info : source.tensors()) shapes.emplace(info.name, info.shape);
  return shapes;
}

std::vector<std::string> tensor_problems(const TensorSource& source, const ShapeByName& shapes) {
  std::vector<std::string> problems;
  auto missing = shapes;
  for (const auto& info : source.tensors()) {
    const auto expected = shapes.find(info.name);
    missing.erase(info.name);
    if (expected == shapes.end()) {
      problems.push_back(fmt::format("{} is not in the model", info.name));
    } else if (expected->second != info.shape) {
      problems.push_back(
          fmt::format("{} is {} in the file and {} in the model", info.name, info.shape, expected->second));
    }
  }
  for (const auto& [name, shape] : missing) problems.push_back(fmt::format("{} {} is missing", name, shape));
  return problems;
}

void require_tensors(const TensorSource& source, const ShapeByName& shapes) {
  const auto problems = tensor_problems(source, shapes);
  require<ConfigError>(problems.empty(), "{} does not fit the model: {}", source.place(), fmt::join(problems, "; "));
}

std::string digest_of(const TensorSource& source) {
  std::vector<TensorInfo> tensors = source.tensors();
  std::ranges::sort(tensors, {}, &TensorInfo::name);
  Digest digest;
  for (const auto& info : tensors) digest_tensor(source, info, digest);
  return digest.hex();
}

}  // namespace fgm
