#include "core/methods/distill_step.h"

#include <gtest/gtest.h>

#include <set>

#include "core/flow/flow_path.h"
#include "parallel/optim/fsdp_engine.h"
#include "tests/support/matmul_counter.h"
#include "tests/support/one_rank_mesh.h"
#include "tests/support/phase_list.h"
#include "tests/support/synthetic_source.h"
#include "tests/support/tiny_velocity_model.h"

namespace fgm {
namespace {

const std::vector<int64_t> kShape = {1, 2, 2};
constexpr int64_t kPooled = 2;

TensorList snapshot(VelocityModel& model) {
  TensorList copies;
  visit_parameters(model, [&](const std::string&, at::Tensor& p) { copies.push_back(p.detach().clone()); });
  return copies;
}

bool are_equal(const TensorList& a, const TensorList& b) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (!at::equal(a[i], b[i])) return false;
  }
  return a.size() == b.size();
}

struct Distillation {
  support::TinyVelocityModel teacher{kShape, kPooled, at::kFloat, 1};
  support::TinyVelocityModel student{kShape, kPooled, at::kFloat, 2};
  support::TinyVelocityModel estimator{kShape, kPooled, at::kFloat, 3};
  support::OneRankMesh one_rank;
  MethodConfig method;
  PhaseListener* phases = nullptr;
  support::SyntheticSource source{8, kShape, kPooled};

  StepReport run(int64_t num_steps) {
    FsdpEngine student_engine(student, method.student, one_rank.mesh, {.phases = phases});
    FsdpEngine estimator_engine(estimator, method.estimator, one_rank.mesh, {.phases = phases});
    DistillStep step({teacher, student_engine, estimator_engine},
                     {.seed = 5, .method = method, .sample_shape = kShape, .tensors = at::kFloat, .phases = phases});
    StepReport report;
    for (int64_t s = 0; s < num_steps; ++s) report = step.run(s, source);
    return report;
  }
};

TEST(DistillStep, TrainsStudentAndEstimatorAndLeavesTheTeacherAlone) {
  Distillation d;
  const auto teacher = snapshot(d.teacher), student = snapshot(d.student), estimator = snapshot(d.estimator);
  const auto report = d.run(1);
  EXPECT_TRUE(are_equal(teacher, snapshot(d.teacher)));
  EXPECT_FALSE(are_equal(student, snapshot(d.student)));
  EXPECT_FALSE(are_equal(estimator, snapshot(d.estimator)));
  for (const char* key : {"loss.student", "loss.estimator", "l1", "grad_norm.student", "grad_norm.estimator",
                          "lr.student", "lr.estimator"}) {
    EXPECT_TRUE(report.values.contains(key)) << key;
  }
  EXPECT_EQ(report.images, 16);
}

TEST(DistillStep, AnnouncesThePhasesOfBothNetworksInTheirOrder) {
  Distillation d;
  support::PhaseList phases;
  d.phases = &phases;
  d.run(1);
  const std::vector<std::string> expected = {"estimator.data",
                                             "estimator.forward",
                                             "estimator.backward",
                                             "estimator.optimizer",
                                             "wait",
                                             "student.data",
                                             "student.forward",
                                             "student.backward",
                                             "student.optimizer",
                                             "wait",
                                             "wait"};
  EXPECT_EQ(phases.entered, expected);
}

TEST(DistillStep, DrawsOneBatchForEachUpdate) {
  Distillation d;
  d.method.estimator_steps = 3;
  d.run(2);
  EXPECT_EQ(d.source.position(), 8);
}

// Each network has two linear layers. A forward is 2 products, a backward 2 to the inputs and 2 to the weights, less
// the first layer's input when nothing before it needs a gradient.
//   estimator update: student 2, estimator 2, backward 2 weights + 1 input                        =  7
//   student update:   three forwards 6, teacher and estimator 2 inputs each, student 2 + 1 (the first layer's input is
//                     noise)                                                                      = 13
TEST(DistillStep, FrozenNetworksDoNoWeightGradientWork) {
  Distillation d;
  const support::MatmulCounter counter;
  d.run(1);
  EXPECT_EQ(counter.count(), 20);
}

