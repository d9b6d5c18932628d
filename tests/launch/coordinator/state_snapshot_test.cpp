#include "launch/coordinator/state_snapshot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/launch/coordinator/fake_engine.h"

namespace fgm {
namespace {

using support::FakeEngine;

class StateSnapshotTest : public ::testing::Test {
 protected:
  static StateSnapshot take(FakeEngine& engine, MeshCoordinate coordinate, MeshShape mesh) {
    Manifest manifest;
    manifest.step = 7;
    manifest.mesh = mesh;
    return take_snapshot(manifest, {{"student", &engine}}, coordinate,
                         {.role = "", .step = 0, .sample_shape = {3, 6, 6}, .config = {}});
  }
  static std::vector<std::string> names_of(const StateSnapshot& snapshot) {
    std::vector<std::string> names;
    for (const auto& file : snapshot.files) names.push_back(file.name);
    return names;
  }
};

TEST_F(StateSnapshotTest, HoldsAFileForEachRoleAndTheNumbersOfItsMoment) {
  FakeEngine engine(support::smallest_model(), 0, 1);
  engine.set_num_updates(5);
  const auto snapshot = take(engine, {0, 0}, {1, 1});
  engine.set_num_updates(6);
  EXPECT_EQ(snapshot.manifest.updates.at("student"), 5);
  EXPECT_THAT(names_of(snapshot),
              ::testing::ElementsAre("student-00000-of-00001.safetensors", "student_ema-00000-of-00001.safetensors",
                                     "student_optim-00000-of-00001.safetensors"));
  for (const auto& file : snapshot.files) EXPECT_EQ(file.metadata.at("fgm.step"), "7") << file.name;
}

TEST_F(StateSnapshotTest, RefersToTheLiveTensors) {
  FakeEngine engine(support::smallest_model(), 0, 1);
  const auto snapshot = take(engine, {0, 0}, {1, 1});
  const auto live = engine.state(), taken = snapshot.files.at(0).slices;
  ASSERT_EQ(taken.at(0).name, live.at(0).name);
  EXPECT_EQ(taken.at(0).values.data_ptr(), live.at(0).values.data_ptr())
      << "a copy would need the state's memory twice";
}

TEST_F(StateSnapshotTest, HasBuffersOnShard0AloneAndNoFilesOnAReplica) {
  FakeEngine first(support::smallest_model(), 0, 2), second(support::smallest_model(), 1, 2);
  const auto has_buffer = [](FakeEngine& engine, const StateSnapshot& snapshot) {
    bool is_there = false;
    engine.model().visit_buffers([&](const std::string& name, at::Tensor&) {
      for (const auto& slice : snapshot.files.at(0).slices) is_there = is_there || slice.name == name;
    });
    return is_there;
  };
  EXPECT_TRUE(has_buffer(first, take(first, {0, 0}, {2, 2})));
  EXPECT_FALSE(has_buffer(second, take(second, {0, 1}, {2, 2})));
  EXPECT_TRUE(take(first, {1, 0}, {2, 2}).files.empty());
}

}  // namespace
}  // namespace fgm
