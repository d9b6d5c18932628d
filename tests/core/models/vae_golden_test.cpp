#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "core/models/vae.h"
#include "tests/core/models/golden.h"
#include "tests/support/read_tensor.h"

// Values of diffusers 0.42.1's AutoencoderKL: tests/golden/make_vae_golden.py.
namespace fgm {
namespace {

class VaeGolden : public testing::TestWithParam<std::string> {};

TEST_P(VaeGolden, EncodeAndDecodeAndAllGradientsAreDiffusers) {
  const auto name = GetParam();
  const auto file = golden::open("vae");
  const auto json = golden::config_of(file, name);
  const auto value = [&](const std::string& key) { return read_tensor(file, name + "/" + key); };
  const auto draw = [&](const std::string& key, at::IntArrayRef shape) {
    return golden::draw_input(name + "/" + key, shape);
  };
  VaeEncoder encoder(vae_config(json), at::kFloat);
  VaeDecoder decoder(vae_config(json), at::kFloat);
  const auto shape = json.json["shape"].get<std::vector<int64_t>>();
  std::map<std::string, at::Tensor> leaves{{"images", draw("images", shape).requires_grad_(true)},
                                           {"z", draw("z", value("mean").sizes()).requires_grad_(true)}};
  const TensorVisitor fill = [&](const std::string& key, at::Tensor& parameter) {
    parameter.copy_(golden::draw_parameter(name, key, parameter.sizes()));
    leaves[key] = parameter.requires_grad_(true);
  };
  encoder.visit(fill);
  decoder.visit(fill);

  const auto [mean, logvar] = encoder.encode(leaves["images"]);
  const auto decoded = decoder.decode(leaves["z"]);
  golden::expect_close(mean, value("mean"), 1e-5, "mean");
  golden::expect_close(logvar, value("logvar"), 1e-5, "logvar");
  golden::expect_close(decoded, value("decoded"), 1e-5, "decoded");

  std::vector<at::Tensor> inputs;
  for (const auto& [key, leaf] : leaves) inputs.push_back(leaf);
  const auto grads = torch::autograd::grad(
      {mean, logvar, decoded}, inputs,
      {draw("probe.mean", mean.sizes()), draw("probe.logvar", logvar.sizes()), draw("probe.decoded", decoded.sizes())});
  size_t i = 0;
  for (const auto& [key, leaf] : leaves) {
    const auto expected = value("grad/" + key);
    // Softmax does not see what is added to every key: that gradient is rounding, and measured by the queries'.
    const auto of_scale = key.ends_with("attn_1.k.bias") ? key.substr(0, key.size() - 6) + "q.bias" : key;
    const double norm = value("grad/" + of_scale)[0].item<double>();
    golden::expect_projections(grads[i++], expected, norm, name + " " + key);
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, VaeGolden, testing::Values("small", "sd3"),
                         [](const auto& tested) { return tested.param; });

}  // namespace
}  // namespace fgm
