#pragma once

#include "data/import/pack_images.h"
#include "launch/cli/flags.h"

namespace fgm {

// What the flags --images, --captions, --column, --resolution, --max-pixels, --max-bad and --out ask of pack_images().
PackOptions pack_options(const Flags& flags);

}  // namespace fgm
