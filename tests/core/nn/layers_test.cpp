#include "core/nn/layers.h"

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/function.h>

#include "core/base/rng.h"
#include "core/nn/attention.h"
#include "core/nn/embedding.h"
#include "core/nn/linear_function.h"
#include "core/nn/patch.h"
#include "core/nn/position_table.h"

namespace fgm {
namespace {

at::Tensor random(const std::string& name, at::IntArrayRef shape) {
  return RandomStream(5, name).normal(0, 0, shape[0], shape.slice(1)).to(at::kDouble);
}

using LinearFn = at::Tensor (*)(const at::Tensor&, const at::Tensor&, const at::Tensor&);

at::Tensor aten_linear(const at::Tensor& x, const at::Tensor& w, const at::Tensor& b) {
  return at::linear(x, w, b);
}

// {value, gradients of x, weight, bias, and of x through the squared gradient of x}.
std::vector<at::Tensor> value_and_gradients(LinearFn linear_fn, int64_t num_in, int64_t num_out) {
  std::vector<at::Tensor> leaves;
  const std::vector<std::vector<int64_t>> shapes{{3, 5, num_in}, {num_out, num_in}, {num_out}};
  for (const auto& shape : shapes) {
    leaves.push_back(random("leaf" + std::to_string(leaves.size()), shape).to(at::kFloat).requires_grad_(true));
  }
  const auto y = linear_fn(leaves[0], leaves[1], leaves[2]);
  auto results = torch::autograd::grad({y.square().sum()}, leaves);
  const auto grad_x = torch::autograd::grad({linear_fn(leaves[0], leaves[1], leaves[2]).pow(3).sum()}, {leaves[0]}, {},
                                            std::nullopt, /*create_graph=*/true);
  results.push_back(torch::autograd::grad({grad_x[0].square().sum()}, {leaves[0]})[0]);
  results.push_back(y.detach());
  return results;
}

TEST(LinearFunction, EqualsAtenInValueFirstAndSecondDerivatives) {
  for (const auto& [num_in, num_out] : std::vector<std::pair<int64_t, int64_t>>{{12, 7}, {7, 12}}) {
    const auto ours = value_and_gradients(linear, num_in, num_out);
    const auto atens = value_and_gradients(aten_linear, num_in, num_out);
    for (size_t i = 0; i < ours.size(); ++i) {
      EXPECT_TRUE(ours[i].is_contiguous());
      const double scale = atens[i].abs().max().item<double>();
      EXPECT_LT((ours[i] - atens[i]).abs().max().item<double>(), 1e-6 * scale) << "fp32 sums in another order, " << i;
    }
  }
}

TEST(LinearFunction, FrozenWeightGetsNoGradientAndAnEmptyBatchIsFine) {
  const auto x = random("x", {4, 6}).to(at::kFloat).requires_grad_(true);
  const auto weight = random("w", {5, 6}).to(at::kFloat), bias = at::zeros({5});
  const auto y = linear(x, weight, bias);
  const auto grads = (*y.grad_fn())({at::ones({4, 5})});
  EXPECT_TRUE(grads[0].defined());
  EXPECT_FALSE(grads[1].defined());
  EXPECT_FALSE(grads[2].defined());
  EXPECT_EQ(linear(at::zeros({0, 6}), weight, bias).sizes(), (at::IntArrayRef{0, 5}));
}

TEST(PatchEmbed, EqualsAConvolutionWithStrideOfThePatch) {
  PatchEmbed embed(3, 2, 8, at::kDouble);
  embed.weight.copy_(random("weight", embed.weight.sizes()));
  embed.bias.copy_(random("bias", embed.bias.sizes()));
  const auto x = random("x", {2, 3, 4, 6});
  const auto expected = at::conv2d(x, embed.weight, embed.bias, /*stride=*/2).flatten(2).transpose(1, 2);
  EXPECT_TRUE(at::allclose(embed(x), expected, 0, 1e-12));
}

TEST(Unpatchify, PutsRowColumnAndChannelBack) {
  const auto image = at::arange(2 * 3 * 4 * 6, at::kDouble).view({2, 3, 4, 6});
  const auto tokens = image.view({2, 3, 2, 2, 3, 2}).permute({0, 2, 4, 3, 5, 1}).reshape({2, 6, 12});
  EXPECT_TRUE(at::equal(unpatchify(tokens, 2, 3, 2), image));
}

TEST(TimestepSinusoid, HasCosinesThenSinesOfThousandT) {
  const auto embedding = timestep_sinusoid(at::tensor({0.0f, 0.8577f}));
  ASSERT_EQ(embedding.sizes(), (at::IntArrayRef{2, 256}));
  EXPECT_EQ(embedding[0][0].item<float>(), 1.0f);
  EXPECT_EQ(embedding[0][128].item<float>(), 0.0f);
  EXPECT_NEAR(embedding[1][0].item<double>(), std::cos(857.7), 1e-4);  // fp32 of 857.7 is off by up to 3e-5
  EXPECT_NEAR(embedding[1][128 + 64].item<double>(), std::sin(857.7 * 0.01), 1e-5);
}

TEST(PositionTable, CropsTheCentreRoundingDown) {
  const auto table = at::arange(25).view({1, 25, 1});
  const auto crop = crop_position_table(table, 2, 3).flatten();
  EXPECT_TRUE(at::equal(crop, at::tensor({6, 7, 8, 11, 12, 13})));
}

TEST(PositionTable, EncodesTheColumnInTheFirstHalf) {
  const auto table = sincos_position_table(8, 4, 4, at::kCPU).view({4, 4, 8});
  EXPECT_TRUE(at::equal(table[0][2].slice(0, 0, 4), table[3][2].slice(0, 0, 4)));
  EXPECT_TRUE(at::equal(table[1][0].slice(0, 4), table[1][3].slice(0, 4)));
  EXPECT_NEAR(table[0][2][0].item<double>(), std::sin(2.0), 1e-6);
  EXPECT_NEAR(table[0][2][2].item<double>(), std::cos(2.0), 1e-6);
}

TEST(JointAttention, EqualsSoftmaxOverBothStreams) {
  const auto heads = [](const std::string& name, int64_t tokens) {
    return HeadsQkv{random(name + "q", {2, tokens, 3, 4}), random(name + "k", {2, tokens, 3, 4}),
                    random(name + "v", {2, tokens, 3, 4})};
  };
  const auto context = heads("context", 5), x = heads("x", 6);
  const auto q = at::cat({context.q, x.q}, 1), k = at::cat({context.k, x.k}, 1), v = at::cat({context.v, x.v}, 1);
  const auto weights = at::softmax(at::einsum("blhk,bmhk->bhlm", {q, k}) / 2.0, -1);
  const auto expected = at::einsum("bhlm,bmhk->blhk", {weights, v}).flatten(2);
  const auto [context_out, x_out] = joint_attention(context, x);
  EXPECT_TRUE(at::allclose(at::cat({context_out, x_out}, 1), expected, 0, 1e-12));
  const auto without_context_q = joint_attention({{}, context.k, context.v}, x);
  EXPECT_FALSE(without_context_q[0].defined());
  EXPECT_TRUE(at::allclose(without_context_q[1], x_out, 0, 1e-12));
}

TEST(RmsNorm, DividesByTheRootMeanSquare) {
  RmsNorm norm(4, at::kDouble);
  norm.weight.copy_(at::tensor({1.0, 2.0, 3.0, 4.0}));
  const auto x = random("x", {3, 4});
  const auto expected = x / (x.square().mean(-1, true) + 1e-6).sqrt() * norm.weight;
  EXPECT_TRUE(at::allclose(norm(x), expected, 0, 1e-12));
}

}  // namespace
}  // namespace fgm
