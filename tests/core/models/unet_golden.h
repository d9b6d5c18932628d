#pragma once

#include "core/config/sections.h"
#include "tests/core/models/golden.h"

// Cases of tests/golden/make_unet_golden.py.
namespace fgm::golden {

inline UNetConfig unet_config(const nlohmann::json& json) {
  return {.flavour = json["flavour"] == "edm" ? UNetFlavour::kEdm : UNetFlavour::kTorchCfm,
          .in_channels = json["in_channels"],
          .image_size = json["image_size"],
          .channels = json["channels"],
          .channel_mult = json["channel_mult"],
          .num_res_blocks = json["num_res_blocks"],
          .attention_resolutions = json["attention_resolutions"],
          .num_heads = json["num_heads"],
          .norm_groups = json["norm_groups"],
          .num_classes = json["num_classes"]};
}

}  // namespace fgm::golden
