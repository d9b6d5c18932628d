#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <utility>
#include <vector>

namespace fgm {

// The buffers that units are gathered into and their gradients packed in, each as large as the largest unit. The
// networks of a run may share one pool. Collectives block, so that no two units are gathered at once: one slot is all
// there is, and to ask for a second one is a mistake that is named. Memory is allocated at the first use and then kept.
class UnitPool {
 public:
  static constexpr int kNumSlots = 1;
#ifdef NDEBUG
  static constexpr bool kPoisons = false;
#else
  static constexpr bool kPoisons = true;
#endif

  // A slot in use. It goes back to the pool, which must outlive it, when this object dies.
  class Slot {
   public:
    Slot(UnitPool& pool, at::Tensor bytes) : pool_(&pool), bytes_(std::move(bytes)) {}
    ~Slot();
    Slot(Slot&& other) noexcept : pool_(std::exchange(other.pool_, nullptr)), bytes_(std::move(other.bytes_)) {}
    Slot& operator=(Slot&&) = delete;

    // The first `numel` elements as a flat tensor of `dtype`.
    at::Tensor as(int64_t numel, at::ScalarType dtype) const;

   private:
    UnitPool* pool_;
    at::Tensor bytes_;
  };

  // With `poisons` a slot that comes back is filled with NaN, so that whoever still reads it is seen.
  explicit UnitPool(at::Device device, bool poisons = kPoisons) : device_(device), poisons_(poisons) {}

  // Slots hold at least `bytes` from here on. No slot may be in use.
  void reserve(int64_t bytes);
  // Error when all slots are in use.
  Slot acquire();

 private:
  at::Device device_;
  bool poisons_;
  int64_t slot_bytes_ = 0;
  int num_acquired_ = 0;
  std::vector<at::Tensor> free_;
};

}  // namespace fgm
