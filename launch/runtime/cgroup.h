#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace fgm {

// What the control groups of this process grant it, together with all others in them; empty: no limit.
struct CgroupLimits {
  std::optional<double> cores;          // CPU time in each unit of time
  std::optional<int64_t> memory_bytes;  // without swap
};

// The tightest limits of this process's group and of those above it that can be seen from here, versions 1 and 2. What
// cannot be read or understood is no limit. `root` stands for "/".
// Source: the kernel's Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst; proc(5), /proc/self/{cgroup,mountinfo}.
CgroupLimits read_cgroup_limits(const std::filesystem::path& root = "/");

}  // namespace fgm
