#pragma once

#include <c10/util/intrusive_ptr.h>

#include "core/base/rng.h"
#include "core/nn/block.h"

namespace fgm::support {

// sin(x W^T + b) of one input, float64; keeps weak references to the products, which the graph needs for the cosine.
class LinearBlock : public Block {
 public:
  LinearBlock(int64_t out, int64_t in)
      : weight(RandomStream(1, "weight").normal(0, 0, out, {in}).to(at::kDouble)), bias(at::ones({out}, at::kDouble)) {}

  TensorList forward(const TensorList& inputs) override {
    const auto product = at::linear(inputs[0], weight, bias);
    products.emplace_back(product.getIntrusivePtr());
    return {at::sin(product)};
  }
  void visit(const TensorVisitor& visitor) override {
    visitor("weight", weight);
    visitor("bias", bias);
  }
  const std::string& name() const override { return name_; }

  at::Tensor weight, bias;
  std::vector<c10::weak_intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>> products;

 private:
  std::string name_ = "linear";
};

}  // namespace fgm::support
