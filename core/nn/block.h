#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <string>
#include <vector>

namespace fgm {

using TensorList = std::vector<at::Tensor>;

// Called with the full name and a reference to the module's own tensor, in a fixed order.
using TensorVisitor = std::function<void(const std::string& name, at::Tensor& tensor)>;

// A group of layers that is sharded, gathered and recomputed as one: a transformer block, or a few small
// layers. forward() is a pure function of its inputs and of the parameters that visit() shows; it keeps no state.
class Block {
 public:
  virtual ~Block() = default;
  virtual TensorList forward(const TensorList& inputs) = 0;
  // Parameters only; buffers belong to the model. Replacing the tensor through the reference is allowed.
  virtual void visit(const TensorVisitor& visitor) = 0;
  virtual const std::string& name() const = 0;
};

// Runs a block on behalf of a model. The model never calls Block::forward itself, so a sharding layer can put
// its gather, recomputation and reduction around every block without the model knowing.
class BlockRunner {
 public:
  virtual ~BlockRunner() = default;
  virtual TensorList run(Block& block, const TensorList& inputs) = 0;
};

}  // namespace fgm
