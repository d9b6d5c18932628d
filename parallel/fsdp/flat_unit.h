#pragma once

#include <ATen/ATen.h>

#include <string>
#include <vector>

#include "core/nn/block.h"
#include "parallel/mesh/shard_layout.h"

namespace fgm {

// The parameters of one block as views of one storage whose address can be changed. What a graph saved of them are
// views of the same storage: the graph stays valid when the unit is gathered again, to another place, with no version
// counter moved.
class FlatUnit {
 public:
  struct Parameter {
    std::string name;
    at::Tensor view;  // the block's own tensor, a leaf
  };

  // How the parameters of `block` lie in a unit. Error when the block has none, or has them in several dtypes or in one
  // that a unit cannot have.
  static UnitLayout layout_of(Block& block, int num_shards);

  // Replaces the block's tensors, which may be on the meta device, by views on `device`; they point nowhere yet.
  // `block` must outlive the unit; its parameters have one dtype: float32, float64 or, for a frozen network, bfloat16
  // or float16.
  FlatUnit(Block& block, int num_shards, at::Device device);

  Block& block() const { return block_; }
  const UnitLayout& layout() const { return layout_; }
  const std::vector<Parameter>& parameters() const { return parameters_; }
  at::ScalarType dtype() const { return dtype_; }

  // The parameters show `flat`, [layout().numel()] of dtype(), and keep its memory alive.
  void bind(const at::Tensor& flat);
  // Whoever reads a parameter from here on fails, by an error or at address 0, and never sees another unit's numbers.
  void unbind();

  // The part of `flat`, [layout().numel()], that belongs to parameter `i`, in that one's shape.
  at::Tensor view_of(const at::Tensor& flat, size_t i) const;

 private:
  FlatUnit(Block& block, const TensorList& originals, int num_shards, at::Device device);

  Block& block_;
  at::ScalarType dtype_;
  UnitLayout layout_;
  c10::Storage storage_;
  std::vector<Parameter> parameters_;
};

}  // namespace fgm
