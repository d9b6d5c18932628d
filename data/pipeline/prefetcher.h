#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <variant>

#include "core/train/batch_source.h"

namespace fgm {

// Makes the batches of a BatchSource ahead of time on a thread of its own. Used by one thread.
class Prefetcher {
 public:
  using MakeBatch = std::function<Batch(int64_t batch_index)>;

  // `make` must give the same batch for the same index and not depend on the calls before. At most `depth`
  // finished batches wait; with depth 0 there is no thread, and next() makes each batch itself.
  Prefetcher(MakeBatch make, int64_t depth);
  ~Prefetcher();  // waits for the batch that is being made

  // The batch at the current index, then moves on by one. What `make` threw is thrown here, at the batch that
  // caused it; the index stays, so the next call tries that batch again.
  Batch next();

  // Makes `batch_index` the next one and drops what was made ahead.
  void seek(int64_t batch_index);

 private:
  using Made = std::variant<Batch, std::exception_ptr>;
  void start();
  void stop();
  void fill(const std::stop_token& stop, int64_t batch_index);
  Made take();

  MakeBatch make_;
  size_t depth_;
  int64_t next_index_ = 0;

  std::mutex mutex_;  // guards ready_
  std::condition_variable_any changed_;
  std::deque<Made> ready_;
  std::jthread worker_;
};

}  // namespace fgm
