#include "core/models/t5_encoder.h"

#include <cmath>

#include "core/base/error.h"
#include "core/models/token_ids.h"
#include "core/nn/attention.h"
#include "core/nn/linear_function.h"

namespace fgm {
namespace {

// x / sqrt(mean(x^2) + eps) * weight: in float32 up to the weight, whose dtype the product has.
struct T5Norm {
  T5Norm(const T5Config& config, const at::TensorOptions& options)
      : weight(at::empty({config.width}, options)), eps(config.norm_eps) {}
  at::Tensor operator()(const at::Tensor& x) const {
    const auto variance = x.to(at::kFloat).square().mean(-1, /*keepdim=*/true);
    return weight * (x * at::rsqrt(variance + eps)).to(weight.scalar_type());
  }

  at::Tensor weight;
  double eps;
};

// float16's infinities become large numbers; a residual stream in float32 or bfloat16 is left alone.
at::Tensor clamped(const at::Tensor& x) {
  if (x.scalar_type() != at::kHalf) return x;
  constexpr double kMax = 65504.0;  // of float16
  const auto bound = at::where(x.isinf().any(), kMax - 1000.0, kMax).to(at::kHalf);
  return at::clamp(x, -bound, bound);
}

// {ids [N,T]} to {x [N,T,J], bias [1,H,T,T] of all layers' scores}.
class T5EmbedBlock : public Block {
 public:
  T5EmbedBlock(const T5Config& config, const at::TensorOptions& options)
      : config_(config),
        tokens_(at::empty({config.vocab_size, config.width}, options)),
        bias_(at::empty({config.num_buckets, config.num_heads}, options)) {}

  TensorList forward(const TensorList& inputs) override {
    const auto buckets = t5_position_buckets(config_, inputs[0].size(1), inputs[0].device());
    return {at::embedding(tokens_, inputs[0]), at::embedding(bias_, buckets).permute({2, 0, 1}).unsqueeze(0)};
  }
  void visit(const TensorVisitor& visitor) override {
    visitor("shared.weight", tokens_);
    visitor("encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight", bias_);
  }
  const std::string& name() const override { return name_; }

 private:
  std::string name_ = "embed";
  T5Config config_;
  at::Tensor tokens_, bias_;
};

// {x [N,T,J], bias} to {x}.
class T5LayerBlock : public Block {
 public:
  T5LayerBlock(const T5Config& config, int64_t index, const at::TensorOptions& options)
      : name_(fmt::format("encoder.block.{}", index)),
        num_heads_(config.num_heads),
        attention_norm_(config, options),
        mlp_norm_(config, options) {
    const int64_t inner = config.num_heads * config.head_width;
    for (auto* weight : {&q_, &k_, &v_}) *weight = at::empty({inner, config.width}, options);
    o_ = at::empty({config.width, inner}, options);
    for (auto* weight : {&wi_0_, &wi_1_}) *weight = at::empty({config.mlp_width, config.width}, options);
    wo_ = at::empty({config.width, config.mlp_width}, options);
  }

  TensorList forward(const TensorList& inputs) override {
    const auto x = clamped(inputs[0] + attention(attention_norm_(inputs[0]), inputs[1]));
    return {clamped(x + mlp(mlp_norm_(x)))};
  }
  void visit(const TensorVisitor& visitor) override {
    const auto attention = name_ + ".layer.0.", mlp = name_ + ".layer.1.";
    visitor(attention + "layer_norm.weight", attention_norm_.weight);
    visitor(attention + "SelfAttention.q.weight", q_);
    visitor(attention + "SelfAttention.k.weight", k_);
    visitor(attention + "SelfAttention.v.weight", v_);
    visitor(attention + "SelfAttention.o.weight", o_);
    visitor(mlp + "layer_norm.weight", mlp_norm_.weight);
    visitor(mlp + "DenseReluDense.wi_0.weight", wi_0_);
    visitor(mlp + "DenseReluDense.wi_1.weight", wi_1_);
    visitor(mlp + "DenseReluDense.wo.weight", wo_);
  }
  const std::string& name() const override { return name_; }

