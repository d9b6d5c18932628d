#include "launch/job/distill_networks.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/io/safetensors.h"
#include "core/models/model_factory.h"
#include "tests/launch/coordinator/fake_engine.h"
#include "tests/support/allocated_bytes.h"
#include "tests/support/read_tensor.h"
#include "tests/support/temporary_folder.h"

namespace fgm {
namespace {

class Networks : public ::testing::Test {
 protected:
  Networks() {
    config_.run.device = DeviceChoice::kCpu;
    config_.run.threads = 1;
    config_.model = support::smallest_model();
    config_.method.student = {.beta1 = 0.9, .ema = {0.99, 0.999}};
    config_.method.estimator = {.beta1 = 0.0, .ema = {0.0}};
  }

  // Weights that follow from `seed`, on disk.
  SafetensorsFile weights(uint64_t seed) const {
    const auto model = make_model(config_.model, at::kFloat);
    model->initialise(seed);
    std::vector<NamedTensor> tensors;
    const auto add = [&](const std::string& name, at::Tensor& tensor) { tensors.push_back({name, tensor}); };
    visit_parameters(*model, add);
    model->visit_buffers(add);
    const auto path = folder_.path() / fmt::format("{}.safetensors", seed);
    write_safetensors(path, tensors);
    return SafetensorsFile(path);
  }

  const TemporaryFolder folder_;
  Config config_;
};

// Requires that every slice of `engine` in `part` is that of `source`.
void expect_holds(FsdpEngine& engine, const std::string& part, const TensorSource& source) {
  int num_compared = 0;
  for (const auto& slice : engine.state()) {
    if (slice.part != part) continue;
    ++num_compared;
    EXPECT_TRUE(at::equal(slice.values.reshape({-1}), read_tensor(source, slice.name).reshape({-1}))) << slice.name;
  }
  EXPECT_GT(num_compared, 0) << part;
}

TEST_F(Networks, StudentsAndEstimatorsWeightsAndAveragesBeginWithTheStartsAndNotTheTeachers) {
  const auto teacher = weights(1), start = weights(2);
  World world(config_);
  DistillNetworks networks(world, config_, {teacher, &start, &start});
  expect_holds(networks.student(), "", start);
  expect_holds(networks.student(), "ema", start);
  expect_holds(networks.student(), "ema_0.999", start);
  expect_holds(networks.estimator(), "", start);
  EXPECT_FALSE(networks.estimator().has_ema());
  world.close();
}

TEST_F(Networks, StartEachFromItsOwnWeightsAndRandomlyWithoutAny) {
  const auto teacher = weights(1), start = weights(2);
  config_.run.seed = 5;
  World world(config_);
  DistillNetworks networks(world, config_, {.teacher = teacher, .student = nullptr, .estimator = &start});
  expect_holds(networks.student(), "", weights(5));
  expect_holds(networks.student(), "ema", weights(5));
  expect_holds(networks.estimator(), "", start);
  DistillNetworks others(world, config_, {.teacher = teacher, .student = &teacher, .estimator = nullptr});
  expect_holds(others.student(), "", teacher);
  expect_holds(others.estimator(), "", weights(6));
  world.close();
}

TEST_F(Networks, AllocateWhatBytesOfSaysAndShareOneTable) {
  const auto source = weights(1);
  for (const auto dtype : {FrozenDtype::kFloat32, FrozenDtype::kBFloat16}) {
    config_.teacher.dtype = dtype;
    const DistillBytes expected = DistillNetworks::bytes_of(config_, /*num_shards=*/1);
    World world(config_);
    const support::AllocatedBytes allocated;
    const DistillNetworks networks(world, config_, {source, &source, &source});
    EXPECT_EQ(allocated.count(), expected.teacher + expected.student + expected.estimator + expected.buffers);
    world.close();
  }
}

TEST_F(Networks, ARegressionAllocatesAStudentAlone) {
  const auto source = weights(1);
  config_.method.loss = StudentLossKind::kRegression;
  const DistillBytes expected = DistillNetworks::bytes_of(config_, /*num_shards=*/1);
  World world(config_);
  const support::AllocatedBytes allocated;
  DistillNetworks networks(world, config_, {source, &source, nullptr});
  EXPECT_EQ(expected.teacher + expected.estimator, 0);
  EXPECT_EQ(allocated.count(), expected.student + expected.buffers);
  expect_holds(networks.student(), "", source);
  world.close();
}

TEST(AdoptTeacherSettings, NetworkAndTextAreTheTeachersAndAShiftThatTheUserGaveStays) {
  OpenWeights teacher;
  teacher.info.config.model = support::smallest_model();
  teacher.info.config.text.num_tokens = 17;
  teacher.info.config.sample.shift = 3.0;
  teacher.info.config.sample.steps = 5;
  Config config;
  adopt_teacher_settings(teacher, config);
  EXPECT_EQ(config.model.mmdit.width(), support::smallest_model().width());
  EXPECT_EQ(config.text.num_tokens, 17);
  EXPECT_EQ(config.sample.shift, 3.0);
  EXPECT_EQ(config.sample.steps, Config().sample.steps) << "how a teacher is sampled is not the student's";

  config.sample.shift = 2.0;
  adopt_teacher_settings(teacher, config);
  EXPECT_EQ(config.sample.shift, 2.0);
}

TEST(AdoptTeacherSettings, TheNumberOfTokensOfExternalWeightsIsTheUsers) {
  OpenWeights teacher{.info = {}, .source = nullptr, .is_external = true};
  teacher.info.config.text = {.num_tokens = 77, .context_width = 4096};
  Config config;
  config.text.num_tokens = 20;
  adopt_teacher_settings(teacher, config);
  EXPECT_EQ(config.text.num_tokens, 20);
  EXPECT_EQ(config.text.context_width, 4096);
}

}  // namespace
}  // namespace fgm
