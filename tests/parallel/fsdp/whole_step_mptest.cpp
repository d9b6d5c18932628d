#include <gtest/gtest.h>

#include "parallel/comm/mpi_communicator.h"
#include "tests/parallel/fsdp/distillation_run.h"
#include "tests/support/one_rank_mesh.h"

// The whole step in float64: every world and every mesh gives the run of one rank that computes the whole batch.
namespace fgm {
namespace {

using support::distil;
using support::DistillationRecord;
using support::DistillationSetup;

// `record` holds slices of the tensors that `reference` holds whole. Differences are relative to the largest element.
void expect_near(const DistillationRecord& record, const DistillationRecord& reference, double tolerance) {
  std::map<double, std::string> differences;
  ASSERT_EQ(record.values.size(), reference.values.size());
  for (size_t i = 0; i < record.values.size(); ++i) {
    const double expected = reference.values[i];
    differences.emplace(std::abs((record.values[i] - expected) / expected), fmt::format("value {}", i));
  }
  const auto compare = [&](const std::string& name, const at::Tensor& values, const at::Tensor& expected,
                           double scale) {
    const double difference = (values - expected).abs().max().item<double>();
    differences.emplace(scale == 0.0 ? difference : difference / scale, name);
  };
  for (const auto& [name, slice] : record.state) {
    const at::Tensor& whole = reference.state.at(name).values;
    compare(name, slice.values, whole.narrow(0, slice.begin, slice.values.numel()), whole.abs().max().item<double>());
  }
  compare("samples", record.samples, reference.samples, reference.samples.abs().max().item<double>());
  EXPECT_LE(differences.rbegin()->first, tolerance) << "the worst is " << differences.rbegin()->second;
}

void expect_equal(const DistillationRecord& a, const DistillationRecord& b) {
  EXPECT_EQ(a.values, b.values);
  ASSERT_EQ(a.state.size(), b.state.size());
  for (const auto& [name, slice] : a.state) EXPECT_TRUE(at::equal(slice.values, b.state.at(name).values)) << name;
  EXPECT_TRUE(at::equal(a.samples, b.samples));
}

class WholeStep : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    world_ = make_mpi_world().release();
    unsharded_ = new DistillationRecord(unsharded({}));
    sharded_ = new DistillationRecord(sharded({}));
  }
  static void TearDownTestSuite() {
    world_->close();
    delete world_;
    delete unsharded_;
    delete sharded_;
  }

  static DistillationRecord run(int num_shards, const DistillationSetup& setup) {
    DeviceMesh mesh(*world_, {.replicate = world_->size() / num_shards, .shard = num_shards});
    auto record = distil(mesh, setup);
    mesh.close();
    return record;
  }
  static DistillationRecord sharded(const DistillationSetup& setup) { return run(world_->size(), setup); }
  // Every rank alone, with the whole batch.
  static DistillationRecord unsharded(const DistillationSetup& setup) {
    return distil(support::OneRankMesh().mesh, setup);
  }

  inline static Communicator* world_ = nullptr;
  inline static DistillationRecord *unsharded_ = nullptr, *sharded_ = nullptr;  // the runs of the default setup
};

constexpr double kTolerance = 1e-12;  // float64 sums in another order, ten steps; measured: 1e-14

TEST_F(WholeStep, ShardedOverTheWorldIsTheRunOfOneRank) {
  ASSERT_GT(unsharded_->values.at(0), 0.0);
  expect_near(*sharded_, *unsharded_, kTolerance);
}

TEST_F(WholeStep, EveryWayToCutTheWorldIsTheRunOfOneRank) {
  for (int num_shards = 1; num_shards < world_->size(); ++num_shards) {
    if (world_->size() % num_shards != 0) continue;
    SCOPED_TRACE(fmt::format("{} shards", num_shards));
    expect_near(run(num_shards, {}), *unsharded_, kTolerance);
  }
}

TEST_F(WholeStep, UnevenRowsAreTheRunOfOneRank) {
  expect_near(sharded({.batch = 13, .num_steps = 3}), unsharded({.batch = 13, .num_steps = 3}), kTolerance);
}

TEST_F(WholeStep, LearningRealImagesIsTheRunOfOneRank) {
  const DistillationSetup setup{.num_steps = 3, .learns_images = true};
  const auto expected = unsharded(setup);
  ASSERT_NE(expected.values.at(0), unsharded_->values.at(0)) << "this is FGM's run";
  expect_near(sharded(setup), expected, kTolerance);
}

TEST_F(WholeStep, AReplicatedTeacherGivesTheBitsOfAShardedOne) {
  expect_equal(sharded({.replicates_teacher = true}), *sharded_);
}

TEST_F(WholeStep, TwoRunsGiveTheSameBits) {
  expect_equal(sharded({}), *sharded_);
  expect_equal(sharded({.num_steps = 3, .dtype = at::kFloat}), sharded({.num_steps = 3, .dtype = at::kFloat}));
}

// On one rank, without recomputation, blocks run directly, and their gradients meet in another order.
TEST_F(WholeStep, RecomputationChangesNoBitOfAShardedRun) {
  const auto recomputed = sharded({.recompute = true});
  if (world_->size() == 1) return expect_near(recomputed, *unsharded_, kTolerance);
  expect_equal(recomputed, *sharded_);
}

}  // namespace
}  // namespace fgm
