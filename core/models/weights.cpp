#include "core/models/weights.h"

namespace fgm {

void load_parameters(VelocityModel& model, const TensorSource& source) {
  std::map<std::string, at::Tensor> tensors;
  std::map<std::string, std::vector<int64_t>> shapes;
  const TensorVisitor collect = [&](const std::string& name, at::Tensor& tensor) {
    tensors.emplace(name, tensor);
    shapes.emplace(name, tensor.sizes().vec());
  };
  visit_parameters(model, collect);
  model.visit_buffers(collect);
  require_tensors(source, shapes);
  const at::NoGradGuard no_grad;
  for (const auto& [name, tensor] : tensors) read_finite(source, name, 0, tensor);
}

}  // namespace fgm
