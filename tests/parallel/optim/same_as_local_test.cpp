#include <gtest/gtest.h>

#include "core/fgm/fgm_step.h"
#include "core/models/model_factory.h"
#include "parallel/comm/self_communicator.h"
#include "parallel/optim/fsdp_engine.h"
#include "parallel/optim/local_engine.h"
#include "tests/support/synthetic_source.h"

namespace fgm {
namespace {

std::unique_ptr<VelocityModel> model_of(uint64_t seed) {
  ModelConfig config{.in_channels = 2, .patch_size = 2, .depth = 3, .num_heads = 2, .head_width = 8, .context_width = 2,
                     .pooled_width = 5, .pos_embed_max_size = 4, .qk_norm = true};
  auto model = make_model(config, at::kFloat);
  visit_parameters(*model, [&](const std::string& name, at::Tensor& p) {
    p.copy_(RandomStream(seed, name).normal(0, 0, p.size(0), p.sizes().slice(1)) * 0.3);
  });
  return model;
}

template <typename MakeEngine>
std::vector<at::Tensor> run(const MakeEngine& make) {
  auto teacher = model_of(1), student = model_of(2), estimator = model_of(3);
  MethodConfig method;
  method.teacher_guidance = 1.5;
  method.student.ema = 0.9;
  method.student.beta1 = 0.0;
  method.student.lr = method.estimator.lr = 1e-3;
  auto s = make(*student, method.student);
  auto e = make(*estimator, method.estimator);
  testing::SyntheticSource source(12, {2, 4, 4}, 5);
  FgmStep step({*teacher, *s, *e}, {.seed = 5, .method = method, .sample_shape = {2, 4, 4}, .tensors = at::kFloat});
  std::vector<at::Tensor> out;
  for (int i = 0; i < 20; ++i) {
    const auto r = step.run(i, source);
    for (auto& [k, v] : r.values)
      if (!k.starts_with("ms.")) out.push_back(at::full({1}, v, at::kDouble));
  }
  for (auto* engine : {s.get(), e.get()})
    for (auto& slice : engine->state()) out.push_back(slice.values.clone());
  s->with_ema([&] { visit_parameters(*student, [&](auto&, at::Tensor& p) { out.push_back(p.detach().clone()); }); });
  return out;
}

TEST(Same, Bits) {
  const auto self = make_self_communicator(at::kCPU);
  const DeviceMesh mesh(*self, {});
  const auto a = run([](auto& m, auto& c) { return std::make_unique<LocalEngine>(m, c); });
  const auto b = run([&](auto& m, auto& c) { return std::make_unique<FsdpEngine>(m, c, mesh); });
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) EXPECT_TRUE(at::equal(a[i], b[i])) << i;
}

}  // namespace
}  // namespace fgm
