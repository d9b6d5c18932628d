#include "parallel/fsdp/unit_pool.h"

#include "core/base/error.h"

namespace fgm {
namespace {

constexpr uint8_t kNanByte = 0xff;  // a float of any width whose bytes are all ones is NaN

}  // namespace

UnitPool::Slot::~Slot() {
  if (pool_ == nullptr) return;
  if (pool_->poisons_) bytes_.fill_(kNanByte);
  pool_->free_.push_back(std::move(bytes_));
  --pool_->num_acquired_;
}

at::Tensor UnitPool::Slot::as(int64_t numel, at::ScalarType dtype) const {
  const int64_t bytes = numel * static_cast<int64_t>(c10::elementSize(dtype));
  check(bytes <= bytes_.numel(), "a unit of {} bytes does not fit a slot of {}; reserve() it first", bytes,
        bytes_.numel());
  return bytes_.narrow(0, 0, bytes).view(dtype);
}

void UnitPool::reserve(int64_t bytes) {
  check(num_acquired_ == 0, "the pool of units cannot grow while {} slots are in use", num_acquired_);
  if (bytes <= slot_bytes_) return;
  slot_bytes_ = bytes;
  free_.clear();
}

UnitPool::Slot UnitPool::acquire() {
  check(num_acquired_ < kNumSlots, "all {} slots of the pool are in use: a unit is gathered while another one is",
        kNumSlots);
  if (free_.empty()) free_.push_back(at::empty({slot_bytes_}, at::TensorOptions().dtype(at::kByte).device(device_)));
  Slot slot(*this, std::move(free_.back()));
  free_.pop_back();
  ++num_acquired_;
  return slot;
}

}  // namespace fgm
