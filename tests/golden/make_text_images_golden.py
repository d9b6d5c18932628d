"""Makes sd3_text_images.safetensors: what diffusers draws with the pipeline of make_text_golden.py.

    pip install torch==2.11.0 transformers==5.24.0 diffusers==0.42.1 sentencepiece protobuf safetensors numpy xxhash
    OMP_NUM_THREADS=1 python tests/golden/make_text_images_golden.py tests/golden/sd3_text

It holds `noise` [2, C, H, W], one for each of the metadata's prompts, and for 1, 4 and 28 steps at guidance 1 and 4.5
`latents.STEPS.GUIDANCE` and `pixels.STEPS.GUIDANCE`, uint8 [2, H, W, 3]. T5 has 77 tokens.
"""

import json
import pathlib
import sys

import torch
from diffusers import StableDiffusion3Pipeline
from safetensors.torch import save_file

from golden_random import draw_parameter
from make_text_golden import PROMPTS

SIDE = 16


@torch.no_grad()
def draw(pipeline, noise, steps, guidance, output):
    return pipeline(PROMPTS, height=SIDE, width=SIDE, num_inference_steps=steps, guidance_scale=guidance,
                    latents=noise.clone(), max_sequence_length=77, output_type=output).images


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    pipeline = StableDiffusion3Pipeline.from_pretrained(folder, torch_dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    side = SIDE // pipeline.vae_scale_factor
    noise = draw_parameter("images", "noise", (len(PROMPTS), pipeline.transformer.config.in_channels, side, side))
    noise /= noise.std()
    values = {"noise": noise}
    for steps in (1, 4, 28):
        for guidance in (1.0, 4.5):
            values[f"latents.{steps}.{guidance}"] = draw(pipeline, noise, steps, guidance, "latent")
            pixels = draw(pipeline, noise, steps, guidance, "np")
            values[f"pixels.{steps}.{guidance}"] = torch.from_numpy((pixels * 255).round().astype("uint8"))
    save_file({key: value.contiguous() for key, value in values.items()}, f"{folder}_images.safetensors",
              {"prompts": json.dumps(PROMPTS)})
    print({key: (tuple(value.shape), float(value.float().std())) for key, value in values.items()})
