#include "core/flow/schedules.h"

#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/io/safetensors.h"
#include "tests/support/read_tensor.h"

namespace fgm {
namespace {

// Values of diffusers 0.42.1's FlowMatchEulerDiscreteScheduler: tests/golden/make_schedule_golden.py.
TEST(SamplingTimes, AreThoseOfDiffusers) {
  const SafetensorsFile golden(FGM_SOURCE_DIR "/tests/golden/flow_schedule.safetensors");
  ASSERT_EQ(golden.tensors().size(), 8u);
  for (const int64_t shift : {1, 3}) {
    for (const int64_t num_steps : {1, 4, 8, 28}) {
      const auto name = fmt::format("shift {}, {} steps", shift, num_steps);
      const auto expected = read_tensor(golden, name).to(at::kDouble);
      const auto actual = at::tensor(sampling_times(num_steps, static_cast<double>(shift)), at::kDouble);
      ASSERT_EQ(actual.sizes(), expected.sizes()) << name;
      EXPECT_LE((actual - expected).abs().max().item<double>(), 1e-6) << name;
    }
  }
}

TEST(SamplingTimes, AreShiftedTwiceAsPublishedForFourAndEightSteps) {
  const std::vector<double> four = {1, .857692, .602151, .008929, 0};
  const std::vector<double> eight = {1, .947543, .882788, .800837, .693793, .548046, .337972, .008929, 0};
  for (const auto& published : {four, eight}) {
    const auto times = sampling_times(std::ssize(published) - 1, 3.0);
    ASSERT_EQ(times.size(), published.size());
    for (size_t i = 0; i < times.size(); ++i) EXPECT_NEAR(times[i], published[i], 1e-6);
  }
}

TEST(SamplingTimes, AreEquallySpacedWithoutAShift) {
  EXPECT_EQ(sampling_times(4, 0.0), (std::vector<double>{1.0, 0.75, 0.5, 0.25, 0.0}));
}

TEST(SamplingTimes, RejectNoStepsAndAShiftBelowZero) {
  EXPECT_THROW(sampling_times(0, 3.0), ConfigError);
  EXPECT_THROW(sampling_times(4, -1.0), ConfigError);
}

}  // namespace
}  // namespace fgm
