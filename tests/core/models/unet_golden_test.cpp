#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>

#include "core/models/model_factory.h"
#include "tests/core/models/unet_golden.h"
#include "tests/support/read_tensor.h"

// Values of torchcfm's UNetModelWrapper and EDM's EDMPrecond with SongUNet: tests/golden/make_unet_golden.py.
namespace fgm {
namespace {

class UNetGolden : public testing::TestWithParam<std::string> {};

TEST_P(UNetGolden, VelocityAndAllGradientsAreTheReferences) {
  const auto name = GetParam();
  const auto file = golden::open("unet");
  const auto value = [&](const std::string& key) { return read_tensor(file, name + "/" + key); };
  const auto config = golden::unet_config(golden::config_of(file, name).json);
  const auto model = make_model(config, at::kFloat);
  const auto expected = value("velocity");
  const auto x_t = golden::draw_input(name + "/x_t", expected.sizes()).requires_grad_(true);
  std::map<std::string, at::Tensor> leaves{{"x_t", x_t}};
  visit_parameters(*model, [&](const std::string& key, at::Tensor& parameter) {
    parameter.copy_(golden::draw_parameter(name, key, parameter.sizes()));
    leaves[key] = parameter.requires_grad_(true);
  });

  const auto velocity = model->velocity(x_t, value("t"), {.context_BLJ = {}, .pooled_BP = value("pooled")});
  golden::expect_close(velocity, expected, 1e-5, name);

  std::vector<at::Tensor> inputs;
  for (const auto& [key, leaf] : leaves) inputs.push_back(leaf);
  const auto grads =
      torch::autograd::grad({velocity}, inputs, {golden::draw_input(name + "/probe.velocity", velocity.sizes())});
  size_t i = 0;
  for (const auto& [key, leaf] : leaves)
    golden::expect_gradient(grads[i++], value("grad/" + key), fmt::format("{} {}", name, key));
  const auto is_gradient = [&](const TensorInfo& info) { return info.name.starts_with(name + "/grad/"); };
  EXPECT_EQ(std::ranges::count_if(file.tensors(), is_gradient), std::ssize(leaves)) << "a parameter is not compared";
}

INSTANTIATE_TEST_SUITE_P(Networks, UNetGolden, testing::Values("torchcfm", "torchcfm_classes", "edm", "edm_classes"),
                         [](const auto& tested) { return tested.param; });

}  // namespace
}  // namespace fgm
