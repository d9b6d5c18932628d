#include "data/pipeline/prefetcher.h"

#include <utility>

#include "core/base/error.h"

namespace fgm {

Prefetcher::Prefetcher(MakeBatch make, int64_t depth) : make_(std::move(make)), depth_(static_cast<size_t>(depth)) {
  check(depth >= 0, "cannot prefetch {} batches", depth);
}

Prefetcher::~Prefetcher() {
  stop();
}

Batch Prefetcher::next() {
  if (depth_ == 0) {
    auto batch = make_(next_index_);
    ++next_index_;
    return batch;
  }
  if (!worker_.joinable()) start();
  auto made = take();
  if (auto* error = std::get_if<std::exception_ptr>(&made)) {
    stop();
    std::rethrow_exception(*error);
  }
  ++next_index_;
  return std::get<Batch>(std::move(made));
}

void Prefetcher::seek(int64_t batch_index) {
  check(batch_index >= 0, "cannot seek to batch {}", batch_index);
  stop();
  next_index_ = batch_index;
}

void Prefetcher::start() {
  worker_ = std::jthread([this, index = next_index_](const std::stop_token& stop) { fill(stop, index); });
}

void Prefetcher::stop() {
  worker_ = {};  // requests the stop and joins
  ready_.clear();
}

void Prefetcher::fill(const std::stop_token& stop, int64_t batch_index) {
  for (bool has_failed = false; !has_failed; ++batch_index) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait(lock, stop, [&] { return ready_.size() < depth_; })) return;
    lock.unlock();
    Made made;
    try {
      made = make_(batch_index);
    } catch (...) {
      made = std::current_exception();
      has_failed = true;
    }
    lock.lock();
    ready_.push_back(std::move(made));
    changed_.notify_all();
  }
}

Prefetcher::Made Prefetcher::take() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !ready_.empty(); });
  auto made = std::move(ready_.front());
  ready_.pop_front();
  changed_.notify_all();
  return made;
}

}  // namespace fgm
