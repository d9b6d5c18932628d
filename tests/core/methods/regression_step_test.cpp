#include "core/methods/regression_step.h"

#include <gtest/gtest.h>

#include "parallel/optim/fsdp_engine.h"
#include "tests/support/one_rank_mesh.h"
#include "tests/support/synthetic_source.h"
#include "tests/support/tiny_velocity_model.h"

namespace fgm {
namespace {

const std::vector<int64_t> kSampleShape = {2, 3, 3};
constexpr int64_t kBatch = 8, kPooledWidth = 4;

// v = w x_t + b, elementwise with two numbers: the student is g(z) = t* (1 - t* w) z - t* b.
class AffineModel : public VelocityModel {
 public:
  at::Tensor velocity(const at::Tensor& x_t, const at::Tensor&, const Conditioning&) override {
    return parameters.w * x_t + parameters.b;
  }
  const std::vector<Block*>& blocks() override { return blocks_; }
  void visit_buffers(const TensorVisitor&) override {}
  void initialise(uint64_t) override {}
  void set_runner(BlockRunner*) override {}

  struct Parameters : Block {
    TensorList forward(const TensorList& inputs) override { return inputs; }
    void visit(const TensorVisitor& visitor) override {
      visitor("w", w);
      visitor("b", b);
    }
    const std::string& name() const override { return label; }
    at::Tensor w = at::full({1}, 0.3, at::kDouble), b = at::full({1}, -0.2, at::kDouble);
    std::string label = "affine";
  } parameters;

 private:
  std::vector<Block*> blocks_{&parameters};
};

// Gives the synthetic images as samples and adds their noise.
class PairSource : public BatchSource {
 public:
  explicit PairSource(Range rows = {0, kBatch}) : images_(kBatch, kSampleShape, kPooledWidth, rows) {}
  Batch next() override {
    Batch batch = images_.next();
    batch.noise = RandomStream(2, "noise").normal(0, batch.first_sample, batch.images.size(0), kSampleShape);
    return batch;
  }
  void seek(int64_t batch_index) override { images_.seek(batch_index); }
  Conditioning null_condition() override { return images_.null_condition(); }

 private:
  support::SyntheticSource images_;
};

RegressionOptions options_of(double lr, double init_time) {
  RegressionOptions options{.method = {}, .tensors = at::kDouble};
  options.method.init_time = init_time;
  options.method.student = {.lr = lr, .beta1 = 0.9, .clip = 0.0};
  return options;
}

double values_of(const at::Tensor& one) {
  return one.item<double>();
}

// The loss is mean (a z - t* b - x)^2 with a = t* (1 - t* w), so dL/dw = -2 t*^2 mean(z r) and dL/db = -2 t* mean(r).
TEST(RegressionStep, GradientOfAnAffineStudentIsThatOfLeastSquares) {
  const double t = 0.714;
  AffineModel model;
  const support::OneRankMesh one_rank;
  const auto options = options_of(1e-3, t);
  FsdpEngine engine(model, options.method.student, one_rank.mesh);
  const double w = values_of(model.parameters.w), b = values_of(model.parameters.b);

  PairSource pairs;
  const Batch batch = pairs.next();
  pairs.seek(0);
  const auto z = batch.noise.to(at::kDouble), residual = t * (1 - t * w) * z - t * b - batch.images.to(at::kDouble);
  const double by_w = (-2 * t * t * z * residual).mean().item<double>(),
               by_b = (-2 * t * residual).mean().item<double>();

  const StepReport report = RegressionStep(engine, options).run(0, pairs);
  EXPECT_NEAR(report.values.at("loss.student"), residual.square().mean().item<double>(), 1e-12);
  EXPECT_NEAR(report.values.at("grad_norm.student"), std::hypot(by_w, by_b), 1e-12);
  // Adam's first step is the learning rate against the gradient's sign.
  EXPECT_NEAR(values_of(model.parameters.w), w - std::copysign(1e-3, by_w), 1e-9);
  EXPECT_NEAR(values_of(model.parameters.b), b - std::copysign(1e-3, by_b), 1e-9);
}

TEST(RegressionStep, TheLoopFindsTheLeastSquares) {
  AffineModel model;
  const support::OneRankMesh one_rank;
  const auto options = options_of(1e-2, 1.0);
  FsdpEngine engine(model, options.method.student, one_rank.mesh);
  PairSource pairs;
  const Batch batch = pairs.next();
  // g(z) = (1 - w) z - b with the slope and the intercept of x over z.
  const auto z = batch.noise.flatten().to(at::kDouble), x = batch.images.flatten().to(at::kDouble);
  const auto dz = z - z.mean();
  const double slope = ((dz * x).sum() / dz.square().sum()).item<double>();
  const double intercept = (x.mean() - slope * z.mean()).item<double>();

  RegressionStep step(engine, options);
  ASSERT_GT(std::abs(1 - slope - values_of(model.parameters.w)), 0.2) << "it begins at the solution";
  for (int64_t i = 0; i < 1500; ++i) {
    pairs.seek(0);
    step.run(i, pairs);
  }
  EXPECT_NEAR(values_of(model.parameters.w), 1 - slope, 1e-5);
  EXPECT_NEAR(values_of(model.parameters.b), -intercept, 1e-5);
}

TEST(RegressionStep, LossesOfTwoRanksSharesAddUpToThatOfTheBatch) {
  const auto loss_of = [](Range rows) {
    support::TinyVelocityModel model(kSampleShape, kPooledWidth, at::kDouble, 3);
    const support::OneRankMesh one_rank;
    const auto options = options_of(1e-3, 0.714);
    FsdpEngine engine(model, options.method.student, one_rank.mesh);
    PairSource pairs(rows);
    return RegressionStep(engine, options).run(0, pairs).values.at("loss.student");
  };
  const double whole = loss_of({0, kBatch});
  ASSERT_GT(whole, 0.1);
  EXPECT_NEAR(loss_of({0, 3}) + loss_of({3, kBatch}), whole, 1e-12);
}

}  // namespace
}  // namespace fgm
