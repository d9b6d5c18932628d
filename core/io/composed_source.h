#pragma once

#include <memory>

#include "core/io/tensor_source.h"

namespace fgm {

// `size` consecutive elements of the row-major flattening of the tensor called `tensor`, from `begin`.
struct Piece {
  std::string tensor;
  int64_t begin = 0;
  int64_t size = 0;
};

// A tensor whose row-major flattening is `pieces` of other tensors, one after the other.
struct ComposedTensor {
  std::string name;
  std::vector<int64_t> shape;
  std::vector<Piece> pieces;
};

ShapeByName shapes_of(const std::vector<ComposedTensor>& tensors);

// The way back: each tensor of `base` as pieces of `composed`. Together the pieces of `composed` cover every element of
// `base` exactly once.
std::vector<ComposedTensor> inverse(const std::vector<ComposedTensor>& composed, const ShapeByName& base);

// `tensors`, read out of `base` as they are asked for: renames, splits, joins and reorders a file's tensors without
// holding one. A tensor has the dtype of its pieces; where floating-point dtypes of 16 bits and more are mixed, the one
// that holds them all. ConfigError naming the tensors that `base` lacks, that are too small for their piece, or whose
// pieces differ in dtype otherwise.
std::shared_ptr<const TensorSource> compose(std::shared_ptr<const TensorSource> base,
                                            std::vector<ComposedTensor> tensors);

// `tensors` of `base` alone, as they are. ConfigError as compose().
std::shared_ptr<const TensorSource> select(std::shared_ptr<const TensorSource> base,
                                           const std::vector<TensorInfo>& tensors);

}  // namespace fgm
