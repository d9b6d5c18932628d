#pragma once

#include <optional>
#include <string>

#include "core/config/sections.h"
#include "core/nn/attention.h"
#include "core/nn/block.h"
#include "core/nn/conv.h"

// The shardable blocks of a U-Net. B batch, C channels, H x W pixels, D width of the embedding (4 model.channels),
// P classes.
namespace fgm {

enum class Resample { kNone, kDown, kUp };

// One stage of a U-Net: a convolution alone (the first one, and torchcfm's changes of resolution), or a residual block
// and the attention after it.
struct UNetStageConfig {
  std::string name = {};
  int64_t num_in = 0;  // with the skip's
  int64_t num_out = 0;
  Resample resample = Resample::kNone;
  bool is_residual = true;
  bool has_attention = false;
  bool takes_skip = false;
};

// {noise level [B], pooled [B,P]} to {SiLU(embedding) [B,D]}: every residual block begins with that SiLU, so it is
// taken once. The noise level is the network's own: UNet gives it.
class UNetEmbed : public Block {
 public:
  UNetEmbed(const UNetConfig& config, const at::TensorOptions& options);
  TensorList forward(const TensorList& inputs) override;
  void visit(const TensorVisitor& visitor) override;
  void initialise(const Initialiser& init);
  const std::string& name() const override { return name_; }

 private:
  at::Tensor embed_noise(const at::Tensor& noise_B) const;

  std::string name_ = "embed";
  UNetFlavour flavour_;
  int64_t num_frequencies_;
  Linear linear_1_, linear_2_;
  std::optional<Linear> label_layer_;  // edm: of the noise's sinusoid
  at::Tensor label_table_;             // torchcfm: [P, D], of the embedding; undefined without classes
};

// skip(x) + conv_2(SiLU(norm_2(conv_1(SiLU(norm_1(x))) + emb(embedding)))), times a scale. A change of resolution comes
// before conv_1, and before the skip's 1x1 convolution.
struct UNetResidual {
  UNetResidual(const UNetConfig& config, const UNetStageConfig& stage, const at::TensorOptions& options);
  at::Tensor operator()(const at::Tensor& x_BCHW, const at::Tensor& silu_embedding_BD) const;
  void visit(const std::string& prefix, const TensorVisitor& visitor);
  void initialise(const std::string& prefix, const Initialiser& init);

  Resample resample;
  double scale;
  GroupNorm norm_1, norm_2;
  Conv2d conv_1, conv_2;
  Linear emb;
  std::optional<Conv2d> skip;
};

// x + proj(attention of the pixels of norm(x) among themselves), times a scale.
struct UNetAttention {
  UNetAttention(const UNetConfig& config, int64_t channels, const at::TensorOptions& options);
  at::Tensor operator()(const at::Tensor& x_BCHW) const;
  void visit(const std::string& prefix, const TensorVisitor& visitor);
  void initialise(const std::string& prefix, const Initialiser& init);

  double scale;
  GroupNorm norm;
  AttentionStream attn;
};

// {x [B,C,H,W], SiLU(embedding) [B,D]} and, where the stage takes one, a skip of x's height and width, to {x}.
class UNetStage : public Block {
 public:
  UNetStage(const UNetConfig& config, UNetStageConfig stage, const at::TensorOptions& options);
  TensorList forward(const TensorList& inputs) override;
  void visit(const TensorVisitor& visitor) override;
  void initialise(const Initialiser& init);
  const std::string& name() const override { return config_.name; }
  const UNetStageConfig& config() const { return config_; }

 private:
  UNetStageConfig config_;
  std::optional<Conv2d> conv_;
  std::optional<UNetResidual> res_;
  std::optional<UNetAttention> attn_;
};

// {x [B,C,H,W]} to {conv(SiLU(norm(x)))} of the images' channels.
class UNetOut : public Block {
 public:
  UNetOut(const UNetConfig& config, int64_t channels, const at::TensorOptions& options);
  TensorList forward(const TensorList& inputs) override;
  void visit(const TensorVisitor& visitor) override;
  void initialise();
  const std::string& name() const override { return name_; }

 private:
  std::string name_ = "out";
  GroupNorm norm_;
  Conv2d conv_;
};

}  // namespace fgm
