#pragma once

#include "core/config/sections.h"
#include "core/io/composed_source.h"

// The names and layouts that a U-Net's tensors have with their authors (core/models/unet.h says whose they are).
namespace fgm {

// The external tensors of a UNet of `config`. Where we have the attention's matrices, the others have 1x1 convolutions,
// one-dimensional ones in torchcfm's.
ShapeByName external_unet_shapes(const UNetConfig& config);

// Our tensors of a UNet of `config` as pieces of the external ones, each of whose names `prefix` precedes.
std::vector<ComposedTensor> unet_tensors_in(const UNetConfig& config, const std::string& prefix = "");

}  // namespace fgm
