#pragma once

#include <memory>
#include <type_traits>
#include <unordered_map>
#include <vector>

#include "core/nn/network.h"
#include "core/train/phase_scope.h"
#include "core/train/train_state.h"
#include "parallel/fsdp/sharded_unit.h"

namespace fgm {

struct FsdpOptions {
  bool recompute = false;                    // run every block's forward again in its backward pass
  std::shared_ptr<UnitPool> pool = nullptr;  // shared by the networks of a run; none: one of its own
  PhaseListener* phases = nullptr;           // hears "gather" and "reduce"; must outlive the network
};

// What a rank holds of a network that is cut into shards, in bytes.
struct ShardedBytes {
  int64_t values = 0;  // its shards of the parameters
  int64_t slot = 0;    // of each slot of the pool, for the largest unit; with one shard nothing is gathered: none
};

// A network whose blocks are flat units, cut into shards over the ranks of one mesh axis, without an optimizer: the
// frozen teacher, and the network inside FsdpEngine. It is the network's BlockRunner, so using that one is collective.
//
// This rank's shards of all units lie one after the other in one flat buffer, so that whatever goes over all parameters
// is a few passes over contiguous memory; padding is zero. On an axis of one rank the network's tensors are views of
// that buffer and blocks run directly, as in an unsharded network; otherwise they can be used inside their block only.
class ShardedModel : public BlockRunner {
 public:
  // Takes over the parameters of `network` and freezes them. Values are kept, but for parameters on the meta device,
  // which start at zero: write weights(). Buffers stay the network's. Parameters have one dtype, float32, float64 or,
  // never to be trained, bfloat16 or float16, and are part of no graph yet. `network` and `shard_axis` must outlive the
  // sharded model.
  ShardedModel(Network& network, Communicator& shard_axis, const FsdpOptions& options = {});
  ~ShardedModel() override;
  // The network knows this object by its address.
  ShardedModel(const ShardedModel&) = delete;
  ShardedModel& operator=(const ShardedModel&) = delete;

  // Of a rank of `num_shards`. Looks at the sizes and dtypes of the network's parameters only.
  static ShardedBytes bytes_of(Network& network, int num_shards);

  TensorList run(Block& block, const TensorList& inputs) override;

  // This rank's slices of the parameters, part "": writing into them loads the network.
  std::vector<StateSlice> weights() const { return slices_of(values_, "", ""); }

  // This rank's shards of the parameters, flat. AdamW and the moving average work on buffers of the same layout.
  const at::Tensor& values() const { return values_; }
  // The slices of another buffer of that layout; names are the parameters' with `suffix`.
  std::vector<StateSlice> slices_of(const at::Tensor& flat, const std::string& part, const std::string& suffix) const;
  // From here on the network computes with `flat`, which is kept alive; show(values()) goes back.
  void show(const at::Tensor& flat);

  // Where backward passes add gradients up, this rank's shards of the sum over the shard axis; needed to be trainable.
  void set_gradients(const at::Tensor& flat);
  void set_trainable(bool is_trainable);

 private:
  void copy_shards(size_t u, const TensorList& originals);

  Network& network_;
  Communicator& shard_axis_;
  bool recompute_;
  std::shared_ptr<UnitPool> pool_;
  std::vector<ShardedUnit> units_;
  std::vector<int64_t> begins_;  // of each unit's shard in the flat buffers
  std::unordered_map<const Block*, size_t> unit_of_block_;
  at::Tensor values_;
};
static_assert(!std::is_copy_constructible_v<ShardedModel>);

}  // namespace fgm
