#pragma once

#include <ATen/ATen.h>

#include <map>
#include <string>

#include "launch/cli/command.h"
#include "launch/runtime/world.h"

namespace fgm {

// What --dtype of `fgm encode` may be.
inline const std::map<std::string, at::ScalarType> kStoreDtypes = {
    {"fp32", at::kFloat}, {"bf16", at::kBFloat16}, {"fp16", at::kHalf}};

// `fgm encode --vae`. Collective over the ranks; returns the exit code.
int encode_images_on(World& world, const Invocation& invocation);

}  // namespace fgm
