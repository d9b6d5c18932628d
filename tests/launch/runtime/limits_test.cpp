// What cgroups and the machine allow, read from files laid out as the kernel does, and what an allocation that fails
// says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "core/base/error.h"
#include "launch/runtime/cgroup.h"
#include "launch/runtime/memory_limit.h"
#include "launch/runtime/out_of_memory.h"
#include "tests/support/resource_limit.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

constexpr double kGiB = 1024.0 * 1024 * 1024;

// A root folder with /proc and /sys/fs/cgroup.
class Limits : public testing::Test {
 protected:
  void SetUp() override { fs::remove_all(root_); }
  void TearDown() override { fs::remove_all(root_); }

  void write(const std::string& file, const std::string& text) const {
    fs::create_directories((root_ / file).parent_path());
    std::ofstream(root_ / file) << text;
  }
  void mount(const std::string& top, const std::string& place, const std::string& type,
             const std::string& options) const {
    fs::create_directories(root_ / "proc/self");
    std::ofstream(root_ / "proc/self/mountinfo", std::ios::app)
        << "31 23 0:28 " << top << " /" << place << " rw,nosuid,relatime shared:9 - " << type << " cgroup " << options
        << "\n";
  }

  const fs::path root_ = fs::path(testing::TempDir()) / fmt::format("fgm_limits_{}", getpid());
};

TEST_F(Limits, WithoutCgroupsThereIsNone) {
  EXPECT_FALSE(read_cgroup_limits(root_).cores);
  EXPECT_FALSE(read_cgroup_limits(root_).memory_bytes);
}

TEST_F(Limits, Version2TakesTheTightestOfTheGroupAndThoseAboveIt) {
  mount("/", "sys/fs/cgroup", "cgroup2", "rw,nsdelegate");
  write("proc/self/cgroup", "0::/jobs/a/b\n");
  write("sys/fs/cgroup/jobs/cpu.max", "150000 100000\n");
  write("sys/fs/cgroup/jobs/a/cpu.max", "max 100000\n");
  write("sys/fs/cgroup/jobs/a/b/cpu.max", "800000 200000\n");
  write("sys/fs/cgroup/jobs/a/b/memory.max", "max\n");
  write("sys/fs/cgroup/jobs/a/memory.max", "1073741824\n");
  write("sys/fs/cgroup/jobs/c/cpu.max", "1000 100000\n");
  const auto limits = read_cgroup_limits(root_);
  EXPECT_EQ(limits.cores, 1.5);
  EXPECT_EQ(limits.memory_bytes, 1073741824);
}

TEST_F(Limits, AContainerSeesItsOwnGroupAsTheTop) {
  mount("/", "sys/fs/cgroup", "cgroup2", "rw");
  write("proc/self/cgroup", "0::/\n");
  write("sys/fs/cgroup/cpu.max", "50000 100000\n");
  EXPECT_EQ(read_cgroup_limits(root_).cores, 0.5);
}

TEST_F(Limits, Version1FindsEachControllersMountAndWhatOfItIsMounted) {
  mount("/docker/abc", "sys/fs/cgroup/cpu,cpuacct", "cgroup", "rw,cpu,cpuacct");
  mount("/docker/abc", "sys/fs/cgroup/memory", "cgroup", "rw,memory");
  mount("/docker/abc", "sys/fs/cgroup/cpuset", "cgroup", "rw,cpuset");
  write("proc/self/cgroup", "4:memory:/docker/abc\n3:cpuset:/docker/abc\n2:cpu,cpuacct:/docker/abc/job\n0::/\n");
  write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "400000\n");
  write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  write("sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us", "-1\n");
  write("sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us", "100000\n");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "2147483648\n");
  const auto limits = read_cgroup_limits(root_);
  EXPECT_EQ(limits.cores, 4.0);
  EXPECT_EQ(limits.memory_bytes, 2147483648);
}

