#include "core/models/weights.h"

#include <fmt/ranges.h>

#include <map>
#include <set>

#include "core/base/error.h"

namespace fgm {
namespace {

std::map<std::string, at::Tensor> tensors_by_name(VelocityModel& model) {
  std::map<std::string, at::Tensor> tensors;
  const TensorVisitor collect = [&](const std::string& name, at::Tensor& tensor) { tensors.emplace(name, tensor); };
  visit_parameters(model, collect);
  model.visit_buffers(collect);
  return tensors;
}

// One line for each tensor that keeps `file` from being this model's weights.
std::vector<std::string> mismatches(const std::map<std::string, at::Tensor>& model, const SafetensorsFile& file) {
  std::vector<std::string> found;
  for (const auto& info : file.tensors()) {
    const auto it = model.find(info.name);
    if (it == model.end()) {
      found.push_back(fmt::format("{} is not in the model", info.name));
    } else if (it->second.sizes() != at::IntArrayRef(info.shape)) {
      found.push_back(
          fmt::format("{} is {} in the file and {} in the model", info.name, info.shape, it->second.sizes().vec()));
    }
  }
  for (const auto& [name, tensor] : model) {
    if (!file.contains(name)) found.push_back(fmt::format("{} {} is missing", name, tensor.sizes().vec()));
  }
  return found;
}

}  // namespace

void load_parameters(VelocityModel& model, const SafetensorsFile& file) {
  const auto tensors = tensors_by_name(model);
  const auto problems = mismatches(tensors, file);
  require<ConfigError>(problems.empty(), "{} does not fit the model: {}", file.path().string(),
                       fmt::join(problems, "; "));
  const at::NoGradGuard no_grad;
  for (const auto& [name, tensor] : tensors) at::Tensor(tensor).copy_(file.view(name));
}

}  // namespace fgm
