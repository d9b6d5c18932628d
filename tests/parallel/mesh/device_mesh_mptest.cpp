#include "parallel/mesh/device_mesh.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "parallel/comm/mpi_communicator.h"

namespace fgm {
namespace {

class Mesh : public ::testing::Test {
 protected:
  void SetUp() override {
    world_ = make_mpi_world();
    ASSERT_GT(world_->size(), 1) << "one rank alone proves nothing";
  }
  void TearDown() override { world_->close(); }

  // The world ranks along one axis, as that axis itself reports them.
  std::vector<int64_t> members(Communicator& axis) const {
    const auto out = at::zeros({axis.size()}, at::kLong);
    axis.all_gather_into(out, at::full({1}, static_cast<int64_t>(world_->rank()), at::kLong)).wait();
    return {out.data_ptr<int64_t>(), out.data_ptr<int64_t>() + out.numel()};
  }

  std::string refusal(MeshShape shape) {
    try {
      DeviceMesh(*world_, shape).close();
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "accepted";
  }

  std::unique_ptr<Communicator> world_;
};

TEST_F(Mesh, ShardIsTheInnerAxisForEveryWayToCutTheWorld) {
  const int world = world_->size();
  for (int num_shards = 1; num_shards <= world; num_shards *= 2) {
    DeviceMesh mesh(*world_, {.replicate = world / num_shards, .shard = num_shards});
    const int replica = world_->rank() / num_shards;
    const int shard = world_->rank() % num_shards;
    EXPECT_EQ(mesh.coordinate().replicate, replica);
    EXPECT_EQ(mesh.coordinate().shard, shard);
    EXPECT_EQ(mesh.replicate().rank(), replica);
    EXPECT_EQ(mesh.shard().rank(), shard);

    std::vector<int64_t> same_copy;
    for (int s = 0; s < num_shards; ++s) same_copy.push_back(replica * num_shards + s);
    EXPECT_EQ(members(mesh.shard()), same_copy);
    std::vector<int64_t> same_shard;
    for (int r = 0; r < world / num_shards; ++r) same_shard.push_back(r * num_shards + shard);
    EXPECT_EQ(members(mesh.replicate()), same_shard);
    mesh.close();
    mesh.close();
  }
}

TEST_F(Mesh, ReducingOverShardThenReplicateIsReducingOverTheWorld) {
  DeviceMesh mesh(*world_, {.replicate = world_->size() / 2, .shard = 2});
  const auto value = at::full({1}, int64_t{1} << world_->rank(), at::kLong);
  mesh.shard().all_reduce(value, Reduce::kSum).wait();
  mesh.replicate().all_reduce(value, Reduce::kSum).wait();
  EXPECT_EQ(value.item<int64_t>(), (int64_t{1} << world_->size()) - 1);
  mesh.close();
}

TEST_F(Mesh, RejectsAWorldThatTheShardDegreeDoesNotDivide) {
  EXPECT_EQ(refusal({.replicate = 1, .shard = 3}),
            fmt::format("mesh.shard = 3 does not divide the {} ranks of this job", world_->size()));
}

TEST_F(Mesh, RejectsAxesThatDoNotMultiplyToTheWorldAndSaysWhatWould) {
  EXPECT_THAT(refusal({.replicate = 3, .shard = 2}),
              ::testing::AllOf(::testing::HasSubstr("mesh.replicate = 3 times mesh.shard = 2"),
                               ::testing::HasSubstr(fmt::format("set mesh.replicate = {}", world_->size() / 2))));
  EXPECT_THAT(refusal({.replicate = 0, .shard = 1}), ::testing::HasSubstr("mesh.replicate = 0"));
  EXPECT_THAT(refusal({.replicate = 1, .shard = 0}), ::testing::HasSubstr("mesh.shard = 0"));
}

}  // namespace
}  // namespace fgm
