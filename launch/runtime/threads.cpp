#include "launch/runtime/threads.h"

#include <ATen/Parallel.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <latch>
#include <limits>
#include <thread>
#include <vector>

#include "core/base/error.h"
#include "launch/runtime/cgroup.h"

namespace fgm {
namespace {

constexpr double kNoQuota = std::numeric_limits<double>::infinity();

// What a rank tells the others, byte for byte.
struct AllowedCores {
  std::array<char, 256> host{};
  cpu_set_t cores;
  double quota = kNoQuota;
};

int64_t count(const cpu_set_t& cores) {
  const int64_t number = CPU_COUNT(&cores);
  // The kernel's set has more CPUs than cpu_set_t on the largest hosts; then the plain count is the best there is.
  return number > 0 ? number : std::max<int64_t>(1, std::thread::hardware_concurrency());
}

AllowedCores allowed_cores() {
  AllowedCores mine;
  CPU_ZERO(&mine.cores);
  gethostname(mine.host.data(), mine.host.size() - 1);
  sched_getaffinity(0, sizeof(mine.cores), &mine.cores);
  mine.quota = read_cgroup_limits().cores.value_or(kNoQuota);
  return mine;
}

HostCores host_of(const AllowedCores& together, int64_t num_ranks) {
  return {.cores = count(together.cores),
          .quota = together.quota < kNoQuota ? std::optional(together.quota) : std::nullopt,
          .num_ranks = num_ranks};
}

// LibTorch starts a pool of its own beside OpenMP's, and waits forever for a thread of it that cannot be started;
// OpenMP ends the process.
void check_startable(int64_t num_threads) {
  std::vector<std::jthread> threads;
  std::latch all_tried(1);
  std::string failure;
  try {
    while (std::ssize(threads) < num_threads) threads.emplace_back([&] { all_tried.wait(); });
  } catch (const std::exception& error) {
    failure = error.what();
  }
  const auto num_started = threads.size();
  all_tried.count_down();
  threads.clear();
  require<ConfigError>(failure.empty(),
                       "only {} of {} threads could be started ({}): a limit of processes (ulimit -u, a cgroup's "
                       "pids.max) is in the way; raise it, or give a smaller run.threads",
                       num_started, num_threads, failure);
}

}  // namespace

ThreadDecision choose_threads(int64_t requested, int64_t omp_num_threads, const HostCores& host) {
  if (requested > 0) return {requested, "run.threads"};
  if (omp_num_threads > 0) return {omp_num_threads, "OMP_NUM_THREADS"};
  const auto by_cores = std::max<int64_t>(1, host.cores / host.num_ranks);
  const auto by_quota = host.quota.value_or(kNoQuota) / static_cast<double>(host.num_ranks);
  if (by_quota >= static_cast<double>(by_cores)) {
    return {by_cores, fmt::format("{} core(s) / {} rank(s)", host.cores, host.num_ranks)};
  }
  return {std::max<int64_t>(1, static_cast<int64_t>(by_quota)),
          fmt::format("a cgroup's quota of {:.3g} core(s) / {} rank(s)", *host.quota, host.num_ranks)};
}

HostCores own_cores() {
  return host_of(allowed_cores(), 1);
}

HostCores host_cores(Communicator& ranks, int64_t num_ranks) {
  AllowedCores together = allowed_cores();
  const auto size = static_cast<int64_t>(sizeof(AllowedCores));
  const auto all = at::empty({ranks.size(), size}, at::kByte);
  ranks.all_gather_into(all, at::from_blob(&together, {size}, at::kByte)).wait();
  for (int64_t rank = 0; rank < ranks.size(); ++rank) {
    AllowedCores other;
    std::memcpy(&other, all[rank].data_ptr(), sizeof(other));
    if (other.host != together.host) continue;
    CPU_OR(&together.cores, &together.cores, &other.cores);
    together.quota = std::min(together.quota, other.quota);
  }
  return host_of(together, num_ranks);
}

void use_threads(int64_t num_threads) {
  check_startable(2 * (num_threads - 1));
  at::set_num_threads(static_cast<int>(num_threads));
}

}  // namespace fgm
