// Forward and backward of the quickstart's MM-DiT and of one block at SD3's width, and forward of a layer of T5-XXL;
// the argument is the thread count. tests/bench/against_diffusers.py sets them beside the same models in diffusers.
#include <ATen/Parallel.h>
#include <benchmark/benchmark.h>
#include <torch/csrc/autograd/autograd.h>

#include "core/models/model_factory.h"
#include "core/models/t5_encoder.h"

namespace fgm {
namespace {

enum class Pass { kTrain, kFrozenToInput, kForward };

std::unique_ptr<VelocityModel> make_started_model(const MMDiTConfig& config) {
  auto model = make_model(config, at::kFloat);
  model->initialise(1);
  // Leaves adaLN-zero behind, so that no gradient is trivially zero.
  visit_parameters(*model, [](const std::string&, at::Tensor& p) { p.add_(0.01); });
  return model;
}

template <typename Outputs>
void run(benchmark::State& state, Pass pass, TensorList leaves, int64_t batch, const Outputs& outputs) {
  at::set_num_threads(static_cast<int>(state.range(0)));
  const at::AutoGradMode grad_mode(pass != Pass::kForward);
  for (at::Tensor& leaf : leaves) leaf.requires_grad_(true);
  for (auto _ : state) {
    TensorList losses;
    for (const at::Tensor& output : outputs()) losses.push_back(output.square().mean());
    if (pass == Pass::kForward) continue;
    benchmark::DoNotOptimize(torch::autograd::grad(losses, leaves));
  }
  state.SetItemsProcessed(state.iterations() * batch);
}

// 24 px, patch 6, width 128, 4 blocks, 12 words; batch 128.
void quickstart(benchmark::State& state, Pass pass) {
  constexpr int64_t kBatch = 128;
  const auto model = make_started_model({});
  const auto x_t = at::randn({kBatch, 3, 24, 24}), t = at::rand({kBatch});
  const Conditioning condition{at::randn({kBatch, 12, 64}), at::randn({kBatch, 64})};
  TensorList leaves;
  if (pass == Pass::kTrain) {
    visit_parameters(*model, [&](const std::string&, at::Tensor& p) { leaves.push_back(p); });
  } else {
    leaves.push_back(x_t);
  }
  run(state, pass, leaves, kBatch, [&] { return TensorList{model->velocity(x_t, t, condition)}; });
}

// A joint block of SD3-medium, 1536 wide with 24 heads: 256 image tokens (256 px), 154 rows of text, batch 2.
void sd3_block(benchmark::State& state) {
  constexpr int64_t kBatch = 2, kWidth = 1536;
  const auto model = make_started_model(
      {.in_channels = 16, .patch_size = 2, .depth = 2, .num_heads = 24, .head_width = 64, .pos_embed_max_size = 16});
  Block& block = *model->blocks()[1];  // after "embed"; it updates both streams
  const TensorList inputs = {at::randn({kBatch, 256, kWidth}), at::randn({kBatch, 154, kWidth}),
                             at::randn({kBatch, kWidth})};
  TensorList leaves = inputs;
  block.visit([&](const std::string&, at::Tensor& p) { leaves.push_back(p); });
  run(state, Pass::kTrain, leaves, kBatch, [&] { return block.forward(inputs); });
}

// A layer of T5-XXL: 154 tokens, batch 1.
void t5_layer(benchmark::State& state) {
  constexpr int64_t kBatch = 1, kTokens = 154;
  const T5Config config{.vocab_size = 1, .num_layers = 1};
  T5Encoder encoder(config, at::kFloat);
  visit_parameters(encoder, [](const std::string&, at::Tensor& p) { p.normal_(0.0, 0.02); });
  Block& layer = *encoder.blocks()[1];
  const TensorList inputs = {at::randn({kBatch, kTokens, config.width}),
                             at::randn({1, config.num_heads, kTokens, kTokens})};
  run(state, Pass::kForward, {}, kBatch, [&] { return layer.forward(inputs); });
}

void BM_Train(benchmark::State& state) {
  quickstart(state, Pass::kTrain);
}
void BM_FrozenToInput(benchmark::State& state) {
  quickstart(state, Pass::kFrozenToInput);
}
void BM_Forward(benchmark::State& state) {
  quickstart(state, Pass::kForward);
}
void BM_Sd3Block(benchmark::State& state) {
  sd3_block(state);
}
void BM_T5Layer(benchmark::State& state) {
  t5_layer(state);
}

BENCHMARK(BM_Train)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(BM_FrozenToInput)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(BM_Forward)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(BM_Sd3Block)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(BM_T5Layer)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace fgm

BENCHMARK_MAIN();
