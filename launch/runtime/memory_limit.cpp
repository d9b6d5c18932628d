#include "launch/runtime/memory_limit.h"

#include <algorithm>
#include <fstream>
#include <limits>

#include "core/base/error.h"
#include "core/base/text.h"
#include "launch/runtime/cgroup.h"

namespace fgm {

namespace fs = std::filesystem;

double meminfo(const std::string& name, const fs::path& root) {
  std::ifstream in(root / "proc/meminfo");
  std::string word;
  for (double kib = 0; in >> word; in.ignore(std::numeric_limits<std::streamsize>::max(), '\n')) {
    if (word == name + ":" && in >> kib) return 1024.0 * kib;
  }
  return -1;
}

MemoryLimit memory_limit(const fs::path& root) {
  const double total = meminfo("MemTotal", root), swap = std::max(0.0, meminfo("SwapTotal", root));
  MemoryLimit limit{std::numeric_limits<double>::infinity(), ""};
  if (total > 0) limit = {total + swap, "this machine's memory and swap"};
  const auto granted = read_cgroup_limits(root).memory_bytes;
  // A group may have a limit of its own for swap; all of the swap is never too little.
  if (granted && static_cast<double>(*granted) + swap < limit.bytes) {
    limit = {static_cast<double>(*granted) + swap, "the memory that a cgroup grants and swap"};
  }
  return limit;
}

void require_memory(const std::vector<MemoryNeed>& needs, const MemoryLimit& limit) {
  double total = 0;
  for (const auto& need : needs) total += need.bytes;
  if (total <= limit.bytes) return;
  const auto& largest = *std::ranges::max_element(needs, {}, &MemoryNeed::bytes);
  throw ConfigError(
      fmt::format("{} = {} needs at least {} of memory on this host, which has {} ({}); give less, or more memory",
                  largest.key, largest.value, human_bytes(largest.bytes), human_bytes(limit.bytes), limit.of));
}

}  // namespace fgm
