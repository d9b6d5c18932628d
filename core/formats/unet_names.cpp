#include "core/formats/unet_names.h"

#include <fmt/format.h>

#include "core/models/model_factory.h"
#include "core/models/unet.h"
#include "core/models/weights.h"

namespace fgm {
namespace {

struct Parts {
  const char* norm_1;
  const char* conv_1;
  const char* emb;
  const char* norm_2;
  const char* conv_2;
  const char* skip;
  const char* norm;
  const char* qkv;
  const char* proj;
};
constexpr Parts kTorchCfmParts{"in_layers.0",     "in_layers.2", "emb_layers.1", "out_layers.0", "out_layers.3",
                               "skip_connection", "norm",        "qkv",          "proj_out"};
constexpr Parts kEdmParts{"norm0", "conv0", "affine", "norm1", "conv1", "skip", "norm2", "qkv", "proj"};

// Our modules and theirs.
class ModuleNames {
 public:
  explicit ModuleNames(const UNetConfig& config) : config_(config) {
    config.flavour == UNetFlavour::kEdm ? add_edm() : add_torchcfm();
  }

  std::string theirs(const std::string& tensor) const {
    const auto dot = tensor.rfind('.');
    return names_.at(tensor.substr(0, dot)) + tensor.substr(dot);
  }

 private:
  void add_torchcfm() {
    names_ = {{"embed.linear_1", "time_embed.0"},
              {"embed.linear_2", "time_embed.2"},
              {"embed.label", "label_emb"},
              {"out.norm", "out.0"},
              {"out.conv", "out.2"}};
    const auto [enc, mid, dec] = unet_stages(config_);
    for (size_t i = 0; i < enc.size(); ++i) {
      const auto stage = fmt::format("input_blocks.{}.", i);
      add_stage(enc[i], stage + (i == 0 ? "0" : "0.op"), stage + "0.", stage + "1.", kTorchCfmParts);
    }
    add_stage(mid[0], "", "middle_block.0.", "middle_block.1.", kTorchCfmParts);
    add_stage(mid[1], "", "middle_block.2.", "", kTorchCfmParts);
    int64_t index = -1;  // a convolution that doubles the resolution is the last layer of the block before it
    int64_t num_layers = 0;
    for (const auto& stage : dec) {
      if (stage.is_residual) {
        ++index;
        num_layers = stage.has_attention ? 2 : 1;
      }
      const auto block = fmt::format("output_blocks.{}.", index);
      add_stage(stage, fmt::format("{}{}.conv", block, num_layers), block + "0.", block + "1.", kTorchCfmParts);
    }
  }

  void add_edm() {
    const int64_t side = config_.image_size;
    names_ = {{"embed.linear_1", "map_layer0"},
              {"embed.linear_2", "map_layer1"},
              {"embed.label", "map_label"},
              {"out.norm", fmt::format("dec.{}x{}_aux_norm", side, side)},
              {"out.conv", fmt::format("dec.{}x{}_aux_conv", side, side)}};
    const auto [enc, mid, dec] = unet_stages(config_);
    int64_t now = side;
    add_edm_half(enc, "enc", now);
    for (size_t i = 0; i < mid.size(); ++i) add_edm_stage(mid[i], fmt::format("dec.{}x{}_in{}", now, now, i));
    add_edm_half(dec, "dec", now);
  }

  void add_edm_half(const std::vector<UNetStageConfig>& stages, const char* half, int64_t& side) {
    int64_t block = 0;  // of this resolution
    for (const auto& stage : stages) {
      if (stage.resample != Resample::kNone) {
        side = stage.resample == Resample::kDown ? side / 2 : side * 2;
        block = 0;
      }
      const auto name = !stage.is_residual                  ? "conv"
                        : stage.resample == Resample::kDown ? "down"
                        : stage.resample == Resample::kUp   ? "up"
                                                            : fmt::format("block{}", block++);
      add_edm_stage(stage, fmt::format("{}.{}x{}_{}", half, side, side, name));
    }
  }

  void add_edm_stage(const UNetStageConfig& stage, const std::string& name) {
    add_stage(stage, name, name + ".", name + ".", kEdmParts);
  }

  void add_stage(const UNetStageConfig& stage, const std::string& conv, const std::string& res, const std::string& attn,
                 const Parts& parts) {
    names_[stage.name + ".conv"] = conv;
    names_[stage.name + ".res.norm_1"] = res + parts.norm_1;
    names_[stage.name + ".res.conv_1"] = res + parts.conv_1;
    names_[stage.name + ".res.emb"] = res + parts.emb;
    names_[stage.name + ".res.norm_2"] = res + parts.norm_2;
    names_[stage.name + ".res.conv_2"] = res + parts.conv_2;
    names_[stage.name + ".res.skip"] = res + parts.skip;
    names_[stage.name + ".attn.norm"] = attn + parts.norm;
    names_[stage.name + ".attn.qkv"] = attn + parts.qkv;
    names_[stage.name + ".attn.proj"] = attn + parts.proj;
  }

  const UNetConfig& config_;
  std::map<std::string, std::string> names_;
};

// Rows [3, heads, width] of ours out of [heads, 3, width] of torchcfm's and [heads, width, 3] of EDM's.
std::vector<Piece> qkv_pieces(const UNetConfig& config, const std::string& theirs, const std::vector<int64_t>& shape) {
  const int64_t row = c10::multiply_integers(shape) / shape[0];
  const int64_t heads = config.num_heads, width = shape[0] / (3 * heads);
  const bool is_edm = config.flavour == UNetFlavour::kEdm;
  std::vector<Piece> pieces;
  for (int64_t part = 0; part < 3; ++part) {
    for (int64_t head = 0; head < heads; ++head) {
      const int64_t begin = 3 * width * head;
      if (!is_edm) pieces.push_back({theirs, (begin + part * width) * row, width * row});
      for (int64_t i = 0; is_edm && i < width; ++i) pieces.push_back({theirs, (begin + 3 * i + part) * row, row});
    }
  }
  return pieces;
}

bool is_attention_matrix(const std::string& name) {
  return name.ends_with(".attn.qkv.weight") || name.ends_with(".attn.proj.weight");
}

}  // namespace

ShapeByName external_unet_shapes(const UNetConfig& config) {
  const ModuleNames names(config);
  const size_t num_dims = config.flavour == UNetFlavour::kEdm ? 4 : 3;
  ShapeByName shapes;
  for (auto [name, shape] : shapes_of(*make_model(config, at::kMeta))) {
    if (is_attention_matrix(name)) shape.resize(num_dims, 1);
    shapes[names.theirs(name)] = shape;
  }
  return shapes;
}

std::vector<ComposedTensor> unet_tensors_in(const UNetConfig& config, const std::string& prefix) {
  const ModuleNames names(config);
  std::vector<ComposedTensor> tensors;
  for (const auto& [name, shape] : shapes_of(*make_model(config, at::kMeta))) {
    const auto theirs = prefix + names.theirs(name);
    const bool is_qkv = name.find(".attn.qkv.") != std::string::npos;
    tensors.push_back(
        {name, shape,
         is_qkv ? qkv_pieces(config, theirs, shape) : std::vector<Piece>{{theirs, 0, c10::multiply_integers(shape)}}});
  }
  return tensors;
}

}  // namespace fgm
