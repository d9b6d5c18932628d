"""Makes vae.safetensors, the values of tests/core/models/vae_golden_test.cpp, from diffusers' AutoencoderKL.

    pip install torch==2.11.0 diffusers==0.42.1 safetensors numpy xxhash
    OMP_NUM_THREADS=1 python tests/golden/make_vae_golden.py tests/golden/vae.safetensors

"small" has four levels of few channels; "sd3" has the released sizes. Weights and inputs are drawn by
golden_random.py; every gradient of sum(output * probe) is kept as a few random projections.
"""

import json
import sys

import torch
from diffusers import AutoencoderKL
from safetensors.torch import save_file

from golden_random import draw_input, draw_parameter, projections

SHARED = dict(in_channels=3, out_channels=3, latent_channels=16, layers_per_block=2, scaling_factor=1.5305,
              shift_factor=0.0609, use_quant_conv=False, use_post_quant_conv=False)
CASES = {
    "small": (SHARED | dict(block_out_channels=[16, 32, 48, 48], norm_num_groups=8), (2, 3, 32, 48)),
    "sd3": (SHARED | dict(block_out_channels=[128, 256, 512, 512], norm_num_groups=32), (1, 3, 32, 32)),
}
RENAMED = [("down_blocks", "down"), ("up_blocks", "up"), ("resnets", "block"), ("downsamplers.0", "downsample"),
           ("upsamplers.0", "upsample"), ("conv_shortcut", "nin_shortcut"), ("mid_block.block.0", "mid.block_1"),
           ("mid_block.block.1", "mid.block_2"), ("mid_block.attentions.0", "mid.attn_1"), ("group_norm", "norm"),
           ("to_q", "q"), ("to_k", "k"), ("to_v", "v"), ("to_out.0", "proj_out"), ("conv_norm_out", "norm_out")]


def our_name(name, num_levels):
    """Stability's name of a diffusers parameter: the decoder's levels are counted from the other end."""
    for theirs, ours in RENAMED:
        name = name.replace(f".{theirs}.", f".{ours}.")
    parts = name.split(".")
    if parts[:2] == ["decoder", "up"]:
        parts[2] = str(num_levels - 1 - int(parts[2]))
    return ".".join(parts)


def make(case, config, shape, values):
    num_levels = len(config["block_out_channels"])
    vae = AutoencoderKL(**config, down_block_types=["DownEncoderBlock2D"] * num_levels,
                        up_block_types=["UpDecoderBlock2D"] * num_levels).eval()
    named = {our_name(name, num_levels): parameter for name, parameter in vae.named_parameters()}
    with torch.no_grad():
        for name, parameter in named.items():
            parameter.copy_(draw_parameter(case, name, parameter.shape))
    scale = 2 ** (num_levels - 1)
    images = draw_input(f"{case}/images", shape).requires_grad_()
    z = draw_input(f"{case}/z", (shape[0], config["latent_channels"], shape[2] // scale, shape[3] // scale))
    z = z.requires_grad_()
    latents = vae.encode(images).latent_dist
    outputs = {"mean": latents.mean, "logvar": latents.logvar, "decoded": vae.decode(z).sample}
    sum((out * draw_input(f"{case}/probe.{key}", out.shape)).sum() for key, out in outputs.items()).backward()
    values |= {f"{case}/{key}": out.detach().contiguous() for key, out in outputs.items()}
    gradients = {"images": images, "z": z} | named
    values |= {f"{case}/grad/{key}": projections(value.grad) for key, value in gradients.items()}
    return config | dict(_class_name="AutoencoderKL", shape=shape)


if __name__ == "__main__":
    golden = {}
    configs = {name: make(name, config, shape, golden) for name, (config, shape) in CASES.items()}
    save_file(golden, sys.argv[1], {"cases": json.dumps(configs)})
