#pragma once

#include <string>
#include <vector>

#include "core/base/rng.h"
#include "core/models/model_factory.h"
#include "core/train/parameter_engine.h"

namespace fgm::support {

// The smallest MM-DiT: parameters of all kinds, some with fewer elements than ranks, and a buffer.
inline MMDiTConfig smallest_model() {
  return {.depth = 1, .num_heads = 1, .head_width = 4, .context_width = 2, .pooled_width = 2, .pos_embed_max_size = 2};
}

// One network's state, cut among `size` ranks at rank * n / size, with values that follow from a seed.
class FakeEngine : public ParameterEngine {
 public:
  FakeEngine(const ModelConfig& config, int rank, int size) : model_(make_model(config, at::kFloat)) {
    for (const char* part : {"", "ema", "optim"}) {
      visit_parameters(*model_, [&](const std::string& name, at::Tensor& tensor) {
        const int64_t n = tensor.numel(), begin = n * rank / size, end = n * (rank + 1) / size;
        for (const char* suffix : suffixes(part)) {
          slices_.push_back({part, name + suffix, tensor.sizes().vec(), begin, at::zeros({end - begin})});
        }
      });
    }
  }

  void fill(uint64_t seed) {
    for (const auto& slice : slices_) slice.values.copy_(expected(slice, seed));
    model_->visit_buffers([&](const std::string&, at::Tensor& buffer) { buffer.fill_(static_cast<double>(seed)); });
    num_updates_ = static_cast<int64_t>(seed);
  }
  bool holds(uint64_t seed) {
    for (const auto& slice : slices_) {
      if (!at::equal(slice.values, expected(slice, seed))) return false;
    }
    for (const auto& buffer : buffers()) {
      if (!buffer.eq(static_cast<double>(seed)).all().item<bool>()) return false;
    }
    return num_updates_ == static_cast<int64_t>(seed);
  }

  // Of the whole tensor.
  static at::Tensor values_of(const std::string& part, const std::string& name, const std::vector<int64_t>& shape,
                              uint64_t seed) {
    return RandomStream(seed, part + "/" + name).normal(0, 0, 1, {c10::multiply_integers(shape)}).view(shape);
  }

  VelocityModel& model() override { return *model_; }
  void set_trainable(bool) override {}
  UpdateReport update(double) override { return {}; }
  void with_ema(const std::function<void()>& body, size_t) override { body(); }
  bool has_ema() const override { return true; }
  std::vector<StateSlice> state() override { return slices_; }
  int64_t num_updates() const override { return num_updates_; }
  void set_num_updates(int64_t num_updates) override { num_updates_ = num_updates; }

 private:
  static std::vector<const char*> suffixes(const std::string& part) {
    if (part == "optim") return {".exp_avg", ".exp_avg_sq"};
    return {""};
  }
  static at::Tensor expected(const StateSlice& slice, uint64_t seed) {
    return values_of(slice.part, slice.name, slice.shape, seed).view(-1).narrow(0, slice.begin, slice.values.numel());
  }
  TensorList buffers() {
    TensorList buffers;
    model_->visit_buffers([&](const std::string&, at::Tensor& tensor) { buffers.push_back(tensor); });
    return buffers;
  }

  std::unique_ptr<VelocityModel> model_;
  std::vector<StateSlice> slices_;
  int64_t num_updates_ = 0;
};

}  // namespace fgm::support
