#include "core/models/mmdit.h"

#include <fmt/ranges.h>

#include "core/base/error.h"
#include "core/nn/position_table.h"

namespace fgm {
namespace {

const MMDiTConfig& checked(const MMDiTConfig& config) {
  config.validate();
  return config;
}

}  // namespace

void check_inputs(const MMDiTConfig& config, const at::Tensor& x_t, const at::Tensor& t_B,
                  const Conditioning& condition) {
  const auto &context = condition.context_BLJ, &pooled = condition.pooled_BP;
  require<ConfigError>(x_t.dim() == 4 && x_t.size(1) == config.in_channels,
                       "x_t has shape {}; the model takes [batch, {}, height, width] (model.in_channels)",
                       x_t.sizes().vec(), config.in_channels);
  const int64_t batch = x_t.size(0), patch = config.patch_size;
  require<ConfigError>(
      x_t.size(2) >= patch && x_t.size(3) >= patch && x_t.size(2) % patch == 0 && x_t.size(3) % patch == 0,
      "an image of {} x {} pixels cannot be cut into patches of {} (model.patch_size)", x_t.size(2), x_t.size(3),
      patch);
  require<ConfigError>(t_B.dim() == 1 && t_B.size(0) == batch,
                       "t has shape {}; one time for each of {} images is needed", t_B.sizes().vec(), batch);
  require<ConfigError>(context.dim() == 3 && context.size(0) == batch && context.size(2) == config.context_width,
                       "context has shape {}; the model takes [{}, tokens, {}] (model.context_width)",
                       context.sizes().vec(), batch, config.context_width);
  require<ConfigError>(pooled.dim() == 2 && pooled.size(0) == batch && pooled.size(1) == config.pooled_width,
                       "pooled has shape {}; the model takes [{}, {}] (model.pooled_width)", pooled.sizes().vec(),
                       batch, config.pooled_width);
}

MMDiT::MMDiT(const MMDiTConfig& config, const at::TensorOptions& options)
    : config_(checked(config)),
      embed_(config, options),
      final_layer_(config, options),
      pos_embed_(sincos_position_table(config.width(), config.pos_embed_max_size, config.pos_embed_max_size,
                                       options.device())) {
  joint_blocks_.reserve(static_cast<size_t>(config.depth));
  for (int64_t i = 0; i < config.depth; ++i) joint_blocks_.emplace_back(config, i, options);
  blocks_.push_back(&embed_);
  for (auto& block : joint_blocks_) blocks_.push_back(&block);
  blocks_.push_back(&final_layer_);
}

at::Tensor MMDiT::velocity(const at::Tensor& x_t, const at::Tensor& t_B, const Conditioning& condition) {
  check_inputs(config_, x_t, t_B, condition);
  const int64_t rows = x_t.size(2) / config_.patch_size, columns = x_t.size(3) / config_.patch_size;
  auto embedded = run(embed_, {x_t, t_B, condition.context_BLJ, condition.pooled_BP});
  const auto positions = crop_position_table(pos_embed_, rows, columns).to(embedded[0].scalar_type());
  TensorList state{embedded[0] + positions, embedded[1]};
  const auto& silu_condition = embedded[2];
  for (auto& block : joint_blocks_) {
    state.push_back(silu_condition);
    state = run(block, state);
  }
  const auto patches = run(final_layer_, {state[0], silu_condition});
  return unpatchify(patches[0], rows, columns, config_.patch_size);
}

void MMDiT::initialise(uint64_t seed) {
  const at::NoGradGuard no_grad;
  const Initialiser init(seed);
  embed_.initialise(init);
  for (auto& block : joint_blocks_) block.initialise(init);
  final_layer_.initialise();
}

TensorList MMDiT::run(Block& block, const TensorList& inputs) {
  return runner_ != nullptr ? runner_->run(block, inputs) : block.forward(inputs);
}

}  // namespace fgm
