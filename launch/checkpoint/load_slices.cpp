#include "launch/checkpoint/load_slices.h"

#include <cstring>

#include "core/models/weights.h"

namespace fgm {
namespace {

bool have_same_bits(const at::Tensor& a, const at::Tensor& b) {
  if (a.is_meta() || a.scalar_type() != b.scalar_type() || a.sizes() != b.sizes()) return false;
  const auto on_cpu = a.cpu().contiguous();
  return std::memcmp(on_cpu.const_data_ptr(), b.const_data_ptr(), b.nbytes()) == 0;
}

}  // namespace

void share_buffers(Network& from, Network& to) {
  std::map<std::string, at::Tensor> buffers;
  from.visit_buffers([&](const std::string& name, at::Tensor& buffer) { buffers[name] = buffer; });
  to.visit_buffers([&](const std::string& name, at::Tensor& buffer) { buffer = buffers.at(name); });
}

void load_slices(Network& network, const std::vector<StateSlice>& weights, const TensorSource& source) {
  require_tensors(source, shapes_of(network));
  at::Device device = at::kCPU;
  visit_parameters(network, [&](const std::string&, at::Tensor& tensor) { device = tensor.device(); });
  const at::NoGradGuard no_grad;
  network.visit_buffers([&](const std::string& name, at::Tensor& buffer) {
    const auto stored = at::empty(buffer.sizes(), find_tensor(source, name).dtype);
    read_finite(source, name, 0, stored);
    if (buffer.device() != device || !have_same_bits(buffer, stored)) buffer = stored.to(device);
  });
  for (const auto& slice : weights) read_finite(source, slice.name, slice.begin, slice.values);
}

}  // namespace fgm
