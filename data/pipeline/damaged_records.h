#pragma once

#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace fgm {

// The damaged records that a run has met, each told apart by what was said of it. Any number of threads may use it.
class DamagedRecords {
 public:
  // More than `most` records are an error.
  explicit DamagedRecords(int64_t most) : most_(most) {}

  int64_t most() const { return most_; }
  // Notes what a DamageError says. A warning in the log when it is new; DamageError when it is one too many.
  void add(const std::string& damage);
  // What was new to add() since the last call.
  std::vector<std::string> take_new();
  // Notes what another rank has met, which has warned of it.
  void learn(const std::string& damage);

 private:
  const int64_t most_;
  std::mutex mutex_;  // guards what is below
  std::set<std::string> known_;
  std::vector<std::string> new_;
};

// What ends a run after `damage` and `count` damaged records in all.
std::string too_many_damaged(const std::string& damage, int64_t count, int64_t most);

}  // namespace fgm