TEST_F(Limits, AnotherGroupThatIsMountedDoesNotCount) {
  mount("/neighbour", "sys/fs/cgroup", "cgroup2", "rw");
  write("proc/self/cgroup", "0::/mine\n");
  write("sys/fs/cgroup/cpu.max", "50000 100000\n");
  EXPECT_FALSE(read_cgroup_limits(root_).cores);
}

TEST_F(Limits, MemoryIsTheMachinesOrTheCgroupsWhicheverIsLessAndAllSwap) {
  EXPECT_GT(memory_limit(root_).bytes, 1e30) << "nothing is known, so nothing is refused";
  write("proc/meminfo", "MemTotal:        8388608 kB\nMemFree:  1 kB\nSwapTotal:       1048576 kB\n");
  EXPECT_EQ(memory_limit(root_).bytes, 9 * kGiB);
  EXPECT_EQ(memory_limit(root_).of, "this machine's memory and swap");
  mount("/", "sys/fs/cgroup", "cgroup2", "rw");
  write("proc/self/cgroup", "0::/\n");
  write("sys/fs/cgroup/memory.max", "9223372036854771712\n");
  EXPECT_EQ(memory_limit(root_).bytes, 9 * kGiB) << "version 1 writes no limit so";
  write("sys/fs/cgroup/memory.max", "2147483648\n");
  EXPECT_EQ(memory_limit(root_).bytes, 3 * kGiB);
}

TEST_F(Limits, WhatFitsExactlyIsNotRefusedAndMoreNamesTheLargestNeed) {
  const MemoryLimit limit{8 * kGiB, "this machine's memory and swap"};
  require_memory({{"train.batch", "100", 6 * kGiB}, {"model.depth", "4", 2 * kGiB}}, limit);
  try {
    require_memory({{"model.depth", "4", 2 * kGiB}, {"train.batch", "101", 6.5 * kGiB}}, limit);
    FAIL() << "8.5 GiB fit into 8";
  } catch (const ConfigError& error) {
    EXPECT_STREQ(error.what(),
                 "train.batch = 101 needs at least 6.5 GiB of memory on this host, which has 8.0 GiB "
                 "(this machine's memory and swap); give less, or more memory");
  }
}

TEST(OutOfMemory, AFailedAllocationSaysWhatWasAskedForByWhomAndWhatIsFree) {
  const auto told =
      AllOf(HasSubstr("fgm train asked for 4.0 GiB of memory"), HasSubstr("free below its limit (ulimit -v)"));
  const ResourceLimit limit(RLIMIT_AS, address_space() + (rlim_t{1} << 30));
  try {
    (void)at::empty({int64_t{1} << 30}, at::kFloat);
    FAIL() << "4 GiB fit into 1";
  } catch (const c10::Error& error) {
    EXPECT_THAT(out_of_memory_text(error.what_without_backtrace(), "fgm train").value_or(""), told);
  }
  try {
    const std::vector<char> numbers(size_t{1} << 32);
    FAIL() << "4 GiB fit into 1, as " << numbers.size();
  } catch (const std::bad_alloc& error) {
    EXPECT_THAT(out_of_memory_text(error.what(), "fgm train").value_or(""), HasSubstr("fgm train asked for memory"));
  }
}

TEST(OutOfMemory, AnotherRanksAndAGpusAreToldToo) {
  EXPECT_TRUE(out_of_memory_text("rank 1: std::bad_alloc", "fgm train"));
  EXPECT_THAT(out_of_memory_text("CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 79.11 "
                                 "GiB of which 18.56 MiB is free. Process 1 has 79.09 GiB memory in use.",
                                 "fgm distill")
                  .value_or(""),
              HasSubstr("fgm distill asked for 20.00 MiB of a GPU's memory at once and got none: 18.56 MiB of it"));
}

TEST(OutOfMemory, OtherErrorsKeepTheirWords) {
  EXPECT_FALSE(out_of_memory_text("optimizer.lr = 'fast' is not a number", "fgm train"));
}

}  // namespace
}  // namespace fgm
