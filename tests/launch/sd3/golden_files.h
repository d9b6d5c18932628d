#pragma once

#include "core/formats/weight_names.h"
#include "core/models/model_factory.h"
#include "tests/core/models/golden.h"

// The cases of tests/golden/mmdit.safetensors as a user's files.
namespace fgm::golden {

// Weights of `name_of_case` in one file with Stability's names.
inline void write_weights(const std::string& name_of_case, const std::filesystem::path& path) {
  const auto model = make_model(mmdit_config(config_of(open("mmdit"), name_of_case)), at::kMeta);
  std::vector<NamedTensor> tensors;
  const TensorVisitor collect = [&](const std::string& name, const at::Tensor& tensor) {
    tensors.push_back({kSingleFilePrefix + name, draw_parameter(name_of_case, name, tensor.sizes())});
  };
  visit_parameters(*model, collect);
  model->visit_buffers(collect);
  write_safetensors(path, tensors);
}

inline void write_inputs(const std::string& name_of_case, const std::filesystem::path& path) {
  const auto json = config_of(open("mmdit"), name_of_case).json;
  const auto shape = json["shape"].get<std::vector<int64_t>>();
  const auto input = [&](const std::string& key, std::vector<int64_t> sizes) {
    return NamedTensor{key, draw_input(name_of_case + "/" + key, sizes)};
  };
  write_safetensors(path, {input("x_t", shape),
                           {"t", at::tensor({0.8577f, 0.0f, 1.0f}).narrow(0, 0, shape[0])},
                           input("context", {shape[0], json["context_rows"], json["joint_attention_dim"]}),
                           input("pooled", {shape[0], json["pooled_projection_dim"]})});
}

}  // namespace fgm::golden