// The bits of the velocities stay, so two runs differ in the student's update alone.
TEST(DistillStep, JacobianShareScalesTheGradientThroughTheNetworks) {
  const auto grad_norm_and_loss = [](StudentLossKind loss, std::vector<double> jacobian) {
    Distillation d;
    d.method.loss = loss;
    d.method.jacobian = std::move(jacobian);
    const auto report = d.run(1);
    return std::pair(report.values.at("grad_norm.student"), report.values.at("loss.student"));
  };
  const auto whole = grad_norm_and_loss(StudentLossKind::kFgm, {1.0});
  const auto half = grad_norm_and_loss(StudentLossKind::kFgm, {0.5});
  const auto none = grad_norm_and_loss(StudentLossKind::kFgm, {0.0});
  EXPECT_EQ(whole.second, half.second);
  EXPECT_EQ(whole.second, none.second);
  EXPECT_EQ(none.first, grad_norm_and_loss(StudentLossKind::kDmd, {1.0}).first);
  EXPECT_NE(whole.first, none.first);
  EXPECT_NE(half.first, whole.first);
  EXPECT_NE(half.first, none.first);
}

TEST(DistillStep, WarmUpTeachesTheEstimatorAloneFromAsManyBatches) {
  Distillation d;
  d.method.estimator_warmup = 2;
  const auto student = snapshot(d.student);
  const auto report = d.run(2);
  EXPECT_TRUE(are_equal(student, snapshot(d.student)));
  EXPECT_FALSE(report.values.contains("loss.student"));
  EXPECT_EQ(d.source.position(), 4);
  EXPECT_EQ(report.images, 16);
  d.run(3);
  EXPECT_FALSE(are_equal(student, snapshot(d.student)));
}

// A step of the student before the last is a forward without history: two more products.
TEST(DistillStep, StudentsOfTwoStepsLearnBothOfThem) {
  Distillation d;
  d.method.student_times = {1.0, 0.5};
  std::set<int64_t> counts;
  for (int64_t i = 0; i < 16; ++i) {
    const support::MatmulCounter counter;
    d.run(1);
    counts.insert(counter.count());
  }
  EXPECT_EQ(counts, (std::set<int64_t>{20, 22, 24}))
      << "one or two steps for the estimator's samples, and the student's";
}

// Without the four input gradients of teacher and estimator.
TEST(DistillStep, DmdGoesBackThroughTheStudentAlone) {
  Distillation d;
  d.method.loss = StudentLossKind::kDmd;
  const support::MatmulCounter counter;
  d.run(1);
  EXPECT_EQ(counter.count(), 16);
}

TEST(DistillStep, GuidanceIsOneBatchedForwardAndCostsNoMoreProducts) {
  Distillation d;
  d.method.teacher_guidance = 2.0;
  d.method.estimator_guidance = 2.0;
  const support::MatmulCounter counter;
  d.run(1);
  EXPECT_EQ(counter.count(), 20);
}

// A network that predicts 0 and keeps what it was asked: with init_time 1 the student's sample is then z itself.
class SilentModel : public VelocityModel {
 public:
  at::Tensor velocity(const at::Tensor& x_t, const at::Tensor& t_B, const Conditioning&) override {
    seen.push_back({x_t.detach().clone(), t_B.clone()});
    return x_t * parameter_.weight;
  }
  const std::vector<Block*>& blocks() override { return blocks_; }
  void visit_buffers(const TensorVisitor&) override {}
  void initialise(uint64_t) override {}
  void set_runner(BlockRunner*) override {}

  struct Call {
    at::Tensor x_t, t_B;
  };
  std::vector<Call> seen;

 private:
  struct ZeroBlock : Block {
    TensorList forward(const TensorList& inputs) override { return inputs; }
    void visit(const TensorVisitor& visitor) override { visitor("weight", weight); }
    const std::string& name() const override { return label; }
    at::Tensor weight = at::zeros({1});
    std::string label = "zero";
  } parameter_;
  std::vector<Block*> blocks_{&parameter_};
};

