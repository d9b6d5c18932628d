#include "launch/runtime/cgroup.h"

#include <algorithm>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "core/base/text.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

// A file system of control groups: where it is mounted, and which group its top is.
struct Mount {
  fs::path place;
  std::string top;
  std::vector<std::string> controllers;  // empty: version 2, which has all of them
};

std::vector<std::string> lines_of(const fs::path& file) {
  std::ifstream in(file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// "36 35 0:31 TOP PLACE rw,relatime master:1 - cgroup cgroup rw,cpu,cpuacct"
std::vector<Mount> cgroup_mounts(const fs::path& root) {
  std::vector<Mount> mounts;
  for (const auto& line : lines_of(root / "proc/self/mountinfo")) {
    const size_t dash = line.find(" - ");
    if (dash == std::string::npos) continue;
    std::istringstream before(line.substr(0, dash)), after(line.substr(dash + 3));
    std::string number, parent, device, top, place, type, source, options;
    before >> number >> parent >> device >> top >> place;
    after >> type >> source >> options;
    const fs::path there = root / fs::path(place).relative_path();
    if (type == "cgroup2") mounts.push_back({there, top, {}});
    if (type == "cgroup") mounts.push_back({there, top, split(options, ',')});
  }
  return mounts;
}

// The group of this process that a line of /proc/self/cgroup tells ("4:cpu,cpuacct:/a/b", "0::/a/b"), where it says it
// for `mount` and `controller`.
std::optional<std::string> group_in(const std::string& line, const Mount& mount, const std::string& controller) {
  const size_t first = line.find(':');
  const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
  if (second == std::string::npos) return std::nullopt;
  const auto controllers = split(line.substr(first + 1, second - first - 1), ',');
  const bool is_of_mount = mount.controllers.empty() ? second == first + 1
                                                     : std::ranges::count(controllers, controller) > 0 &&
                                                           std::ranges::count(mount.controllers, controller) > 0;
  return is_of_mount ? std::optional(line.substr(second + 1)) : std::nullopt;
}

// Calls `read` with the folder of this process's group of `controller` and with each above it, as far as it is mounted.
void visit_groups(const fs::path& root, const std::string& controller,
                  const std::function<void(const fs::path&)>& read) {
  const auto lines = lines_of(root / "proc/self/cgroup");
  for (const auto& mount : cgroup_mounts(root)) {
    for (const auto& line : lines) {
      const auto group = group_in(line, mount, controller);
      if (!group) continue;
      const fs::path below = fs::path(*group).lexically_relative(mount.top);
      // Another group is mounted there: that of a neighbour, or of a namespace that this process is not in.
      if (below.empty() || *below.begin() == "..") continue;
      fs::path folder = mount.place;
      read(folder);
      for (const auto& name : below) read(folder /= name);
    }
  }
}

template <typename Number>
std::optional<Number> number_in(const fs::path& file) {
  std::ifstream in(file);
  Number number{};
  return in >> number ? std::optional(number) : std::nullopt;
}

template <typename Number>
void tighten(std::optional<Number>& limit, std::optional<Number> other) {
  if (other && *other > 0) limit = limit ? std::min(*limit, *other) : *other;
}

// cpu.max is "max 100000" or "150000 100000"; cpu.cfs_quota_us is -1 without a limit.
std::optional<double> cores_of(const fs::path& group) {
  std::ifstream in(group / "cpu.max");
  double quota = 0, period = 0;
  if (in >> quota >> period && period > 0) return quota / period;
  const auto quota_us = number_in<double>(group / "cpu.cfs_quota_us");
  const auto period_us = number_in<double>(group / "cpu.cfs_period_us");
  return quota_us && period_us && *period_us > 0 ? std::optional(*quota_us / *period_us) : std::nullopt;
}

}  // namespace

CgroupLimits read_cgroup_limits(const fs::path& root) {
  CgroupLimits limits;
  visit_groups(root, "cpu", [&](const fs::path& group) { tighten(limits.cores, cores_of(group)); });
  visit_groups(root, "memory", [&](const fs::path& group) {
    tighten(limits.memory_bytes, number_in<int64_t>(group / "memory.max"));
    tighten(limits.memory_bytes, number_in<int64_t>(group / "memory.limit_in_bytes"));
  });
  return limits;
}

}  // namespace fgm
