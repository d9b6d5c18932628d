#include "data/pipeline/damaged_records.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "core/base/error.h"

namespace fgm {

std::string too_many_damaged(const std::string& damage, int64_t count, int64_t most) {
  return fmt::format("{} (damaged records so far: {}; data.max_bad = {} says how many a run may do without)", damage,
                     count, most);
}

void DamagedRecords::add(const std::string& damage) {
  const std::lock_guard lock(mutex_);
  if (known_.contains(damage)) return;
  const auto count = std::ssize(known_) + 1;
  if (count > most_) throw DamageError(too_many_damaged(damage, count, most_));
  known_.insert(damage);
  spdlog::warn("{}; the next record takes its place ({} of at most {})", damage, count, most_);
  new_.push_back(damage);
}

std::vector<std::string> DamagedRecords::take_new() {
  const std::lock_guard lock(mutex_);
  return std::exchange(new_, {});
}

void DamagedRecords::learn(const std::string& damage) {
  const std::lock_guard lock(mutex_);
  known_.insert(damage);
}

}  // namespace fgm
