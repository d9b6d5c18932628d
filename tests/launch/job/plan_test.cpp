// The plan's bytes against those of the real thing: networks that are allocated and counted.
#include "launch/job/distill_plan.h"

#include <gtest/gtest.h>

#include "tests/launch/coordinator/fake_engine.h"
#include "tests/support/absent_ranks.h"
#include "tests/support/allocated_bytes.h"

namespace fgm {
namespace {

int64_t bytes_of(const std::vector<StateSlice>& state) {
  int64_t bytes = 0;
  for (const auto& slice : state) bytes += static_cast<int64_t>(slice.values.nbytes());
  return bytes;
}

class Plan : public ::testing::TestWithParam<int> {
 protected:
  Plan() {
    start_.config.model = support::smallest_model();
    start_.config.mesh.shard = GetParam();
    start_.config.method.student = {.beta1 = 0.9, .ema = {0.99, 0.999}};
    start_.config.method.estimator = {.beta1 = 0.0, .ema = {0.0}};
  }
  DistillPlan plan() const { return plan_distillation(start_, GetParam()); }
  std::unique_ptr<VelocityModel> model(at::ScalarType dtype = at::kFloat) const {
    return make_unread_model(start_.config.model, dtype);
  }

  DistillStart start_;
  support::AbsentMesh ranks_{GetParam()};
};

TEST_P(Plan, AnEngineAllocatesWhatThePlanSays) {
  for (const auto& [optimizer, planned] : {std::pair(start_.config.method.student, plan().networks.student),
                                           std::pair(start_.config.method.estimator, plan().networks.estimator)}) {
    const auto network = model();
    const support::AllocatedBytes allocated;
    const FsdpEngine engine(*network, optimizer, ranks_.mesh);
    ASSERT_GT(allocated.count(), 0);
    EXPECT_EQ(allocated.count(), planned) << "beta1 = " << optimizer.beta1;
  }
}

TEST_P(Plan, AFrozenTeacherAllocatesWhatThePlanSaysInEitherDtype) {
  for (const auto dtype : {FrozenDtype::kFloat32, FrozenDtype::kBFloat16}) {
    start_.config.teacher.dtype = dtype;
    const auto network = model(dtype == FrozenDtype::kBFloat16 ? at::kBFloat16 : at::kFloat);
    const support::AllocatedBytes allocated;
    const ShardedModel teacher(*network, ranks_.mesh.shard());
    ASSERT_GT(allocated.count(), 0);
    EXPECT_EQ(allocated.count(), plan().networks.teacher);
  }
}

TEST_P(Plan, ThePoolThatTheNetworksShareGrowsToTheGatheredUnitOfThePlan) {
  const auto network = model(), teacher_network = model(at::kBFloat16);
  const FsdpOptions options{.pool = std::make_shared<UnitPool>(at::kCPU)};
  const FsdpEngine engine(*network, start_.config.method.student, ranks_.mesh, options);
  const ShardedModel teacher(*teacher_network, ranks_.mesh.shard(), options);
  start_.config.teacher.dtype = FrozenDtype::kBFloat16;
  const support::AllocatedBytes allocated;
  const auto slot = options.pool->acquire();
  EXPECT_EQ(allocated.count() > 0, GetParam() > 1) << "on one rank nothing is gathered";
  EXPECT_EQ(UnitPool::kNumSlots * allocated.count(), plan().networks.gathered_unit);
}

// On every rank alike, and without padding: what the ranks save together is the same for any number of them.
TEST_P(Plan, ACheckpointHoldsTheStateOfBothEnginesAndTheTablesBesideWeightsAndAverages) {
  const int64_t tables = plan().networks.buffers;
  ASSERT_GT(tables, 0);
  support::AbsentMesh alone(1);
  const auto student_network = model(), estimator_network = model();
  FsdpEngine student(*student_network, start_.config.method.student, alone.mesh);
  FsdpEngine estimator(*estimator_network, start_.config.method.estimator, alone.mesh);
  ASSERT_TRUE(student.has_ema());
  ASSERT_FALSE(estimator.has_ema());
  EXPECT_EQ(plan().checkpoint_bytes, bytes_of(student.state()) + 3 * tables + bytes_of(estimator.state()) + tables);
}

TEST_P(Plan, ATeacherOnEveryRankIsWholeAndTheRestIsCut) {
  const DistillBytes cut = plan().networks;
  start_.config.teacher.replicate = true;
  EXPECT_EQ(plan().networks.teacher, DistillNetworks::bytes_of(start_.config, /*num_shards=*/1).teacher);
  EXPECT_EQ(plan().networks.student, cut.student);
}

INSTANTIATE_TEST_SUITE_P(Shards, Plan, ::testing::Values(1, 2, 3));

}  // namespace
}  // namespace fgm
