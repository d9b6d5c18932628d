#pragma once

#include <type_traits>

#include "core/config/sections.h"
#include "core/models/mmdit_blocks.h"
#include "core/nn/velocity_model.h"

namespace fgm {

// ConfigError naming the input when a shape does not fit a network of `config`.
void check_inputs(const MMDiTConfig& config, const at::Tensor& x_t, const at::Tensor& t_B,
                  const Conditioning& condition);

// SD3's MM-DiT: SD3, SD3.5 and the quickstart's network are this class with other numbers.
// Blocks: "embed", "joint_blocks.0" ... "joint_blocks.<depth-1>", "final_layer". Parameter names are those of
// Stability's released files without their prefix. One buffer, `pos_embed` [1, max^2, D], float32 until another is
// loaded, whatever the parameters' dtype. The joint sequence is [context, image].
class MMDiT : public VelocityModel {
 public:
  // ConfigError when the sizes do not fit together. Parameters are allocated, not initialised.
  MMDiT(const MMDiTConfig& config, const at::TensorOptions& options);

  // ConfigError as check_inputs().
  at::Tensor velocity(const at::Tensor& x_t, const at::Tensor& t_B, const Conditioning& condition) override;
  const std::vector<Block*>& blocks() override { return blocks_; }
  void visit_buffers(const TensorVisitor& visitor) override { visitor("pos_embed", pos_embed_); }
  // DiT's initialize_weights (facebookresearch/DiT, models.py): linear layers and the patch embedding Xavier uniform;
  // the embedders of t and of the pooled text normal with standard deviation 0.02 (DiT embeds class labels where SD3 has
  // y_embedder, and its label table has the same 0.02); adaLN layers and the final linear layer zero, so that every
  // block starts as the identity; biases zero; q/k norm weights one, torch's RMSNorm default.
  void initialise(uint64_t seed) override;
  void set_runner(BlockRunner* runner) override { runner_ = runner; }

 private:
  TensorList run(Block& block, const TensorList& inputs);

  MMDiTConfig config_;
  EmbedBlock embed_;
  std::vector<JointBlock> joint_blocks_;
  FinalBlock final_layer_;
  at::Tensor pos_embed_;
  std::vector<Block*> blocks_;
  BlockRunner* runner_ = nullptr;
};

static_assert(!std::is_copy_constructible_v<MMDiT>);

}  // namespace fgm
