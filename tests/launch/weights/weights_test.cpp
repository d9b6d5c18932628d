#include "launch/weights/weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/io/safetensors.h"
#include "launch/checkpoint/load_slices.h"
#include "tests/launch/weights/saved_run.h"
#include "tests/support/errors.h"
#include "tests/support/loaded_weights.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
using support::FakeEngine;
using support::load_weights;
using testing::HasSubstr;

class Weights : public support::SavedRunTest {};

TEST_F(Weights, ASavedNetworkOpensFromItsRunWithWhatItNeedsToBeUsed) {
  save({1, 2});
  const auto loaded = load_weights(run_.path(), {"student_ema", "student"});
  EXPECT_EQ(loaded.info.role, "student_ema");
  EXPECT_EQ(loaded.info.step, 2);
  EXPECT_EQ(loaded.info.sample_shape, (std::vector<int64_t>{3, 6, 6}));
  EXPECT_EQ(loaded.info.config.method.init_time, 0.714);
  visit_parameters(*loaded.model, [&](const std::string& name, at::Tensor& tensor) {
    EXPECT_TRUE(at::equal(tensor, FakeEngine::values_of("ema", name, tensor.sizes().vec(), 2))) << name;
  });
}

TEST_F(Weights, AStepsFolderAndALoneFileOpenToo) {
  save({1, 2});
  EXPECT_EQ(load_weights(step_folder(1), {"student"}).info.step, 1);
  const fs::path copy = run_ / "copy.safetensors";
  fs::copy_file(file_of(1, "student"), copy);
  EXPECT_EQ(load_weights(copy, {}).info.step, 1);
}

TEST_F(Weights, AFileThatIsNeitherOursNorSd3sIsRefused) {
  write_safetensors(run_ / "other.safetensors", {{"a", at::ones({2})}});
  EXPECT_THAT(message_of<ConfigError>([&] { load_weights(run_ / "other.safetensors", {}); }),
              HasSubstr("an SD3 transformer is needed"));
}

TEST_F(Weights, ALoneFileIsOfARoleThatWasAskedForOrIsRefused) {
  save({1});
  const fs::path file = run_ / "lone.safetensors";
  fs::copy_file(file_of(1, "student"), file);
  ASSERT_EQ(load_weights(file, {"student_ema", "student"}).info.role, "student");
  EXPECT_THAT(message_of<ConfigError>([&] {
                load_weights(file, {"teacher_ema", "teacher"});
              }),
              HasSubstr("lone.safetensors: its role is student, and teacher_ema or teacher was asked for"));
}

TEST_F(Weights, TheDigestOfATeacherDoesNotDependOnTheFilesThatHoldIt) {
  save({1});
  const auto digest = [](const WeightsPlace& place) { return digest_of(*open_weights(place).source); };
  const auto sharded = digest({step_folder(1), "student"});
  EXPECT_EQ(digest({file_of(1, "student"), ""}), sharded);
  EXPECT_NE(digest({step_folder(1), "student_ema"}), sharded);
}

TEST_F(Weights, SlicesOfANetworkOfAnotherShapeAreRefusedNamingTheTensors) {
  save({1});
  const OpenWeights weights = open_weights({step_folder(1), "student"});
  FakeEngine half(config_.model, 1, 2);
  std::vector<StateSlice> slices;
  for (const auto& slice : half.state()) {
    if (slice.part.empty()) slices.push_back(slice);
  }
  load_slices(half.model(), slices, *weights.source);
  const StateSlice& last = slices.back();
  ASSERT_GT(last.begin, 0);
  EXPECT_TRUE(at::equal(
      last.values,
      FakeEngine::values_of("", last.name, last.shape, 1).view(-1).narrow(0, last.begin, last.values.numel())));
  config_.model.mmdit.depth = 2;
  FakeEngine deeper(config_.model, 0, 1);
  EXPECT_THAT(message_of<ConfigError>([&] { load_slices(deeper.model(), {}, *weights.source); }),
              HasSubstr("joint_blocks.1.x_block.attn.qkv.weight [12, 4] is missing"));
}

// See Note [Weights are not mapped].
TEST_F(Weights, NetworksShareABufferThatIsTheSameAndNoneIsAPartOfTheFile) {
  save({1, 2});
  FakeEngine one(config_.model, 0, 1), two(config_.model, 0, 1);
  const auto buffer_of = [](FakeEngine& engine) {
    at::Tensor found;
    engine.model().visit_buffers([&](const std::string&, at::Tensor& buffer) { found = buffer; });
    return found;
  };
  const auto load = [](FakeEngine& engine, const WeightsPlace& place) {
    load_slices(engine.model(), {}, *open_weights(place).source);
  };
  load(one, {step_folder(1), "student"});
  share_buffers(one.model(), two.model());
  load(two, {step_folder(1), "student_ema"});
  EXPECT_TRUE(buffer_of(two).is_alias_of(buffer_of(one)));
  fs::resize_file(file_of(1, "student"), 100);
  EXPECT_TRUE(buffer_of(one).eq(1.0).all().item<bool>());
  load(two, {step_folder(2), "student"});
  EXPECT_TRUE(buffer_of(two).eq(2.0).all().item<bool>());
  EXPECT_TRUE(buffer_of(one).eq(1.0).all().item<bool>()) << "another table is another tensor";
}

}  // namespace
}  // namespace fgm
