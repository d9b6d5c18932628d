#include "core/models/model_factory.h"

#include "core/base/error.h"
#include "core/models/mmdit.h"
#include "core/models/unet.h"

namespace fgm {

std::unique_ptr<VelocityModel> make_model(const ModelConfig& config, const at::TensorOptions& options) {
  switch (config.kind) {
    case ModelKind::kMMDiT:
      return std::make_unique<MMDiT>(config.mmdit, options);
    case ModelKind::kUNet:
      return std::make_unique<UNet>(config.unet, options);
  }
  throw ConfigError("this program has no network of that model.kind");
}

void check_inputs(const ModelConfig& config, const at::Tensor& x_t, const at::Tensor& t_B,
                  const Conditioning& condition) {
  switch (config.kind) {
    case ModelKind::kMMDiT:
      return check_inputs(config.mmdit, x_t, t_B, condition);
    case ModelKind::kUNet:
      return check_inputs(config.unet, x_t, t_B, condition);
  }
}

int64_t num_parameters(Network& network) {
  int64_t total = 0;
  visit_parameters(network, [&](const std::string&, at::Tensor& tensor) { total += tensor.numel(); });
  return total;
}

}  // namespace fgm
