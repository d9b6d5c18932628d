// What cgroups allow, read from files laid out as the kernel does.
#include <gtest/gtest.h>
#include <fmt/format.h>
#include <unistd.h>

#include <fstream>

#include "launch/runtime/cgroup.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
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

}  // namespace
}  // namespace fgm
