// Which device and how many threads a rank takes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <filesystem>

#include "core/base/error.h"
#include "launch/runtime/device.h"
#include "launch/runtime/threads.h"
#include "tests/support/resource_limit.h"

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

TEST(Device, NoGpuIsCountedWhereNoDriverIsLoaded) {
  const bool has_driver = std::filesystem::exists("/dev/nvidiactl");
  EXPECT_TRUE(has_driver || num_visible_gpus() == 0) << num_visible_gpus();
}

TEST(Threads, CoresAreSharedByTheRanksOfAHost) {
  const auto shared = choose_threads(0, 0, {.cores = 8, .num_ranks = 2});
  EXPECT_EQ(shared.num_threads, 4);
  EXPECT_EQ(shared.reason, "8 core(s) / 2 rank(s)");
  EXPECT_EQ(choose_threads(0, 0, {.cores = 2, .num_ranks = 4}).num_threads, 1) << "every rank needs a thread";
}

TEST(Threads, OnlyCoresThatTheProcessMayUseCount) {
  cpu_set_t all;
  ASSERT_EQ(sched_getaffinity(0, sizeof all, &all), 0);
  EXPECT_EQ(own_cores().cores, CPU_COUNT(&all));
  int core = 0;
  while (!CPU_ISSET(core, &all)) ++core;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(core, &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  EXPECT_EQ(own_cores().cores, 1);
  ASSERT_EQ(sched_setaffinity(0, sizeof all, &all), 0);
}

TEST(Threads, AQuotaOfCpuTimeIsSharedLikeCores) {
  const auto shared = choose_threads(0, 0, {.cores = 64, .quota = 7.5, .num_ranks = 2});
  EXPECT_EQ(shared.num_threads, 3) << "a fourth would be stopped in each period, and the others wait for it";
  EXPECT_EQ(shared.reason, "a cgroup's quota of 7.5 core(s) / 2 rank(s)");
  EXPECT_EQ(choose_threads(0, 0, {.cores = 64, .quota = 0.5}).num_threads, 1);
  EXPECT_EQ(choose_threads(0, 0, {.cores = 2, .quota = 16.0}).reason, "2 core(s) / 1 rank(s)");
}

TEST(Threads, WhatTheUserSaysWinsOverWhatTheHostHas) {
  const HostCores host{.cores = 8, .quota = 2.0, .num_ranks = 2};
  EXPECT_EQ(choose_threads(0, 5, host).num_threads, 5);
  EXPECT_EQ(choose_threads(0, 5, host).reason, "OMP_NUM_THREADS");
  EXPECT_EQ(choose_threads(3, 5, host).num_threads, 3);
  EXPECT_EQ(choose_threads(3, 5, host).reason, "run.threads");
}

TEST(Threads, ThatCannotBeStartedAreAnErrorNamingTheLimit) {
  const ResourceLimit limit(RLIMIT_AS, address_space() + (rlim_t{64} << 20));
  try {
    use_threads(100);
    FAIL() << "800 MiB of stacks fit into 64 MiB";
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.what(), testing::AllOf(testing::HasSubstr("of 198 threads could be started"),
                                             testing::HasSubstr("give a smaller run.threads")));
  }
}

}  // namespace
}  // namespace fgm
