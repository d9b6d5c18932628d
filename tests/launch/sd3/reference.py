"""Opens ./folder and ./single.safetensors with diffusers and compares their velocity with that of `fgm forward`.

    reference.py FGM
"""

import subprocess
import sys

import torch
from diffusers import SD3Transformer2DModel
from safetensors.torch import load_file, save_file

torch.manual_seed(1)
models = {"folder": SD3Transformer2DModel.from_pretrained("folder"),
          "single.safetensors": SD3Transformer2DModel.from_single_file("single.safetensors", config="folder")}
config = models["folder"].config
inputs = {"x_t": torch.randn(3, config.in_channels, 8, 12), "t": torch.tensor([0.0, 0.8577, 1.0]),
          "context": torch.randn(3, 7, config.joint_attention_dim),
          "pooled": torch.randn(3, config.pooled_projection_dim)}
save_file(inputs, "in.safetensors")
for weights, model in models.items():
    with torch.no_grad():
        expected = model(inputs["x_t"], inputs["context"], inputs["pooled"], inputs["t"] * 1000.0).sample
    for ours in (weights, "run"):
        subprocess.run([sys.argv[1], "forward", "--weights", ours, "--inputs", "in.safetensors", "--out",
                        "out.safetensors"], check=True)
        error = (load_file("out.safetensors")["velocity"] - expected).abs().max() / expected.abs().max()
        print(f"diffusers on {weights}, fgm on {ours}: relative error {error:.1e}")
        assert expected.abs().max() > 0.01, "an all-zero velocity proves nothing"
        assert error < 1e-5, "the two differ"
