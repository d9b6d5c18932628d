#include "core/models/unet_blocks.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/base/error.h"
#include "core/nn/embedding.h"

namespace fgm {
namespace {

bool is_edm(const UNetConfig& config) {
  return config.flavour == UNetFlavour::kEdm;
}

int64_t embedding_width(const UNetConfig& config) {
  return 4 * config.channels;
}

// A sum of two branches of unit variance has unit variance again in EDM's network.
double residual_scale(const UNetConfig& config) {
  return is_edm(config) ? std::numbers::sqrt2 / 2 : 1.0;
}

at::Tensor scaled(const at::Tensor& x, double scale) {
  return scale == 1.0 ? x : x * scale;
}

GroupNorm make_norm(const UNetConfig& config, int64_t channels, const at::TensorOptions& options) {
  const int64_t groups = is_edm(config) ? std::min(config.norm_groups, channels / 4) : config.norm_groups;
  require<ConfigError>(groups >= 1 && channels % groups == 0,
                       "a group norm of {} channels cannot have {} groups: model.channels = {} and model.norm_groups = "
                       "{} do not fit together",
                       channels, groups, config.channels, config.norm_groups);
  return {groups, channels, options, is_edm(config) ? 1e-6 : 1e-5};
}

at::Tensor resampled(const at::Tensor& x_BCHW, Resample resample) {
  switch (resample) {
    case Resample::kNone:
      break;
    case Resample::kDown:
      return at::avg_pool2d(x_BCHW, 2);
    case Resample::kUp:
      return at::upsample_nearest2d(x_BCHW, {2 * x_BCHW.size(2), 2 * x_BCHW.size(3)});
  }
  return x_BCHW;
}

}  // namespace

UNetEmbed::UNetEmbed(const UNetConfig& config, const at::TensorOptions& options)
    : flavour_(config.flavour),
      num_frequencies_(config.channels / 2),
      linear_1_(config.channels, embedding_width(config), options),
      linear_2_(embedding_width(config), embedding_width(config), options) {
  if (config.num_classes == 0) return;
  if (is_edm(config)) {
    label_layer_.emplace(config.num_classes, config.channels, options);
  } else {
    label_table_ = at::empty({config.num_classes, embedding_width(config)}, options);
  }
}

at::Tensor UNetEmbed::embed_noise(const at::Tensor& noise_B) const {
  if (flavour_ == UNetFlavour::kTorchCfm) return sinusoid(noise_B, num_frequencies_, num_frequencies_);
  auto cos_and_sin = sinusoid(noise_B, num_frequencies_, num_frequencies_ - 1).chunk(2, 1);
  return at::cat({cos_and_sin[1], cos_and_sin[0]}, 1);
}

TensorList UNetEmbed::forward(const TensorList& inputs) {
  const auto dtype = linear_1_.weight.scalar_type();
  const auto pooled = inputs[1].to(dtype);
  auto embedding = embed_noise(inputs[0]).to(dtype);
  // A class's unit vector has the variance 1 / P; the null condition stays zero.
  if (label_layer_) embedding = embedding + (*label_layer_)(pooled * std::sqrt(static_cast<double>(pooled.size(1))));
  embedding = linear_2_(at::silu(linear_1_(embedding)));
  if (label_table_.defined()) embedding = embedding + at::matmul(pooled, label_table_);
  return {at::silu(embedding)};
}

void UNetEmbed::visit(const TensorVisitor& visitor) {
  if (label_layer_) label_layer_->visit("embed.label", visitor);
  linear_1_.visit("embed.linear_1", visitor);
  linear_2_.visit("embed.linear_2", visitor);
  if (label_table_.defined()) visitor("embed.label.weight", label_table_);
}

void UNetEmbed::initialise(const Initialiser& init) {
  if (label_layer_) label_layer_->initialise("embed.label", init);
  linear_1_.initialise("embed.linear_1", init);
  linear_2_.initialise("embed.linear_2", init);
  if (label_table_.defined()) init.xavier_uniform("embed.label.weight", label_table_);
}

UNetResidual::UNetResidual(const UNetConfig& config, const UNetStageConfig& stage, const at::TensorOptions& options)
    : resample(stage.resample),
      scale(residual_scale(config)),
      norm_1(make_norm(config, stage.num_in, options)),
      norm_2(make_norm(config, stage.num_out, options)),
      conv_1(stage.num_in, stage.num_out, {}, options),
      conv_2(stage.num_out, stage.num_out, {}, options),
      emb(embedding_width(config), stage.num_out, options) {
  if (stage.num_in != stage.num_out || resample != Resample::kNone) {
    skip.emplace(stage.num_in, stage.num_out, k1x1, options);
  }
}

at::Tensor UNetResidual::operator()(const at::Tensor& x_BCHW, const at::Tensor& silu_embedding_BD) const {
  const auto hidden = conv_1(resampled(at::silu(norm_1(x_BCHW)), resample));
  const auto shift = emb(silu_embedding_BD).unsqueeze(2).unsqueeze(3);
  const auto update = conv_2(at::silu(norm_2(hidden + shift)));
  return scaled((skip ? (*skip)(resampled(x_BCHW, resample)) : x_BCHW) + update, scale);
}

void UNetResidual::visit(const std::string& prefix, const TensorVisitor& visitor) {
  norm_1.visit(prefix + ".norm_1", visitor);
  conv_1.visit(prefix + ".conv_1", visitor);
  emb.visit(prefix + ".emb", visitor);
  norm_2.visit(prefix + ".norm_2", visitor);
  conv_2.visit(prefix + ".conv_2", visitor);
  if (skip) skip->visit(prefix + ".skip", visitor);
}

void UNetResidual::initialise(const std::string& prefix, const Initialiser& init) {
  norm_1.initialise();
  conv_1.initialise(prefix + ".conv_1", init);
  emb.initialise(prefix + ".emb", init);
  norm_2.initialise();
  conv_2.initialise_zero();
  if (skip) skip->initialise(prefix + ".skip", init);
}

UNetAttention::UNetAttention(const UNetConfig& config, int64_t channels, const at::TensorOptions& options)
    : scale(residual_scale(config)),
      norm(make_norm(config, channels, options)),
      attn({.num_heads = config.num_heads, .head_width = channels / config.num_heads}, options) {
  require<ConfigError>(channels % config.num_heads == 0,
                       "model.num_heads = {} does not divide the {} channels of an attention", config.num_heads,
                       channels);
}

at::Tensor UNetAttention::operator()(const at::Tensor& x_BCHW) const {
  const auto pixels_BLC = norm(x_BCHW).flatten(2).transpose(1, 2);
  const auto [q, k, v] = attn.qkv_heads(pixels_BLC);
  const auto update_BLC = (*attn.proj)(attend(q, k, v));
  return scaled(x_BCHW + update_BLC.transpose(1, 2).reshape(x_BCHW.sizes()), scale);
}

void UNetAttention::visit(const std::string& prefix, const TensorVisitor& visitor) {
  norm.visit(prefix + ".norm", visitor);
  attn.visit(prefix, visitor);
}

void UNetAttention::initialise(const std::string& prefix, const Initialiser& init) {
  norm.initialise();
  attn.qkv.initialise(prefix + ".qkv", init);
  attn.proj->initialise_zero();
}

UNetStage::UNetStage(const UNetConfig& config, UNetStageConfig stage, const at::TensorOptions& options)
    : config_(std::move(stage)) {
  if (config_.is_residual) {
    res_.emplace(config, config_, options);
  } else {
    const int64_t stride = config_.resample == Resample::kDown ? 2 : 1;
    conv_.emplace(config_.num_in, config_.num_out, ConvConfig{.stride = stride}, options);
  }
  if (config_.has_attention) attn_.emplace(config, config_.num_out, options);
}

TensorList UNetStage::forward(const TensorList& inputs) {
  const auto x = config_.takes_skip ? at::cat({inputs[0], inputs[2]}, 1) : inputs[0];
  if (conv_) return {(*conv_)(config_.resample == Resample::kUp ? resampled(x, Resample::kUp) : x)};
  const auto out = (*res_)(x, inputs[1]);
  return {attn_ ? (*attn_)(out) : out};
}

void UNetStage::visit(const TensorVisitor& visitor) {
  if (conv_) conv_->visit(name() + ".conv", visitor);
  if (res_) res_->visit(name() + ".res", visitor);
  if (attn_) attn_->visit(name() + ".attn", visitor);
}

void UNetStage::initialise(const Initialiser& init) {
  if (conv_) conv_->initialise(name() + ".conv", init);
  if (res_) res_->initialise(name() + ".res", init);
  if (attn_) attn_->initialise(name() + ".attn", init);
}

UNetOut::UNetOut(const UNetConfig& config, int64_t channels, const at::TensorOptions& options)
    : norm_(make_norm(config, channels, options)), conv_(channels, config.in_channels, {}, options) {}

TensorList UNetOut::forward(const TensorList& inputs) {
  return {conv_(at::silu(norm_(inputs[0])))};
}

void UNetOut::visit(const TensorVisitor& visitor) {
  norm_.visit("out.norm", visitor);
  conv_.visit("out.conv", visitor);
}

void UNetOut::initialise() {
  norm_.initialise();
  conv_.initialise_zero();
}

}  // namespace fgm
