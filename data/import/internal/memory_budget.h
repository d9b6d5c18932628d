#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace fgm {

// So many bytes for all threads together.
class MemoryBudget {
 public:
  explicit MemoryBudget(int64_t bytes) : bytes_(bytes), free_(bytes) {}

  // Holds `bytes` while it lives; its making waits until they are free. Who wants more than there is gets all.
  class Share {
   public:
    Share(MemoryBudget& budget, int64_t bytes) : budget_(budget), bytes_(std::min(bytes, budget.bytes_)) {
      std::unique_lock lock(budget_.mutex_);
      budget_.is_freed_.wait(lock, [this] { return budget_.free_ >= bytes_; });
      budget_.free_ -= bytes_;
    }
    ~Share() {
      {
        const std::lock_guard lock(budget_.mutex_);
        budget_.free_ += bytes_;
      }
      budget_.is_freed_.notify_all();
    }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

   private:
    MemoryBudget& budget_;
    int64_t bytes_;
  };

 private:
  const int64_t bytes_;
  std::mutex mutex_;
  std::condition_variable is_freed_;
  int64_t free_;
};

}  // namespace fgm
