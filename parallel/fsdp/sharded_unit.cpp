#include "parallel/fsdp/sharded_unit.h"

#include "core/base/error.h"

namespace fgm {

ShardedUnit::Gathered::~Gathered() {
  if (unit_ != nullptr) unit_->unbind();
}

ShardedUnit::ShardedUnit(Block& block, Communicator& shard_axis, UnitPool& pool, PhaseListener* phases)
    : shard_axis_(shard_axis), pool_(pool), phases_(phases), flat_(block, shard_axis.size(), shard_axis.device()) {
  if (!is_resident()) pool.reserve(flat_.layout().bytes());
}

void ShardedUnit::set_values(const at::Tensor& shard) {
  values_ = shard;
  if (is_resident()) flat_.bind(shard);
}

void ShardedUnit::set_trainable(bool is_trainable) {
  check(!is_trainable || gradient_.defined(), "block {} cannot be trained: it has no buffer for its gradient",
        flat_.block().name());
  is_trainable_ = is_trainable;
  for (size_t i = 0; i < flat_.parameters().size(); ++i) {
    at::Tensor parameter = flat_.parameters()[i].view;
    parameter.set_requires_grad(is_trainable);
    // A gradient that is there already is added to in place: a resident unit's backward writes into the flat buffer.
    if (is_trainable && is_resident()) parameter.mutable_grad() = flat_.view_of(gradient_, i);
  }
}

ShardedUnit::Gathered ShardedUnit::gather() {
  if (is_resident()) return {};
  const PhaseScope scope(phases_, "gather");
  UnitPool::Slot slot = pool_.acquire();
  const auto flat = slot.as(flat_.layout().numel(), flat_.dtype());
  shard_axis_.all_gather_into(flat, values_).wait();
  flat_.bind(flat);
  return {flat_, std::move(slot)};
}

void ShardedUnit::add_gradients(const TensorList& gradients) {
  if (is_resident()) {
    for (size_t i = 0; i < gradients.size(); ++i) {
      if (gradients[i].defined()) flat_.view_of(gradient_, i).add_(gradients[i]);
    }
    return;
  }
  const PhaseScope scope(phases_, "reduce");
  const UnitPool::Slot slot = pool_.acquire();
  const auto flat = slot.as(flat_.layout().numel(), flat_.dtype());
  flat.zero_();  // the padding, and parameters without a gradient
  for (size_t i = 0; i < gradients.size(); ++i) {
    if (gradients[i].defined()) flat_.view_of(flat, i).copy_(gradients[i]);
  }
  const int64_t shard_numel = flat_.layout().shard_numel();
  const auto mine = flat.narrow(0, shard_axis_.rank() * shard_numel, shard_numel);
  shard_axis_.reduce_scatter_into(mine, flat, Reduce::kSum).wait();
  gradient_.add_(mine);
}

}  // namespace fgm
