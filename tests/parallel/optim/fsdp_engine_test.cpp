#include "parallel/optim/fsdp_engine.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "tests/support/one_rank_mesh.h"
#include "tests/support/tiny_velocity_model.h"

namespace fgm {
namespace {

const std::vector<int64_t> kShape = {1, 2, 2};

// Adam as its paper writes it, one double at a time.
struct ReferenceAdam {
  OptimizerConfig config;
  double m = 0.0, v = 0.0;
  int n = 0;
  double step(double p, double g, double lr) {
    ++n;
    m = config.beta1 * m + (1 - config.beta1) * g;
    v = config.beta2 * v + (1 - config.beta2) * g * g;
    const double m_hat = m / (1 - std::pow(config.beta1, n)), v_hat = v / (1 - std::pow(config.beta2, n));
    return p - lr * config.weight_decay * p - lr * m_hat / (std::sqrt(v_hat) + config.eps);
  }
};

class AdamWTest : public ::testing::TestWithParam<OptimizerConfig> {};

TEST_P(AdamWTest, FollowsTheScalarFormula) {
  auto p = at::tensor({0.5, -1.0, 2.0}, at::kDouble);
  std::vector<ReferenceAdam> references(3, ReferenceAdam{.config = GetParam()});
  std::vector<double> expected = {0.5, -1.0, 2.0};
  AdamW adam(GetParam(), 3, at::kDouble);
  for (int i = 0; i < 5; ++i) {
    const auto g = RandomStream(1, "g").normal(i, 0, 3, {}).to(at::kDouble);
    adam.step(p, g, 0.1);
    for (size_t j = 0; j < 3; ++j) {
      expected[j] = references[j].step(expected[j], g[static_cast<int64_t>(j)].item<double>(), 0.1);
      EXPECT_NEAR(p[static_cast<int64_t>(j)].item<double>(), expected[j], 1e-12);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Settings, AdamWTest,
                         ::testing::Values(OptimizerConfig{.beta1 = 0.9, .weight_decay = 0.1},
                                           OptimizerConfig{.beta1 = 0.0, .beta2 = 0.99}));

struct FsdpEngineTest : ::testing::Test {
  support::OneRankMesh one_rank;
  support::TinyVelocityModel model{kShape, 2, at::kFloat, 1};
  at::Tensor x = RandomStream(2, "x").normal(0, 0, 3, kShape);
  Conditioning condition{at::ones({3, 3, 2}), at::ones({3, 2})};

  at::Tensor output() { return model.velocity(x, at::full({3}, 0.5f), condition); }
  void backward() { output().square().sum().backward(); }
};

TEST_F(FsdpEngineTest, TakingOverTheParametersChangesNoOutput) {
  const auto before = output();
  FsdpEngine engine(model, {}, one_rank.mesh);
  EXPECT_TRUE(at::equal(output(), before));
}

TEST_F(FsdpEngineTest, ReportsTheGradientNormBeforeClippingAndClipsByIt) {
  support::TinyVelocityModel twin(kShape, 2, at::kFloat, 1);
  double squares = 0.0;
  visit_parameters(twin, [](const std::string&, at::Tensor& p) { p.requires_grad_(true); });
  twin.velocity(x, at::full({3}, 0.5f), condition).square().sum().backward();
  visit_parameters(twin, [&](const std::string&, at::Tensor& p) { squares += p.grad().square().sum().item<double>(); });

  FsdpEngine engine(model, {.clip = 1e-3}, one_rank.mesh);
  engine.set_trainable(true);
  backward();
  const auto report = engine.update(0.0);
  EXPECT_TRUE(report.is_applied);
  EXPECT_NEAR(report.grad_norm, std::sqrt(squares), 1e-5 * std::sqrt(squares));
}

TEST_F(FsdpEngineTest, AGradientIsUsedOnce) {
  FsdpEngine engine(model, {.beta1 = 0.0}, one_rank.mesh);
  engine.set_trainable(true);
  backward();
  EXPECT_GT(engine.update(1e-3).grad_norm, 0.0);
  EXPECT_EQ(engine.update(1e-3).grad_norm, 0.0);
}

TEST_F(FsdpEngineTest, RefusesANonFiniteGradientAndGoesOnAfterwards) {
  FsdpEngine engine(model, {}, one_rank.mesh);
  engine.set_trainable(true);
  const auto before = output().detach().clone();
  (output().sum() * std::numeric_limits<float>::infinity()).backward();
  EXPECT_FALSE(engine.update(1e-3).is_applied);
  EXPECT_TRUE(at::equal(output(), before));
  backward();
  EXPECT_TRUE(engine.update(1e-3).is_applied);
  EXPECT_FALSE(at::equal(output(), before));
}

TEST_F(FsdpEngineTest, AFrozenNetworkTakesNoGradient) {
  FsdpEngine engine(model, {}, one_rank.mesh);
  engine.set_trainable(false);
  x.requires_grad_(true);
  backward();
  EXPECT_TRUE(x.grad().defined());
  EXPECT_EQ(engine.update(0.0).grad_norm, 0.0);
}

TEST_F(FsdpEngineTest, RunsWithAveragedWeightsAndPutsTheCurrentOnesBack) {
  FsdpEngine engine(model, {.ema = {0.75}}, one_rank.mesh);
  engine.set_trainable(true);
  std::vector<at::Tensor> before;
  visit_parameters(model, [&](const std::string&, at::Tensor& p) { before.push_back(p.detach().clone()); });
  backward();
  engine.update(1e-2);
  const auto current = output().detach().clone();
  engine.with_ema([&] {
    size_t i = 0;
    visit_parameters(model, [&](const std::string&, at::Tensor& p) { before[i++].sub_(p.detach()); });
  });
  EXPECT_TRUE(at::equal(output(), current));
  const auto state = engine.state();
  EXPECT_EQ(std::ranges::count(state, "ema", &StateSlice::part), std::ssize(before));
  // One update with decay 0.75 moves the average a quarter of the way; every element of Adam's first step is about lr.
  EXPECT_NEAR(before[0].abs().max().item<float>(), 0.25 * 1e-2, 1e-5);
}

// What `engine`, on one rank, has in a part, end to end.
at::Tensor values_of(FsdpEngine& engine, const std::string& part) {
  std::vector<at::Tensor> values;
  for (const auto& slice : engine.state()) {
    if (slice.part == part) values.push_back(slice.values);
  }
  return at::cat(values);
}

// e_n = d^n p_0 + (1 - d) (d^(n-1) p_1 + ... + d p_(n-1) + p_n)
at::Tensor closed_form(double decay, const std::vector<at::Tensor>& weights) {
  const auto n = static_cast<double>(weights.size() - 1);
  at::Tensor average = std::pow(decay, n) * weights[0];
  for (size_t k = 1; k < weights.size(); ++k) {
    average += (1 - decay) * std::pow(decay, n - static_cast<double>(k)) * weights[k];
  }
  return average;
}

TEST_F(FsdpEngineTest, EachAverageFollowsTheClosedFormOfItsDecayAndIsFoundByItsName) {
  support::TinyVelocityModel doubles(kShape, 2, at::kDouble, 1);
  FsdpEngine engine(doubles, {.ema = {0.75, 0.5, 0.9995}}, one_rank.mesh);
  engine.set_trainable(true);
  std::vector<at::Tensor> weights = {values_of(engine, "").clone()};
  for (int n = 0; n < 5; ++n) {
    doubles.velocity(x.to(at::kDouble), at::full({3}, 0.5f), condition).square().sum().backward();
    engine.update(1e-2);
    weights.push_back(values_of(engine, "").clone());
  }
  ASSERT_GT((weights[5] - weights[0]).abs().max().item<double>(), 1e-2);
  std::set<std::string> parts;
  for (const auto& slice : engine.state()) parts.insert(slice.part);
  EXPECT_EQ(parts, (std::set<std::string>{"", "ema", "ema_0.5", "ema_0.9995", "optim"}));
  const std::vector<std::pair<std::string, double>> averages = {
      {"ema", 0.75}, {"ema_0.5", 0.5}, {"ema_0.9995", 0.9995}};
  for (size_t i = 0; i < averages.size(); ++i) {
    const auto& [part, decay] = averages[i];
    const auto average = values_of(engine, part);
    // Five roundings of values about 1 on either side.
    EXPECT_LT((average - closed_form(decay, weights)).abs().max().item<double>(), 1e-14) << part;
    TensorList shown;
    const auto add = [&](const std::string&, const at::Tensor& p) { shown.push_back(p.detach().flatten().clone()); };
    engine.with_ema([&] { visit_parameters(doubles, add); }, i);
    EXPECT_TRUE(at::equal(at::cat(shown), average)) << part;
  }
  EXPECT_TRUE(at::equal(values_of(engine, ""), weights[5]));
}

}  // namespace
}  // namespace fgm
