#pragma once

#include <ATen/ATen.h>

#include "launch/cli/command.h"
#include "launch/runtime/world.h"

namespace fgm {

// The flag --dtype of `fgm encode`.
at::ScalarType store_dtype(const Flags& flags, at::ScalarType fallback);

// `fgm encode --vae`. Collective over the ranks; returns the exit code.
int encode_images_on(World& world, const Invocation& invocation);

}  // namespace fgm
