#include "core/models/weights.h"

namespace fgm {
namespace {

void visit_tensors(Network& network, const TensorVisitor& visitor) {
  visit_parameters(network, visitor);
  network.visit_buffers(visitor);
}

}  // namespace

ShapeByName shapes_of(Network& network) {
  ShapeByName shapes;
  visit_tensors(network,
                [&](const std::string& name, at::Tensor& tensor) { shapes.emplace(name, tensor.sizes().vec()); });
  return shapes;
}

void load_parameters(Network& network, const TensorSource& source) {
  require_tensors(source, shapes_of(network));
  const at::NoGradGuard no_grad;
  visit_tensors(network, [&](const std::string& name, at::Tensor& tensor) { read_finite(source, name, 0, tensor); });
}

}  // namespace fgm