TEST(DistillStep, PathNoiseIsIndependentOfTheStudentsNoise) {
  const std::vector<int64_t> shape = {3, 16, 16};
  SilentModel teacher, student, estimator;
  MethodConfig method;
  method.student.lr = method.estimator.lr = 0.0;
  const support::OneRankMesh one_rank;
  FsdpEngine student_engine(student, method.student, one_rank.mesh);
  FsdpEngine estimator_engine(estimator, method.estimator, one_rank.mesh);
  support::SyntheticSource source(32, shape, kPooled);
  DistillStep step({teacher, student_engine, estimator_engine},
                   {.seed = 5, .method = method, .sample_shape = shape, .tensors = at::kFloat});
  step.run(0, source);
  ASSERT_EQ(student.seen.size(), 2u);
  ASSERT_EQ(estimator.seen.size(), 2u);
  for (size_t phase = 0; phase < 2; ++phase) {
    const auto z = student.seen[phase].x_t;
    const auto t = per_sample(estimator.seen[phase].t_B, z);
    const auto eps = (estimator.seen[phase].x_t - (1.0 - t) * z) / t;
    const auto correlation = at::corrcoef(at::stack({z.flatten(), eps.flatten()}))[0][1].item<float>();
    EXPECT_NEAR(correlation, 0.0, 0.04);  // 24576 pairs: six standard errors
    EXPECT_NEAR(eps.std().item<float>(), 1.0, 0.05);
  }
  EXPECT_FALSE(at::equal(student.seen[0].x_t, student.seen[1].x_t)) << "each phase draws its own noise";
}

// An estimator that predicts 0 misses the whole conditional velocity eps - x_0, and x_0 is z for a silent student.
TEST(DistillStep, EstimatorLossIsTheSquaredErrorToTheConditionalVelocity) {
  const std::vector<int64_t> shape = {1, 4, 4};
  SilentModel teacher, student, estimator;
  const MethodConfig method;
  const support::OneRankMesh one_rank;
  FsdpEngine student_engine(student, method.student, one_rank.mesh);
  FsdpEngine estimator_engine(estimator, method.estimator, one_rank.mesh);
  support::SyntheticSource source(8, shape, kPooled);
  DistillStep step({teacher, student_engine, estimator_engine},
                   {.seed = 5, .method = method, .sample_shape = shape, .tensors = at::kFloat});
  const double loss = step.run(0, source).values.at("loss.estimator");
  const auto z = student.seen[0].x_t, x_t = estimator.seen[0].x_t;
  const auto t = per_sample(estimator.seen[0].t_B, z);
  const auto eps = (x_t - (1.0 - t) * z) / t;
  const double expected = (eps - z).square().mean().item<double>();
  EXPECT_NEAR(loss, expected, 1e-4 * expected);  // dividing by a small t loses digits
}

TEST(DistillStep, RealUidTeachesTheEstimatorAtTheBatchsImagesWithTheSameNoiseAndTimes) {
  const std::vector<int64_t> shape = {1, 4, 4};
  SilentModel teacher, student, estimator;
  MethodConfig method;
  method.loss = StudentLossKind::kRealUid;
  method.realuid_alpha = method.realuid_beta = 0.75;
  const support::OneRankMesh one_rank;
  FsdpEngine student_engine(student, method.student, one_rank.mesh);
  FsdpEngine estimator_engine(estimator, method.estimator, one_rank.mesh);
  support::SyntheticSource source(8, shape, kPooled);
  const auto images = source.next().images;
  source.seek(0);
  DistillStep step({teacher, student_engine, estimator_engine},
                   {.seed = 5, .method = method, .sample_shape = shape, .tensors = at::kFloat});
  step.run(0, source);
  ASSERT_EQ(estimator.seen.size(), 3u);
  const auto at_sample = estimator.seen[0], at_image = estimator.seen[1];
  EXPECT_TRUE(at::equal(at_sample.t_B, at_image.t_B));
  // Both points have the same noise, so they lie (1 - t) times as far apart as sample and image.
  const auto t = per_sample(at_image.t_B, images);
  EXPECT_TRUE(at::allclose(at_image.x_t - at_sample.x_t, (1.0 - t) * (images - student.seen[0].x_t), 1e-4, 1e-5));
}

TEST(DistillStep, LossesFallOnALinearFlow) {
  Distillation d;
  d.method.student.lr = d.method.estimator.lr = 3e-3;
  const double first = d.run(1).values.at("l1");
  EXPECT_LT(d.run(300).values.at("l1"), 0.5 * first);
}

}  // namespace
}  // namespace fgm
