"""Distils the tiny pipeline on two ranks, and compares its student's one step by diffusers with that by fgm.

    student_reference.py FGM SOURCE_DIR

Works in the current folder.
"""

import pathlib
import subprocess
import sys

import numpy
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel, StableDiffusion3Pipeline
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file

FGM, SOURCE_DIR = sys.argv[1], pathlib.Path(sys.argv[2])
PIPELINE = SOURCE_DIR / "tests/golden/sd3_text"
PROMPTS = ["a red dog by the lighthouse, it's raining!", "two cats and a blue bridge at night"]
T5_TOKENS = 77


def fgm(*arguments, ranks=1):
    mpirun = [SOURCE_DIR / "launch/scripts/mpirun", "-n", ranks] if ranks > 1 else []
    subprocess.run([*map(str, mpirun), FGM, *map(str, arguments), "--run.threads", "1"], check=True)


def distil():
    pathlib.Path("prompts.txt").write_text("".join(f"{prompt}\n" for prompt in PROMPTS))
    encode = ["encode", "--text", PIPELINE, "--prompts", "prompts.txt", "--t5-tokens", T5_TOKENS]
    fgm(*encode, "--dtype", "fp32", "--out", "text.h5")
    fgm(*encode, "--out", "text.safetensors")
    fgm("distill", "--run", "student_run", "--teacher.weights", PIPELINE, "--data.store", "text.h5", "--text.store",
        "text.h5", "--steps", 3, "--method.batch", 4, "--method.init_time", 0.75, "--method.teacher_guidance", 4.5,
        "--student.lr", 0.01, ranks=2)
    fgm("export", "student_run", "--role", "student", "--format", "diffusers", "--out", "student")


def load_pipeline(transformer):
    pipeline = StableDiffusion3Pipeline.from_pretrained(
        PIPELINE, transformer=transformer, scheduler=FlowMatchEulerDiscreteScheduler(shift=1.0))
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def draw(pipeline, noise, init_time, output):
    side = noise.shape[-1] * pipeline.vae_scale_factor
    return pipeline(PROMPTS, height=side, width=side, latents=init_time * noise, sigmas=[init_time],
                    num_inference_steps=1, guidance_scale=1.0, max_sequence_length=T5_TOKENS,
                    output_type=output).images


def our_latents(noise, init_time):
    text = load_file("text.safetensors")
    save_file({"x_t": init_time * noise, "t": torch.full([len(noise)], init_time), "context": text["context"],
               "pooled": text["pooled"]}, "student_in.safetensors")
    fgm("forward", "--weights", "student_run", "--inputs", "student_in.safetensors", "--out",
        "student_out.safetensors")
    return init_time * (noise - load_file("student_out.safetensors")["velocity"])


def our_pixels(noise):
    save_file({"noise": noise}, "noise.safetensors")
    fgm("sample", "--sample.weights", "student_run", "--sample.role", "student", "--steps", 1, "--sample.prompts",
        "prompts.txt", "--sample.noise", "noise.safetensors", "--sample.vae", PIPELINE, "--sample.out", "images")
    return numpy.stack([numpy.asarray(Image.open(f"images/{i:05d}-0000.png")) for i in range(len(noise))]).astype(int)


def main():
    distil()
    with safe_open("student/diffusion_pytorch_model.safetensors", "pt") as file:
        metadata = file.metadata()
    init_time, side = float(metadata["fgm.init_time"]), int(metadata["fgm.sample_size"])
    student = SD3Transformer2DModel.from_pretrained("student")
    torch.manual_seed(1)
    noise = torch.randn(len(PROMPTS), student.config.in_channels, side, side)
    pipeline = load_pipeline(student)
    latents = draw(pipeline, noise, init_time, "latent")
    pixels = (draw(pipeline, noise, init_time, "np") * 255).round().astype(int)

    pipeline.register_modules(transformer=SD3Transformer2DModel.from_pretrained(PIPELINE, subfolder="transformer"))
    change = (draw(pipeline, noise, init_time, "latent") - latents).abs().max()
    error = (our_latents(noise, init_time) - latents).abs().max() / latents.abs().max()
    levels = abs(our_pixels(noise) - pixels).max()
    print(f"diffusers and fgm on the student's one step: latents differ by {error:.1e} of the largest value, pixels by "
          f"{levels} of 255; the teacher's latents are {change:.2f} away")
    assert change > 0.01, "a student that is its teacher proves nothing"
    assert error < 1e-4 and levels <= 1, "the two differ"


if __name__ == "__main__":
    main()
