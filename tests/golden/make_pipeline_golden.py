"""Makes sd3_pipeline/, a diffusers folder of a tiny SD3.5 for tests/core/formats/sd3_files_test.cpp.

    pip install torch==2.11.0 diffusers==0.42.1 safetensors numpy xxhash
    OMP_NUM_THREADS=1 python tests/golden/make_pipeline_golden.py tests/golden/sd3_pipeline

diffusers itself writes it: the transformer in shards, its dual-attention block, q/k norms and swapped halves included.
The values are golden_random.py's, drawn under our names, so that the test knows what each tensor must hold.
"""

import json
import pathlib
import sys

import torch
from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel

import make_mmdit_golden
import make_vae_golden
from golden_random import draw_parameter

TRANSFORMER = dict(sample_size=8, patch_size=2, in_channels=4, out_channels=4, num_layers=3, attention_head_dim=8,
                   num_attention_heads=2, joint_attention_dim=12, caption_projection_dim=16, pooled_projection_dim=10,
                   pos_embed_max_size=6, dual_attention_layers=[0], qk_norm="rms_norm")
VAE = make_vae_golden.SHARED | dict(block_out_channels=[8, 16], norm_num_groups=4, layers_per_block=1,
                                    latent_channels=4)


def make_transformer():
    model = SD3Transformer2DModel(**TRANSFORMER)
    make_mmdit_golden.fill("transformer", make_mmdit_golden.parameters(model, make_mmdit_golden.modules(TRANSFORMER)))
    model.pos_embed.pos_embed.copy_(draw_parameter("transformer", "pos_embed", model.pos_embed.pos_embed.shape))
    return model


@torch.no_grad()
def make_vae():
    vae = AutoencoderKL(**VAE, down_block_types=["DownEncoderBlock2D"] * 2, up_block_types=["UpDecoderBlock2D"] * 2)
    for name, parameter in vae.named_parameters():
        parameter.copy_(draw_parameter("vae", make_vae_golden.our_name(name, 2), parameter.shape))
    return vae


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    make_transformer().save_pretrained(folder / "transformer", max_shard_size="80KB")
    make_vae().save_pretrained(folder / "vae")
    FlowMatchEulerDiscreteScheduler(shift=3.0).save_pretrained(folder / "scheduler")
    (folder / "model_index.json").write_text(json.dumps({"_class_name": "StableDiffusion3Pipeline"}, indent=2) + "\n")
