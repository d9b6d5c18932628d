#pragma once

#include <filesystem>

#include "core/eval/feature_space.h"

namespace fgm {

// The features of a user's TorchScript network, on the CPU, by a file that torch.jit.save wrote. Opening it executes
// code from that file, which a line of the log says. The network gets uint8 [N, 3, H, W], and return_features=True
// where its forward takes that; it resizes and scales by itself, as StyleGAN's `inception-2015-12-05.pt` does
// (to 299 x 299, Karras et al., arXiv 2006.06676). Of that file, told by its name and its 2048 features, a Frechet
// distance is the FID. The space is named after the file and its digest. ConfigError naming the file when it cannot be
// opened, or when the network gives anything but finite [N, D].
FeatureSpace torchscript_space(const std::filesystem::path& path);

}  // namespace fgm
