#include "core/models/weights.h"

namespace fgm {
namespace {

void visit_tensors(VelocityModel& model, const TensorVisitor& visitor) {
  visit_parameters(model, visitor);
  model.visit_buffers(visitor);
}

}  // namespace

ShapeByName shapes_of(VelocityModel& model) {
  ShapeByName shapes;
  visit_tensors(model,
                [&](const std::string& name, at::Tensor& tensor) { shapes.emplace(name, tensor.sizes().vec()); });
  return shapes;
}

void load_parameters(VelocityModel& model, const TensorSource& source) {
  require_tensors(source, shapes_of(model));
  const at::NoGradGuard no_grad;
  visit_tensors(model, [&](const std::string& name, at::Tensor& tensor) { read_finite(source, name, 0, tensor); });
}

}  // namespace fgm
