"""Makes the golden values of tests/core/models/mmdit_golden_test.cpp from diffusers' SD3Transformer2DModel.

    pip install torch==2.11.0 diffusers==0.42.1 safetensors
    python tests/golden/make_mmdit_golden.py tests/golden

Writes <name>_weights.safetensors (Stability's parameter names, which the model loads) and <name>_values.safetensors
(inputs, velocity, and the gradients of sum(velocity * probe)) for a tiny SD3 and a tiny SD3.5.
"""

import pathlib
import sys

import torch
from diffusers import SD3Transformer2DModel
from safetensors.torch import save_file

CONFIGS = {
    "mmdit_sd3": dict(num_layers=2, dual_attention_layers=(), qk_norm=None),
    "mmdit_sd35": dict(num_layers=3, dual_attention_layers=(0, 1), qk_norm="rms_norm"),
}
SHARED = dict(sample_size=8, patch_size=2, in_channels=4, out_channels=4, attention_head_dim=8, num_attention_heads=2,
              joint_attention_dim=12, caption_projection_dim=16, pooled_projection_dim=10, pos_embed_max_size=7)
GRADIENTS = ["x_embedder.proj.weight", "t_embedder.mlp.0.weight", "y_embedder.mlp.2.bias", "context_embedder.weight",
             "joint_blocks.0.x_block.attn.qkv.weight", "joint_blocks.0.context_block.attn.qkv.weight",
             "joint_blocks.0.context_block.adaLN_modulation.1.weight", "joint_blocks.0.x_block.mlp.fc1.weight",
             "final_layer.adaLN_modulation.1.weight", "final_layer.linear.weight"]


def swap_halves(tensor):
    """diffusers keeps [scale, shift] where Stability keeps [shift, scale]."""
    scale, shift = tensor.chunk(2, 0)
    return torch.cat([shift, scale], 0)


def to_original(state, num_layers):
    """Renames a diffusers state dict (or a dict of gradients) to Stability's names."""
    out = {}

    def put(new, old, change=lambda tensor: tensor):
        for kind in ("weight", "bias"):
            if f"{old}.{kind}" in state:
                out[f"{new}.{kind}"] = change(state[f"{old}.{kind}"]).contiguous()

    def put_attention(new, old, q, k, v, proj, norm_q, norm_k):
        for kind in ("weight", "bias"):
            out[f"{new}.qkv.{kind}"] = torch.cat([state[f"{old}.{part}.{kind}"] for part in (q, k, v)], 0)
        put(f"{new}.proj", f"{old}.{proj}")
        put(f"{new}.ln_q", f"{old}.{norm_q}")
        put(f"{new}.ln_k", f"{old}.{norm_k}")

    if "pos_embed.pos_embed" in state:
        out["pos_embed"] = state["pos_embed.pos_embed"]
    put("x_embedder.proj", "pos_embed.proj")
    put("context_embedder", "context_embedder")
    for new, old in (("t_embedder", "timestep_embedder"), ("y_embedder", "text_embedder")):
        put(f"{new}.mlp.0", f"time_text_embed.{old}.linear_1")
        put(f"{new}.mlp.2", f"time_text_embed.{old}.linear_2")
    for i in range(num_layers):
        new, old = f"joint_blocks.{i}", f"transformer_blocks.{i}"
        image = ("to_q", "to_k", "to_v", "to_out.0", "norm_q", "norm_k")
        put_attention(f"{new}.x_block.attn", f"{old}.attn", *image)
        put_attention(f"{new}.context_block.attn", f"{old}.attn", "add_q_proj", "add_k_proj", "add_v_proj",
                      "to_add_out", "norm_added_q", "norm_added_k")
        if f"{old}.attn2.to_q.weight" in state:
            put_attention(f"{new}.x_block.attn2", f"{old}.attn2", *image)
        put(f"{new}.x_block.adaLN_modulation.1", f"{old}.norm1.linear")
        put(f"{new}.context_block.adaLN_modulation.1", f"{old}.norm1_context.linear",
            swap_halves if i == num_layers - 1 else lambda tensor: tensor)
        for stream, ff in (("x_block", "ff"), ("context_block", "ff_context")):
            put(f"{new}.{stream}.mlp.fc1", f"{old}.{ff}.net.0.proj")
            put(f"{new}.{stream}.mlp.fc2", f"{old}.{ff}.net.2")
    put("final_layer.linear", "proj_out")
    put("final_layer.adaLN_modulation.1", "norm_out.linear", swap_halves)
    return out


def make(name, config, folder):
    torch.manual_seed(0)
    model = SD3Transformer2DModel(**SHARED, **config).eval()
    for key, parameter in model.named_parameters():
        parameter.data = torch.randn_like(parameter) * 0.2 + (1.0 if ".norm_" in key else 0.0)
    inputs = {"x_t": torch.randn(3, 4, 8, 12), "t": torch.tensor([0.0, 0.8577, 1.0]),
              "context": torch.randn(3, 5, 12), "pooled": torch.randn(3, 10)}
    differentiable = ("x_t", "context", "pooled")
    for key in differentiable:
        inputs[key].requires_grad_()
    velocity = model(inputs["x_t"], inputs["context"], inputs["pooled"], inputs["t"] * 1000.0).sample
    probe = torch.randn_like(velocity)
    (velocity * probe).sum().backward()

    state = dict(model.state_dict())
    weights = to_original(state, config["num_layers"])
    # Parameters without a gradient (the last block's unused queries) count as zero, so that q, k, v can be joined.
    grads = {key: p.grad if p.grad is not None else torch.zeros_like(p) for key, p in model.named_parameters()}
    grads = to_original(grads, config["num_layers"])
    values = {key: value.detach() for key, value in inputs.items()} | {"velocity": velocity.detach(), "probe": probe}
    values |= {f"grad.{key}": inputs[key].grad for key in differentiable}
    chosen = GRADIENTS + ([k for k in grads if ".1.x_block.attn2." in k or ".0.context_block.attn.ln_" in k])
    values |= {f"grad.{key}": grads[key] for key in chosen}
    metadata = {"source": "tests/golden/make_mmdit_golden.py", "torch": torch.__version__}
    save_file(weights, folder / f"{name}_weights.safetensors", metadata)
    save_file({key: value.contiguous() for key, value in values.items()}, folder / f"{name}_values.safetensors", metadata)


if __name__ == "__main__":
    for config_name, extra in CONFIGS.items():
        make(config_name, extra, pathlib.Path(sys.argv[1]))
