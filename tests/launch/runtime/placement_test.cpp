// Which device and how many threads a rank takes.
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "launch/runtime/device.h"
#include "launch/runtime/threads.h"

namespace fgm {
namespace {

TEST(Device, AutoTakesAGpuOnlyWhenEveryRankOfTheHostHasOne) {
  EXPECT_EQ(choose_device(DeviceChoice::kAuto, 1, 2, 8).device, c10::Device(c10::kCUDA, 1));
  EXPECT_EQ(choose_device(DeviceChoice::kAuto, 1, 2, 2).device, c10::Device(c10::kCUDA, 1));
  const auto crowded = choose_device(DeviceChoice::kAuto, 0, 2, 1);
  EXPECT_EQ(crowded.device, c10::Device(c10::kCPU));
  EXPECT_EQ(crowded.reason, "cpu: 1 GPUs are too few for the 2 ranks of this host");
  EXPECT_EQ(choose_device(DeviceChoice::kAuto, 0, 1, 0).reason, "cpu: no GPU is visible");
}

TEST(Device, CpuIsTakenThoughGpusAreThere) {
  EXPECT_EQ(choose_device(DeviceChoice::kCpu, 0, 1, 8).device, c10::Device(c10::kCPU));
}

TEST(Device, CudaThatCannotBeHadIsAnErrorSayingWhy) {
  EXPECT_EQ(choose_device(DeviceChoice::kCuda, 0, 1, 1).device, c10::Device(c10::kCUDA, 0));
  try {
    choose_device(DeviceChoice::kCuda, 0, 1, 0);
    FAIL() << "took a GPU where there is none";
  } catch (const ConfigError& error) {
    EXPECT_STREQ(error.what(), "run.device = cuda, but no GPU is visible");
  }
}

TEST(Device, CountingGpusNeedsNoDriver) {
  EXPECT_GE(num_visible_gpus(), 0);
}

TEST(Threads, CoresAreSharedByTheRanksOfAHost) {
  EXPECT_EQ(choose_threads(0, 8, 2), 4);
  EXPECT_EQ(choose_threads(0, 2, 4), 1) << "a rank without a core still needs a thread";
  EXPECT_EQ(choose_threads(3, 8, 2), 3) << "run.threads wins";
  EXPECT_GE(num_cores(), 1);
}

}  // namespace
}  // namespace fgm
