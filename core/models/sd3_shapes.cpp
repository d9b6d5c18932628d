#include "core/models/sd3_shapes.h"

#include <cmath>

#include "core/base/error.h"
#include "core/models/model_factory.h"

namespace fgm {
namespace {

// Looks our tensors up in a foreign file.
class ForeignShapes {
 public:
  ForeignShapes(const ShapeByName& file, const NamingAndPrefix& named, const std::string& place)
      : file_(file), named_(named), place_(place) {}

  bool has(const std::string& ours) const { return file_.contains(foreign_name(ours)); }

  std::vector<int64_t> get(const std::string& ours, size_t num_dims) const {
    const auto name = foreign_name(ours);
    const auto it = file_.find(name);
    require<ConfigError>(it != file_.end(), "{}: {} is missing, without which the model's size is unknown", place_,
                         name);
    bool is_sound = it->second.size() == num_dims;
    for (const int64_t size : it->second) is_sound = is_sound && size >= 1;
    require<ConfigError>(is_sound, "{}: {} is {}; {} dimensions of at least 1 are needed", place_, name,
                         fmt::format("[{}]", fmt::join(it->second, ", ")), num_dims);
    return it->second;
  }

 private:
  std::string foreign_name(const std::string& ours) const {
    return named_.prefix + names_in(named_.naming, ours).front();
  }

  const ShapeByName& file_;
  const NamingAndPrefix& named_;
  const std::string& place_;
};

std::string in_block(int64_t index, const char* rest) {
  return fmt::format("joint_blocks.{}.x_block.{}.weight", index, rest);
}

int64_t head_width_of(const ForeignShapes& shapes, const ModelConfig& config, int64_t width, const std::string& place,
                      std::optional<int64_t> declared) {
  const auto head_width = config.qk_norm ? shapes.get(in_block(0, "attn.ln_q"), 1)[0]
                                         : declared.value_or(std::max<int64_t>(1, width / config.depth));
  require<ConfigError>(head_width >= 1 && width % head_width == 0,
                       "{}: the width {} does not divide into heads of {} (attention_head_dim in config.json; without "
                       "it, as many heads as blocks)",
                       place, width, head_width);
  return head_width;
}

}  // namespace

std::optional<NamingAndPrefix> recognise_sd3(const ShapeByName& file) {
  for (const std::string prefix : {kSingleFilePrefix, ""}) {
    for (const auto naming : {Naming::kOriginal, Naming::kDiffusers}) {
      const auto has = [&](const char* ours) { return file.contains(prefix + names_in(naming, ours).front()); };
      if (has("joint_blocks.0.context_block.attn.qkv.weight") && has("joint_blocks.0.x_block.attn.proj.weight") &&
          has("x_embedder.proj.weight") && has("final_layer.linear.weight")) {
        return NamingAndPrefix{naming, prefix};
      }
    }
  }
  return std::nullopt;
}

ModelConfig infer_mmdit_config(const ShapeByName& file, const NamingAndPrefix& named, const std::string& place,
                               std::optional<int64_t> declared_head_width) {
  const ForeignShapes shapes(file, named, place);
  const auto patch_embed = shapes.get("x_embedder.proj.weight", 4);
  const int64_t width = patch_embed[0];
  require<ConfigError>(patch_embed[2] == patch_embed[3], "{}: patches of {} x {} are not square", place, patch_embed[2],
                       patch_embed[3]);
  ModelConfig config;
  config.in_channels = patch_embed[1];
  config.patch_size = patch_embed[2];
  config.depth = 0;
  while (shapes.has(in_block(config.depth, "attn.proj"))) ++config.depth;
  for (int64_t i = 0; i < config.depth; ++i) {
    if (shapes.has(in_block(i, "attn2.proj"))) config.dual_attention_blocks.push_back(i);
  }
  config.qk_norm = shapes.has(in_block(0, "attn.ln_q"));
  config.head_width = head_width_of(shapes, config, width, place, declared_head_width);
  config.num_heads = width / config.head_width;
  config.mlp_ratio = std::max<int64_t>(1, shapes.get(in_block(0, "mlp.fc1"), 2)[0] / width);
  config.context_width = shapes.get("context_embedder.weight", 2)[1];
  config.pooled_width = shapes.get("y_embedder.mlp.0.weight", 2)[1];
  const auto num_positions = shapes.get("pos_embed", 3)[1];
  config.pos_embed_max_size = std::llround(std::sqrt(static_cast<double>(num_positions)));
  return config;
}

ShapeByName mmdit_shapes(const ModelConfig& config) {
  ShapeByName shapes;
  const auto model = make_model(config, at::TensorOptions(at::kMeta));
  const TensorVisitor collect = [&](const std::string& name, const at::Tensor& tensor) {
    shapes.emplace(name, tensor.sizes().vec());
  };
  visit_parameters(*model, collect);
  model->visit_buffers(collect);
  return shapes;
}

}  // namespace fgm
