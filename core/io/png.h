#pragma once

#include <ATen/ATen.h>

#include <filesystem>

namespace fgm {

// Writes a uint8 tensor [H, W, 3] (RGB) as a PNG, through a temporary name and a rename. IoError on failure.
void write_png(const std::filesystem::path& path, const at::Tensor& image_HWC);

// Lays images [N, H, W, 3] uint8 out in rows of `columns`, `gap` pixels of light grey between them; returns [H', W',
// 3]. Images of fewer than 96 pixels are enlarged by a whole number, so that they can be seen.
at::Tensor image_grid(const at::Tensor& images_NHWC, int64_t columns, int64_t gap = 2);

}  // namespace fgm
