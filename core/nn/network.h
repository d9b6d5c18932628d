#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "core/nn/block.h"

namespace fgm {

// Parameters in blocks: what can be loaded by name and held in shards, whatever it computes. A network keeps pointers
// to its own blocks, so it is neither copied nor moved.
class Network {
 public:
  Network() = default;
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;
  virtual ~Network() = default;

  // Every parameter belongs to exactly one block; the order is that of the forward pass.
  virtual const std::vector<Block*>& blocks() = 0;

  // Constant tensors (position tables): saved and exported verbatim, never trained, averaged or sharded.
  virtual void visit_buffers(const TensorVisitor& visitor) = 0;

  // `runner` must outlive the network; nullptr (the state after construction) runs the blocks directly.
  virtual void set_runner(BlockRunner* runner) = 0;
};

// All parameters, block by block.
inline void visit_parameters(Network& network, const TensorVisitor& visitor) {
  for (Block* block : network.blocks()) block->visit(visitor);
}

// A network without buffers whose blocks run one after the other, each once.
class BlockSequence : public Network {
 public:
  const std::vector<Block*>& blocks() override { return blocks_; }
  void visit_buffers(const TensorVisitor&) override {}
  void set_runner(BlockRunner* runner) override { runner_ = runner; }

 protected:
  template <typename T, typename... Arguments>
  void add(Arguments&&... arguments) {
    owned_.push_back(std::make_unique<T>(std::forward<Arguments>(arguments)...));
    blocks_.push_back(owned_.back().get());
  }
  TensorList run(Block& block, const TensorList& inputs) {
    return runner_ != nullptr ? runner_->run(block, inputs) : block.forward(inputs);
  }

 private:
  std::vector<std::unique_ptr<Block>> owned_;
  std::vector<Block*> blocks_;
  BlockRunner* runner_ = nullptr;
};

}  // namespace fgm
