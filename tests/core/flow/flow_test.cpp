#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "core/base/error.h"
#include "core/flow/flow_path.h"
#include "core/flow/guidance.h"
#include "core/flow/ode_sampler.h"
#include "core/flow/schedules.h"
#include "core/flow/student_generator.h"
#include "core/flow/time_sampler.h"
#include "core/methods/flow_matching_step.h"
#include "tests/support/tiny_velocity_model.h"

namespace fgm {
namespace {

const std::vector<int64_t> kShape = {1, 2, 2};

Conditioning some_condition(int64_t rows) {
  return {RandomStream(4, "context").normal(0, 0, rows, {3, 2}), RandomStream(4, "pooled").normal(0, 0, rows, {2})};
}

TEST(FlowPath, RunsFromDataAtZeroToNoiseAtOneAlongTheConditionalVelocity) {
  const auto x_0 = at::randn({3, 1, 2, 2}), eps = at::randn({3, 1, 2, 2});
  EXPECT_TRUE(at::equal(flow_path(x_0, eps, at::zeros({3})), x_0));
  EXPECT_TRUE(at::equal(flow_path(x_0, eps, at::ones({3})), eps));
  const auto t = at::tensor({0.25f, 0.5f, 0.75f});
  const auto expected = x_0 + per_sample(t, x_0) * conditional_velocity(x_0, eps);
  EXPECT_TRUE(at::allclose(flow_path(x_0, eps, t), expected, 1e-6, 1e-6));
}

TEST(TimeSampler, LogitNormalHasItsMedianAtTheSigmoidOfTheMean) {
  const RandomStream stream(1, "time");
  const auto t = draw_times({.law = TimeDistribution::kLogitNormal, .mean = 0.4, .std = 1.2}, stream, 0, 0, 100000);
  EXPECT_NEAR(t.median().item<float>(), 1.0 / (1.0 + std::exp(-0.4)), 5e-3);  // standard error about 1.1e-3
  EXPECT_GT(t.min().item<float>(), 0.0f);
  EXPECT_LT(t.max().item<float>(), 1.0f);
}

// Vectorised kernels may round the elements of an odd rest differently; a rank's share ends elsewhere than the batch.
TEST(TimeSampler, ARankDrawsTheBitsThatTheWholeBatchHas) {
  const TimeConfig law{.law = TimeDistribution::kLogitNormal, .mean = 0.4, .std = 1.2};
  const RandomStream stream(1, "time");
  const auto whole = draw_times(law, stream, 3, 0, 1000);
  for (int64_t begin = 0, count = 1; begin + count <= 1000; begin += count++)
    EXPECT_TRUE(at::equal(draw_times(law, stream, 3, begin, count), whole.narrow(0, begin, count))) << count;
}

TEST(TimeSampler, WeightsAreThoseOfTheirNames) {
  const auto t = at::tensor({0.25f, 0.5f});
  EXPECT_TRUE(at::equal(loss_weight(LossWeight::kUniform, t), at::ones({2})));
  EXPECT_TRUE(at::allclose(loss_weight(LossWeight::kTSquared, t), at::tensor({0.0625f, 0.25f})));
  EXPECT_TRUE(at::allclose(loss_weight(LossWeight::kTSquaredOneMinusT, t), at::tensor({0.046875f, 0.125f})));
}

TEST(Guidance, BatchedHalvesEqualTwoSeparateForwards) {
  support::TinyVelocityModel model(kShape, 2, at::kFloat, 1);
  const auto x = at::randn({3, 1, 2, 2}), t = at::rand({3});
  const GuidedCondition condition{some_condition(3), {at::zeros({1, 3, 2}), at::zeros({1, 2})}};
  const auto conditional = model.velocity(x, t, condition.condition);
  const auto unconditional = model.velocity(x, t, expand_rows(condition.null_row, 3));
  ASSERT_FALSE(at::allclose(conditional, unconditional)) << "guidance between equal halves proves nothing";
  EXPECT_TRUE(at::allclose(guided_velocity(model, x, t, condition, 3.0),
                           unconditional + 3.0 * (conditional - unconditional), 1e-5, 1e-5));
  EXPECT_TRUE(at::equal(guided_velocity(model, x, t, condition, 1.0), conditional));
  EXPECT_TRUE(at::equal(guided_velocity(model, x, t, condition, 0.0), unconditional));
}

// Counts the rows that a network is given.
class RowCounter : public support::TinyVelocityModel {
 public:
  RowCounter() : TinyVelocityModel(kShape, 2, at::kFloat, 1) {}
  at::Tensor velocity(const at::Tensor& x_t, const at::Tensor& t_B, const Conditioning& condition) override {
    num_rows += x_t.size(0);
    return TinyVelocityModel::velocity(x_t, t_B, condition);
  }
  int64_t num_rows = 0;
};

TEST(Guidance, PassesAreTheRowsOfASampleThatTheNetworkIsGiven) {
  const auto x = at::randn({3, 1, 2, 2}), t = at::rand({3});
  const GuidedCondition condition{some_condition(3), {at::zeros({1, 3, 2}), at::zeros({1, 2})}};
  for (const auto& [scale, passes] : {std::pair(0.0, 1), {0.5, 2}, {1.0, 1}, {2.0, 2}}) {
    RowCounter model;
    guided_velocity(model, x, t, condition, scale);
    EXPECT_EQ(model.num_rows, 3 * passes) << scale;
    EXPECT_EQ(num_passes(scale), passes) << scale;
  }
}

TEST(StudentGenerator, IsOneEulerStepFromTheInitialTime) {
  support::TinyVelocityModel model(kShape, 2, at::kFloat, 1);
  const auto noise = at::randn({3, 1, 2, 2});
  const auto condition = some_condition(3);
  const auto at_one = noise - model.velocity(noise, at::ones({3}), condition);
  EXPECT_TRUE(at::allclose(generate(model, {&noise, 1}, condition, {.times = {1.0}}), at_one));
  const auto x = 0.714 * noise;
  const auto expected = x - 0.714 * model.velocity(x, at::full({3}, 0.714), condition);
  EXPECT_TRUE(at::allclose(generate(model, {&noise, 1}, condition, {.times = {0.714}}), expected, 1e-5, 1e-6));
}

TEST(StudentGenerator, StartsFromThePathToTheDatasMean) {
  support::TinyVelocityModel model({2, 2, 2}, 2, at::kFloat, 1);
  const auto noise = at::randn({3, 2, 2, 2});
  const auto condition = some_condition(3);
  const auto expected = [&](const at::Tensor& mean) {
    const auto x = 0.75 * noise + 0.25 * mean;
    return x - 0.75 * model.velocity(x, at::full({3}, 0.75), condition);
  };
  const auto sample = [&](const std::vector<double>& mean) {
    return generate(model, {&noise, 1}, condition, {.times = {0.75}, .mean = mean});
  };
  EXPECT_TRUE(at::allclose(sample({-0.5}), expected(at::full({2, 2, 2}, -0.5)), 1e-5, 1e-6));
  const auto of_channels = at::tensor({-0.5f, 0.25f}).view({2, 1, 1});
  EXPECT_TRUE(at::allclose(sample({-0.5, 0.25}), expected(of_channels), 1e-5, 1e-6));
  EXPECT_THROW(sample({0.1, 0.2, 0.3}), ConfigError);
}

TEST(StudentGenerator, NoisesItsSampleAgainBeforeALaterStepAndOnlyTheLastStepHasAGraph) {
  support::TinyVelocityModel model(kShape, 2, at::kDouble, 1);
  visit_parameters(model, [](const std::string&, at::Tensor& p) { p.requires_grad_(true); });
  const std::vector<at::Tensor> noise = {at::randn({3, 1, 2, 2}, at::kDouble), at::randn({3, 1, 2, 2}, at::kDouble)};
  const auto condition = to(some_condition(3), at::kDouble);
  const GeneratorConfig generator{.times = {1.0, 0.6}};
  const auto first = generate(model, std::span(noise).first(1), condition, generator).detach();
  const auto x = 0.4 * first + 0.6 * noise[1];
  const auto expected = x - 0.6 * model.velocity(x, at::full({3}, 0.6), condition);
  const auto sample = generate(model, noise, condition, generator);
  EXPECT_TRUE(at::allclose(sample, expected, 1e-6, 1e-7)) << "the time itself is float32";
  TensorList parameters;
  visit_parameters(model, [&](const std::string&, at::Tensor& p) { parameters.push_back(p); });
  const auto gradients = torch::autograd::grad({sample.sum()}, parameters);
  const auto of_last_step = torch::autograd::grad({expected.sum()}, parameters);
  for (size_t i = 0; i < gradients.size(); ++i) EXPECT_TRUE(at::allclose(gradients[i], of_last_step[i], 1e-5, 1e-6));
}

TEST(OdeSampler, OneStepFromNoiseIsAOneStepStudents) {
  support::TinyVelocityModel model(kShape, 2, at::kFloat, 1);
  const auto noise = at::randn({3, 1, 2, 2});
  const GuidedCondition condition{some_condition(3), {at::zeros({1, 3, 2}), at::zeros({1, 2})}};
  const auto expected = generate(model, {&noise, 1}, condition.condition, {.times = {1.0}});
  EXPECT_TRUE(at::allclose(sample_ode(model, noise, condition, sampling_times(1, 0.0), 1.0), expected, 1e-6, 1e-6));
}

TEST(OdeSampler, HalvingTheStepHalvesTheError) {
  support::TinyVelocityModel model(kShape, 2, at::kDouble, 1);
  const auto noise = at::randn({3, 1, 2, 2}, at::kDouble);
  const GuidedCondition condition{some_condition(3), {at::zeros({1, 3, 2}), at::zeros({1, 2})}};
  const auto run = [&](int64_t steps) { return sample_ode(model, noise, condition, sampling_times(steps, 0.0), 2.0); };
  const auto exact = run(4096);
  const double ratio = ((run(32) - exact).norm() / (run(64) - exact).norm()).item<double>();
  EXPECT_NEAR(ratio, 2.0, 0.1);  // Euler is of first order; the next term at 32 steps is a few per cent
}

TEST(FlowMatching, DroppedRowsAreTheNullRowAndOthersAreUntouched) {
  const auto condition = some_condition(3);
  const Conditioning null_row{at::full({1, 3, 2}, 9.0f), at::full({1, 2}, 9.0f)};
  const auto dropped = drop_captions(condition, null_row, at::tensor({0, 1, 0}).to(at::kBool));
  EXPECT_TRUE(at::equal(dropped.context_BLJ[1], null_row.context_BLJ[0]));
  EXPECT_TRUE(at::equal(dropped.pooled_BP[1], null_row.pooled_BP[0]));
  EXPECT_TRUE(at::equal(dropped.context_BLJ[2], condition.context_BLJ[2]));
  EXPECT_TRUE(at::equal(dropped.pooled_BP[0], condition.pooled_BP[0]));
}

TEST(FlowMatching, LossesOfTwoHalvesAddUpToTheLossOfTheWholeBatch) {
  support::TinyVelocityModel model(kShape, 2, at::kDouble, 1);
  const auto x_0 = at::randn({4, 1, 2, 2}, at::kDouble), eps = at::randn({4, 1, 2, 2}, at::kDouble);
  const auto t = at::rand({4});
  const auto condition = to(some_condition(4), at::kDouble);
  const auto part = [&](int64_t begin, int64_t end) {
    const Conditioning rows{condition.context_BLJ.slice(0, begin, end), condition.pooled_BP.slice(0, begin, end)};
    return flow_matching_loss(model, x_0.slice(0, begin, end), eps.slice(0, begin, end), t.slice(0, begin, end), rows,
                              4);
  };
  EXPECT_NEAR((part(0, 1) + part(1, 4)).item<double>(), part(0, 4).item<double>(), 1e-14);
}

}  // namespace
}  // namespace fgm
