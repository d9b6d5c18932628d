#pragma once

#include <type_traits>
#include <vector>

#include "core/models/unet_blocks.h"
#include "core/nn/velocity_model.h"

namespace fgm {

// ConfigError naming the input when a shape does not fit a network of `config`.
void check_inputs(const UNetConfig& config, const at::Tensor& x_t, const at::Tensor& t_B,
                  const Conditioning& condition);

// The stages of a U-Net: `enc` hands each output on as a skip, which `dec` takes last first.
struct UNetStages {
  std::vector<UNetStageConfig> enc, mid, dec;
};
UNetStages unet_stages(const UNetConfig& config);

// The factors that make EDM's network F a velocity, each of t's shape and dtype, for t in [0, 1]:
//   v(x_t, t) = skip x_t + out F(in x_t, noise).
// With sigma = t / (1 - t) EDM's sample is x_t / (1 - t), and v = (x_t - D) / t of its pre-conditioned denoiser D
// (Karras et al., arXiv 2206.00364, table 1; sigma_data = 0.5). Written out in x_t every factor but `noise` is finite
// for all t: the t of the denominator cancels. noise = ln(sigma) / 4 takes sigma at [0.002, 80], the levels that EDM
// samples: nearer to data or noise than these the network is told the bound.
struct EdmFactors {
  at::Tensor in, skip, out, noise;
};
EdmFactors edm_factors(const at::Tensor& t);

// The U-Nets of the CIFAR-10 benchmark. Both have residual blocks with group norm and attention at chosen resolutions;
// dropout, which both have in training only, is left out.
//
// torchcfm: UNetModelWrapper of atong01/conditional-flow-matching, a form of guided-diffusion's UNetModel. It runs from
//   noise at its time 0 to data at 1, so it is given 1 - t and its velocity is negated. Attention in every stage of its
//   resolutions; convolutions change the resolution; the class is added to the embedding.
// edm: SongUNet of NVlabs/edm as DDPM++, inside EDMPrecond: see EdmFactors. Attention in one stage of each of its
//   resolutions on the way up; residual blocks change the resolution; sums are scaled by sqrt(1/2). The input for
//   augmentation labels, which sampling leaves out, does not exist here.
//
// Blocks: "embed", "enc.0" ..., "mid.0", "mid.1", "dec.0" ..., "out". No buffers.
class UNet : public VelocityModel {
 public:
  // ConfigError when the sizes do not fit together. Parameters are allocated, not initialised.
  UNet(const UNetConfig& config, const at::TensorOptions& options);

  // ConfigError as check_inputs(). The conditioning's context is not looked at, and the pooled embedding is read as one
  // weight for each class: a unit vector for a class, zero for none.
  at::Tensor velocity(const at::Tensor& x_t, const at::Tensor& t_B, const Conditioning& condition) override;
  const std::vector<Block*>& blocks() override { return blocks_; }
  void visit_buffers(const TensorVisitor&) override {}
  // Xavier uniform; the last layer of every branch and of the network zero, so that a residual block begins as its
  // skip; norms one, biases zero.
  void initialise(uint64_t seed) override;
  void set_runner(BlockRunner* runner) override { runner_ = runner; }

 private:
  at::Tensor network(const at::Tensor& x, const at::Tensor& noise_B, const at::Tensor& pooled_BP);
  TensorList run(Block& block, const TensorList& inputs);

  UNetConfig config_;
  UNetEmbed embed_;
  std::vector<UNetStage> enc_, mid_, dec_;
  UNetOut out_;
  std::vector<Block*> blocks_;
  BlockRunner* runner_ = nullptr;
};

static_assert(!std::is_copy_constructible_v<UNet>);

}  // namespace fgm
