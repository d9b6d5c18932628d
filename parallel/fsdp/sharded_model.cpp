#include "parallel/fsdp/sharded_model.h"

#include <algorithm>

#include "core/base/error.h"
#include "parallel/fsdp/sharded_block.h"

namespace fgm {
namespace {

// The tensors of the network's blocks, to be read after the units have replaced them.
std::vector<TensorList> parameters_of_blocks(Network& network) {
  std::vector<TensorList> blocks;
  for (Block* block : network.blocks()) {
    TensorList& tensors = blocks.emplace_back();
    block->visit([&](const std::string&, at::Tensor& tensor) { tensors.push_back(tensor.detach()); });
  }
  return blocks;
}

}  // namespace

ShardedModel::ShardedModel(Network& network, Communicator& shard_axis, const FsdpOptions& options)
    : network_(network),
      shard_axis_(shard_axis),
      recompute_(options.recompute),
      pool_(options.pool ? options.pool : std::make_shared<UnitPool>(shard_axis.device())) {
  const auto originals = parameters_of_blocks(network);
  check(!originals.empty(), "a network without blocks cannot be sharded");
  int64_t num_elements = 0;
  units_.reserve(originals.size());
  for (Block* block : network.blocks()) {
    unit_of_block_.emplace(block, units_.size());
    units_.emplace_back(*block, shard_axis, *pool_, options.phases);
    begins_.push_back(num_elements);
    num_elements += units_.back().flat().layout().shard_numel();
  }
  values_ =
      at::zeros({num_elements}, at::TensorOptions().dtype(units_.front().flat().dtype()).device(shard_axis.device()));
  for (size_t u = 0; u < units_.size(); ++u) copy_shards(u, originals[u]);
  show(values_);
  network.set_runner(this);
}

ShardedBytes ShardedModel::bytes_of(Network& network, int num_shards) {
  ShardedBytes bytes;
  for (Block* block : network.blocks()) {
    const UnitLayout layout = FlatUnit::layout_of(*block, num_shards);
    bytes.values += layout.shard_bytes();
    if (num_shards > 1) bytes.slot = std::max(bytes.slot, layout.bytes());
  }
  return bytes;
}

void ShardedModel::copy_shards(size_t u, const TensorList& originals) {
  for (const auto& slice : units_[u].flat().layout().slices(shard_axis_.rank())) {
    const at::Tensor& original = originals[slice.parameter];
    if (original.is_meta()) continue;
    values_.narrow(0, begins_[u] + slice.shard_offset, slice.count)
        .copy_(original.reshape({-1}).narrow(0, slice.begin, slice.count));
  }
}

ShardedModel::~ShardedModel() {
  network_.set_runner(nullptr);
}

TensorList ShardedModel::run(Block& block, const TensorList& inputs) {
  ShardedUnit& unit = units_[unit_of_block_.at(&block)];
  if (unit.is_resident() && !recompute_) return block.forward(inputs);
  return run_sharded(unit, inputs, {.recompute = recompute_});
}

std::vector<StateSlice> ShardedModel::slices_of(const at::Tensor& flat, const std::string& part,
                                                const std::string& suffix) const {
  std::vector<StateSlice> slices;
  for (size_t u = 0; u < units_.size(); ++u) {
    const FlatUnit& unit = units_[u].flat();
    for (const auto& slice : unit.layout().slices(shard_axis_.rank())) {
      const auto& parameter = unit.parameters()[slice.parameter];
      slices.push_back({part, parameter.name + suffix, parameter.view.sizes().vec(), slice.begin,
                        flat.narrow(0, begins_[u] + slice.shard_offset, slice.count)});
    }
  }
  return slices;
}

void ShardedModel::show(const at::Tensor& flat) {
  for (size_t u = 0; u < units_.size(); ++u)
    units_[u].set_values(flat.narrow(0, begins_[u], units_[u].flat().layout().shard_numel()));
}

void ShardedModel::set_gradients(const at::Tensor& flat) {
  for (size_t u = 0; u < units_.size(); ++u)
    units_[u].set_gradient(flat.narrow(0, begins_[u], units_[u].flat().layout().shard_numel()));
}

void ShardedModel::set_trainable(bool is_trainable) {
  for (ShardedUnit& unit : units_) unit.set_trainable(is_trainable);
}

}  // namespace fgm
