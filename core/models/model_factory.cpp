#include "core/models/model_factory.h"

#include "core/base/error.h"
#include "core/models/mmdit.h"

namespace fgm {

std::unique_ptr<VelocityModel> make_model(const ModelConfig& config, const at::TensorOptions& options) {
  switch (config.kind) {
    case ModelKind::kMMDiT:
      return std::make_unique<MMDiT>(config.mmdit, options);
  }
  throw ConfigError("this program has no network of that model.kind");
}

int64_t num_parameters(VelocityModel& model) {
  int64_t total = 0;
  visit_parameters(model, [&](const std::string&, at::Tensor& tensor) { total += tensor.numel(); });
  return total;
}

}  // namespace fgm
