#include "core/methods/agreement.h"

#include <cmath>

#include "core/flow/flow_path.h"

namespace fgm {

void report_agreement(const at::Tensor& u, const at::Tensor& v, const at::Tensor& c, double global_batch,
                      StepReport& report) {
  const auto sum_of = [](const at::Tensor& products) { return mean_per_sample(products).sum(); };
  const auto sums = at::stack({2.0 * sum_of((u - v) * (v - c)), sum_of(u * u), sum_of(u * v), sum_of(v * v)});
  const auto means = sums.to(at::kCPU, at::kDouble) / global_batch;  // one transfer for all four
  const auto* mean = means.const_data_ptr<double>();
  for (const auto* key : {"l2", "uu", "uv", "vv"}) report.values[key] = *mean++;
}

void report_cosine(StepReport& report) {
  const auto take = [&](const char* key) { return report.values.extract(key).mapped(); };
  const double uu = take("uu"), uv = take("uv"), vv = take("vv");
  report.values["cosine"] = uv / std::sqrt(uu * vv);
}

}  // namespace fgm
