#pragma once

#include <optional>

#include "core/train/phase_scope.h"
#include "parallel/comm/communicator.h"
#include "parallel/fsdp/flat_unit.h"
#include "parallel/fsdp/unit_pool.h"

namespace fgm {

// A unit and this rank's shard of its values and gradient. On an axis of one rank the unit is resident: the shard is
// the whole unit, the parameters show it for ever, nothing is gathered and nothing is reduced.
class ShardedUnit {
 public:
  // While it lives the unit's parameters can be used.
  class Gathered {
   public:
    Gathered() = default;  // a resident unit
    Gathered(FlatUnit& unit, UnitPool::Slot slot) : unit_(&unit), slot_(std::move(slot)) {}
    ~Gathered();
    Gathered(const Gathered&) = delete;
    Gathered& operator=(const Gathered&) = delete;

   private:
    FlatUnit* unit_ = nullptr;
    std::optional<UnitPool::Slot> slot_;
  };

  // Takes over the parameters of `block` (see FlatUnit). `phases` hears "gather" and "reduce" and may be null. All must
  // outlive the unit.
  ShardedUnit(Block& block, Communicator& shard_axis, UnitPool& pool, PhaseListener* phases = nullptr);

  FlatUnit& flat() { return flat_; }
  const FlatUnit& flat() const { return flat_; }
  bool is_resident() const { return shard_axis_.size() == 1; }

  // Flat buffers [layout().shard_numel()]: the values to gather from, and where gradients are added up.
  void set_values(const at::Tensor& shard);
  void set_gradient(const at::Tensor& shard) { gradient_ = shard; }

  bool is_trainable() const { return is_trainable_; }
  void set_trainable(bool is_trainable);

  // Collective over the shard axis; the current stream sees the parameters.
  [[nodiscard]] Gathered gather();
  // Collective over the shard axis: adds the ranks' sum of `gradients`, one for each parameter, to the gradient's
  // shard. An undefined one counts as zero. The unit need not be gathered.
  void add_gradients(const TensorList& gradients);

 private:
  Communicator& shard_axis_;
  UnitPool& pool_;
  PhaseListener* phases_;
  FlatUnit flat_;
  at::Tensor values_, gradient_;
  bool is_trainable_ = false;
};

}  // namespace fgm
