#include "core/models/unet.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "core/base/error.h"

namespace fgm {
namespace {

const UNetConfig& checked(const UNetConfig& config) {
  config.validate();
  return config;
}

std::vector<UNetStage> make_stages(const UNetConfig& config, const std::vector<UNetStageConfig>& stages,
                                   const at::TensorOptions& options) {
  std::vector<UNetStage> made;
  made.reserve(stages.size());
  for (const auto& stage : stages) made.emplace_back(config, stage, options);
  return made;
}

// Lays the stages out, from the images down and up again.
class StagePlan {
 public:
  explicit StagePlan(const UNetConfig& config) : config_(config), is_edm_(config.flavour == UNetFlavour::kEdm) {}

  UNetStages lay_out() {
    down();
    add(stages_.mid, "mid", channels_, {.has_attention = true});
    add(stages_.mid, "mid", channels_, {});
    up();
    return std::move(stages_);
  }

 private:
  int64_t width(size_t level) const { return config_.channels * config_.channel_mult[level]; }
  bool attends(size_t level) const {
    return std::ranges::count(config_.attention_resolutions, config_.resolution(level)) > 0;
  }

  // Appends a stage that takes what came before.
  void add(std::vector<UNetStageConfig>& list, const char* half, int64_t num_out, UNetStageConfig stage) {
    stage.name = fmt::format("{}.{}", half, list.size());
    stage.num_in += channels_;
    stage.num_out = channels_ = num_out;
    list.push_back(std::move(stage));
  }

  void down() {
    channels_ = config_.in_channels;
    add(stages_.enc, "enc", is_edm_ ? config_.channels : width(0), {.is_residual = false});
    for (size_t level = 0; level < config_.channel_mult.size(); ++level) {
      if (level > 0) add(stages_.enc, "enc", channels_, {.resample = Resample::kDown, .is_residual = is_edm_});
      for (int64_t i = 0; i < config_.num_res_blocks; ++i) {
        add(stages_.enc, "enc", width(level), {.has_attention = attends(level)});
      }
    }
  }

  void up() {
    auto skip = stages_.enc.rbegin();
    for (size_t level = config_.channel_mult.size(); level-- > 0;) {
      if (level + 1 < config_.channel_mult.size()) {
        add(stages_.dec, "dec", channels_, {.resample = Resample::kUp, .is_residual = is_edm_});
      }
      for (int64_t i = 0; i <= config_.num_res_blocks; ++i, ++skip) {
        const bool may_attend = !is_edm_ || i == config_.num_res_blocks;
        add(stages_.dec, "dec", width(level),
            {.num_in = skip->num_out, .has_attention = may_attend && attends(level), .takes_skip = true});
      }
    }
  }

  const UNetConfig& config_;
  bool is_edm_;
  int64_t channels_ = 0;
  UNetStages stages_;
};

}  // namespace

void check_inputs(const UNetConfig& config, const at::Tensor& x_t, const at::Tensor& t_B,
                  const Conditioning& condition) {
  const int64_t side = config.image_size;
  require<ConfigError>(
      x_t.dim() == 4 && x_t.size(1) == config.in_channels && x_t.size(2) == side && x_t.size(3) == side,
      "x_t has shape {}; the model takes [batch, {}, {}, {}] (model.in_channels, model.image_size)", x_t.sizes().vec(),
      config.in_channels, side, side);
  const int64_t batch = x_t.size(0);
  require<ConfigError>(t_B.dim() == 1 && t_B.size(0) == batch,
                       "t has shape {}; one time for each of {} images is needed", t_B.sizes().vec(), batch);
  const auto& pooled = condition.pooled_BP;
  require<ConfigError>(
      pooled.dim() == 2 && pooled.size(0) == batch && (config.num_classes == 0 || pooled.size(1) == config.num_classes),
      "pooled has shape {}; the model takes [{}, {}] (model.num_classes)", pooled.sizes().vec(), batch,
      config.num_classes);
}

UNetStages unet_stages(const UNetConfig& config) {
  return StagePlan(config).lay_out();
}

EdmFactors edm_factors(const at::Tensor& t) {
  constexpr double kVariance = 0.5 * 0.5;  // of the data
  constexpr double kSigmaMin = 0.002, kSigmaMax = 80.0;
  const auto s = 1.0 - t;  // x_t = s (x_0 + sigma n)
  const auto variance = t.square() + kVariance * s.square();
  const auto in = variance.rsqrt();
  return {.in = in,
          .skip = (t - kVariance * s) / variance,
          .out = -std::sqrt(kVariance) * in,
          .noise = (t / s).clamp(kSigmaMin, kSigmaMax).log() / 4.0};
}

UNet::UNet(const UNetConfig& config, const at::TensorOptions& options)
    : config_(checked(config)),
      embed_(config, options),
      enc_(make_stages(config, unet_stages(config).enc, options)),
      mid_(make_stages(config, unet_stages(config).mid, options)),
      dec_(make_stages(config, unet_stages(config).dec, options)),
      out_(config, dec_.back().config().num_out, options) {
  blocks_.push_back(&embed_);
  for (auto* stages : {&enc_, &mid_, &dec_}) {
    for (auto& stage : *stages) blocks_.push_back(&stage);
  }
  blocks_.push_back(&out_);
}

at::Tensor UNet::velocity(const at::Tensor& x_t, const at::Tensor& t_B, const Conditioning& condition) {
  check_inputs(config_, x_t, t_B, condition);
  const auto dtype = x_t.scalar_type();
  if (config_.flavour == UNetFlavour::kTorchCfm) return -network(x_t, 1.0 - t_B, condition.pooled_BP);
  const auto [in, skip, out, noise] = edm_factors(t_B.view({-1, 1, 1, 1}));
  const auto f = network((in * x_t).to(dtype), noise.flatten(), condition.pooled_BP);
  return (skip * x_t + out * f).to(dtype);
}

at::Tensor UNet::network(const at::Tensor& x, const at::Tensor& noise_B, const at::Tensor& pooled_BP) {
  const auto embedding = run(embed_, {noise_B, pooled_BP})[0];
  TensorList skips;
  auto hidden = x;
  for (auto& stage : enc_) {
    hidden = run(stage, {hidden, embedding})[0];
    skips.push_back(hidden);
  }
  for (auto& stage : mid_) hidden = run(stage, {hidden, embedding})[0];
  for (auto& stage : dec_) {
    TensorList inputs{hidden, embedding};
    if (stage.config().takes_skip) {
      inputs.push_back(skips.back());
      skips.pop_back();
    }
    hidden = run(stage, inputs)[0];
  }
  return run(out_, {hidden})[0];
}

void UNet::initialise(uint64_t seed) {
  const at::NoGradGuard no_grad;
  const Initialiser init(seed);
  embed_.initialise(init);
  for (auto* stages : {&enc_, &mid_, &dec_}) {
    for (auto& stage : *stages) stage.initialise(init);
  }
  out_.initialise();
}

TensorList UNet::run(Block& block, const TensorList& inputs) {
  return runner_ != nullptr ? runner_->run(block, inputs) : block.forward(inputs);
}

}  // namespace fgm
