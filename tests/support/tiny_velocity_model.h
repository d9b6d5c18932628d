#pragma once

#include <ATen/ATen.h>

#include "core/base/rng.h"
#include "core/nn/velocity_model.h"

namespace fgm::support {

// The smallest network with everything a method may touch: two linear layers over (x, t, pooled), one block each,
// smooth (tanh), any dtype. The context enters through its mean, so that every input has a gradient.
class TinyVelocityModel : public VelocityModel {
 public:
  static constexpr int64_t kHidden = 7;

  TinyVelocityModel(std::vector<int64_t> sample_shape, int64_t pooled_width, at::ScalarType dtype, uint64_t seed)
      : elements_(c10::multiply_integers(sample_shape)),
        first_("first", kHidden, elements_ + 1 + pooled_width, dtype, seed),
        second_("second", elements_, kHidden, dtype, seed),
        blocks_{&first_, &second_} {}

  at::Tensor velocity(const at::Tensor& x_t, const at::Tensor& t_B, const Conditioning& condition) override {
    const auto x = x_t.flatten(1);
    const auto text = condition.pooled_BP + condition.context_BLJ.mean({1, 2}).unsqueeze(1);
    const auto input = at::cat({x, t_B.to(x.dtype()).unsqueeze(1), text.to(x.dtype())}, 1);
    return run(second_, at::tanh(run(first_, input))).view_as(x_t);
  }
  const std::vector<Block*>& blocks() override { return blocks_; }
  void visit_buffers(const TensorVisitor&) override {}
  void initialise(uint64_t) override {}
  void set_runner(BlockRunner* runner) override { runner_ = runner; }

 private:
  class LinearBlock : public Block {
   public:
    LinearBlock(std::string name, int64_t out, int64_t in, at::ScalarType dtype, uint64_t seed)
        : name_(std::move(name)) {
      const RandomStream stream(seed, name_);
      weight_ = stream.normal(0, 0, out, {in}).to(dtype) * 0.4;
      bias_ = stream.normal(1, 0, out, {}).to(dtype) * 0.1;
    }
    TensorList forward(const TensorList& inputs) override { return {at::linear(inputs[0], weight_, bias_)}; }
    void visit(const TensorVisitor& visitor) override {
      visitor(name_ + ".weight", weight_);
      visitor(name_ + ".bias", bias_);
    }
    const std::string& name() const override { return name_; }

   private:
    std::string name_;
    at::Tensor weight_, bias_;
  };

  at::Tensor run(Block& block, const at::Tensor& input) {
    return (runner_ == nullptr ? block.forward({input}) : runner_->run(block, {input}))[0];
  }

  int64_t elements_;
  LinearBlock first_, second_;
  std::vector<Block*> blocks_;
  BlockRunner* runner_ = nullptr;
};

}  // namespace fgm::support
