// One training pass (forward, squared error, backward) of the quickstart's MM-DiT; the argument is the thread count.
#include <ATen/Parallel.h>
#include <benchmark/benchmark.h>
#include <torch/csrc/autograd/autograd.h>

#include "core/models/init.h"
#include "core/models/model_factory.h"

namespace fgm {
namespace {

struct Bench {
  explicit Bench(bool is_trainable) : model(make_model(ModelConfig{}, at::kFloat)) {
    init_parameters(*model, 1);
    visit_parameters(*model, [&](const std::string&, at::Tensor& p) {
      p.add_(0.01);  // leaves adaLN-zero behind, so that no gradient is trivially zero
      if (is_trainable) leaves.push_back(p.requires_grad_(true));
    });
    if (!is_trainable) leaves.push_back(x_t.requires_grad_(true));
  }

  at::Tensor velocity() { return model->velocity(x_t, t, condition); }

  static constexpr int64_t kBatch = 128;
  std::unique_ptr<VelocityModel> model;
  at::Tensor x_t = at::randn({kBatch, 3, 24, 24}), t = at::rand({kBatch});
  Conditioning condition{at::randn({kBatch, 12, 64}), at::randn({kBatch, 64})};
  std::vector<at::Tensor> leaves;
};

void run(benchmark::State& state, bool is_trainable) {
  at::set_num_threads(static_cast<int>(state.range(0)));
  Bench bench(is_trainable);
  for (auto _ : state) {
    const auto loss = bench.velocity().square().mean();
    benchmark::DoNotOptimize(torch::autograd::grad({loss}, bench.leaves));
  }
  state.SetItemsProcessed(state.iterations() * Bench::kBatch);
}

void BM_Train(benchmark::State& state) {
  run(state, true);
}
void BM_FrozenToInput(benchmark::State& state) {
  run(state, false);
}

void BM_Forward(benchmark::State& state) {
  at::set_num_threads(static_cast<int>(state.range(0)));
  Bench bench(false);
  const at::NoGradGuard no_grad;
  for (auto _ : state) benchmark::DoNotOptimize(bench.velocity());
  state.SetItemsProcessed(state.iterations() * Bench::kBatch);
}

BENCHMARK(BM_Train)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(BM_FrozenToInput)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(BM_Forward)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace fgm

BENCHMARK_MAIN();
