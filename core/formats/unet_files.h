#pragma once

#include <memory>
#include <optional>

#include "core/config/sections.h"
#include "core/io/tensor_source.h"

// The U-Nets of the CIFAR-10 benchmark as their authors save them (core/models/unet.h says whose they are).
namespace fgm {

struct ExternalUNet {
  UNetConfig config;
  std::shared_ptr<const TensorSource> weights;  // every parameter of a UNet of `config`, in our names
};

// The U-Net among a file's tensors, or nothing where there is none of the two. Of several (net_model, ema_model, ...)
// the first whose names begin with "ema" is taken, else the first; the log says which. Names tell EDM's image size;
// torchcfm's is 32, CIFAR-10's. Shapes do not tell torchcfm's heads: they are 64 channels wide, as its examples have
// them, in one where there are fewer. Left out is what makes no velocity: EDM's augmentation labels and resampling
// filters, and the discriminator's head ("cls_pred_branch") of the RealUID networks.
// ConfigError naming all tensors that are missing, surplus or of another shape than those of the network that the
// others tell.
std::optional<ExternalUNet> find_unet(const std::shared_ptr<const TensorSource>& file);

}  // namespace fgm
