#include "core/train/phase_timer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

namespace fgm {
namespace {

using ::testing::ElementsAre;
using ::testing::Key;

void pass_time() {
  const auto began = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() == began) {
  }
}

TEST(PhaseTimer, AddsUpPhasesOfTheSameNameOverAllNetworks) {
  PhaseTimer timer;
  for (const char* phase : {"student.forward", "estimator.forward", "wait"}) {
    const PhaseScope scope(&timer, phase);
    pass_time();
  }
  const auto times = timer.take();
  EXPECT_THAT(times, ElementsAre(Key("ms.forward"), Key("ms.wait")));
  EXPECT_GT(times.at("ms.forward"), 0.0);
  EXPECT_TRUE(timer.take().empty()) << "taken times came back";
}

TEST(PhaseTimer, ChargesANestedPhaseAlone) {
  PhaseTimer timer;
  const auto began = std::chrono::steady_clock::now();
  in_phase(&timer, "student.backward", [&] {
    pass_time();
    in_phase(&timer, "gather", pass_time);
    pass_time();
  });
  const std::chrono::duration<double, std::milli> whole = std::chrono::steady_clock::now() - began;
  const auto times = timer.take();
  ASSERT_THAT(times, ElementsAre(Key("ms.backward"), Key("ms.gather")));
  EXPECT_GT(times.at("ms.gather"), 0.0);
  EXPECT_LE(times.at("ms.backward") + times.at("ms.gather"), whole.count()) << "time was counted twice";
}

TEST(PhaseTimer, IsLeftByAnException) {
  PhaseTimer timer;
  const auto fails = [] { throw std::runtime_error("in a phase"); };
  EXPECT_THROW(in_phase(&timer, "forward", fails), std::runtime_error);
  in_phase(&timer, "backward", pass_time);
  EXPECT_THAT(timer.take(), ElementsAre(Key("ms.backward"), Key("ms.forward")));
}

TEST(PhaseScope, WithoutAListenerIsSilent) {
  EXPECT_EQ(in_phase(nullptr, "forward", [] { return 3; }), 3);
}

}  // namespace
}  // namespace fgm
