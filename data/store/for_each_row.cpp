#include "data/store/for_each_row.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace fgm {
namespace {

class RowQueue {
 public:
  RowQueue(int64_t num_rows, const std::function<void(int64_t)>& read) : end_(num_rows), read_(read) {}

  void work() {
    for (int64_t row = next_++; row < end_; row = next_++) {
      try {
        read_(row);
      } catch (...) {
        end_before(row, std::current_exception());
      }
    }
  }
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  // The rows before it are read to their end, as one of them may fail too.
  void end_before(int64_t row, std::exception_ptr error) {
    const std::lock_guard lock(mutex_);
    if (row >= end_) return;
    end_ = row;
    error_ = std::move(error);
  }

  std::atomic<int64_t> next_ = 0, end_;
  const std::function<void(int64_t)>& read_;
  std::mutex mutex_;  // guards what end_before() writes
  std::exception_ptr error_;
};

}  // namespace

void for_each_row(int64_t num_rows, const std::function<void(int64_t)>& read, int64_t num_threads) {
  RowQueue queue(num_rows, read);
  {
    std::vector<std::jthread> others;
    for (int64_t i = 1; i < std::min(num_rows, num_threads); ++i) others.emplace_back([&] { queue.work(); });
    queue.work();
  }
  queue.rethrow();
}

}  // namespace fgm