 private:
  at::Tensor attention(const at::Tensor& norm, const at::Tensor& bias) const {
    const auto heads = [&](const at::Tensor& weight) { return project(norm, weight).unflatten(2, {num_heads_, -1}); };
    return project(attend(heads(q_), heads(k_), heads(v_), {.bias = bias, .scale = 1.0}), o_);
  }
  at::Tensor mlp(const at::Tensor& norm) const {
    const auto hidden = at::gelu(project(norm, wi_0_), "tanh") * project(norm, wi_1_);
    const auto dtype = wo_.scalar_type() == at::kHalf ? at::kFloat : wo_.scalar_type();
    return project(hidden.to(dtype), wo_.to(dtype));
  }

  std::string name_;
  int64_t num_heads_;
  T5Norm attention_norm_, mlp_norm_;
  at::Tensor q_, k_, v_, o_, wi_0_, wi_1_, wo_;
};

// {x [N,T,J]} to the same.
class T5FinalBlock : public Block {
 public:
  T5FinalBlock(const T5Config& config, const at::TensorOptions& options) : norm_(config, options) {}
  TensorList forward(const TensorList& inputs) override { return {norm_(inputs[0])}; }
  void visit(const TensorVisitor& visitor) override { visitor("encoder.final_layer_norm.weight", norm_.weight); }
  const std::string& name() const override { return name_; }

 private:
  std::string name_ = "final";
  T5Norm norm_;
};

}  // namespace

void T5Config::validate() const {
  require<ConfigError>(
      vocab_size >= 1 && width >= 1 && num_layers >= 1 && num_heads >= 1 && head_width >= 1 && mlp_width >= 1,
      "a T5 encoder of {} layers, {} wide with {} in its MLPs, {} heads of {} and {} tokens: all must "
      "be above 0",
      num_layers, width, mlp_width, num_heads, head_width, vocab_size);
  require<ConfigError>(num_buckets >= 4 && num_buckets % 4 == 0 && max_distance > num_buckets / 4,
                       "a T5 encoder of {} position buckets up to a distance of {}: a multiple of 4, and a distance "
                       "above a quarter of it are needed",
                       num_buckets, max_distance);
}

at::Tensor t5_position_buckets(const T5Config& config, int64_t length, at::Device device) {
  const auto places = at::arange(length, at::TensorOptions(at::kLong).device(device));
  const auto offset = places.unsqueeze(0) - places.unsqueeze(1);
  const auto distance = offset.abs();
  const int64_t num_buckets = config.num_buckets / 2, num_exact = num_buckets / 2;
  const double log_range = std::log(static_cast<double>(config.max_distance) / static_cast<double>(num_exact));
  const auto steps = at::log(distance.to(at::kFloat) / num_exact) / log_range * (num_buckets - num_exact);
  const auto far = (num_exact + steps.to(at::kLong)).clamp_max(num_buckets - 1);
  return offset.gt(0).to(at::kLong) * num_buckets + at::where(distance < num_exact, distance, far);
}

T5Encoder::T5Encoder(const T5Config& config, const at::TensorOptions& options) : config_(config) {
  config.validate();
  add<T5EmbedBlock>(config, options);
  for (int64_t i = 0; i < config.num_layers; ++i) add<T5LayerBlock>(config, i, options);
  add<T5FinalBlock>(config, options);
}

at::Tensor T5Encoder::encode(const at::Tensor& ids_NT) {
  check_token_ids(ids_NT, config_.vocab_size, "T5");
  const at::NoGradGuard no_grad;
  auto state = run(*blocks().front(), {ids_NT});
  for (size_t i = 1; i + 1 < blocks().size(); ++i) state[0] = run(*blocks()[i], state)[0];
  return run(*blocks().back(), {state[0]})[0];
}

}  // namespace fgm
