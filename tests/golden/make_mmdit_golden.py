"""Makes mmdit.safetensors, the values of tests/core/models/mmdit_golden_test.cpp, from diffusers.

    pip install torch==2.11.0 diffusers==0.42.1 safetensors numpy xxhash
    OMP_NUM_THREADS=1 python tests/golden/make_mmdit_golden.py tests/golden/mmdit.safetensors

Weights and inputs are drawn by golden_random.py. Of each model the file holds the velocity, of each block its outputs,
and of every gradient of sum(output * probe) a few random projections. The metadata entry "cases" is each one's
configuration.
"""

import json
import sys

import torch
from diffusers import SD3Transformer2DModel
from diffusers.models.attention import JointTransformerBlock
from diffusers.models.embeddings import PatchEmbed
from safetensors.torch import save_file

from golden_random import draw_input, draw_parameter, projections

# diffusers' own test configuration, and small networks with the released ones' structure.
TINY = dict(sample_size=32, patch_size=1, in_channels=4, out_channels=4, num_layers=4, attention_head_dim=8,
            num_attention_heads=4, joint_attention_dim=32, caption_projection_dim=32, pooled_projection_dim=64,
            pos_embed_max_size=96)
SMALL = dict(sample_size=48, patch_size=2, in_channels=16, out_channels=16, attention_head_dim=16,
             num_attention_heads=3, joint_attention_dim=40, caption_projection_dim=48, pooled_projection_dim=24,
             pos_embed_max_size=24)
SD3 = dict(dual_attention_layers=[], qk_norm=None)
MODELS = {
    "tiny_sd3": (TINY | SD3, (2, 4, 32, 32), 154),
    "tiny_sd35": (TINY | dict(dual_attention_layers=[0], qk_norm="rms_norm"), (2, 4, 32, 32), 154),
    "sd3": (SMALL | SD3 | dict(num_layers=3), (1, 16, 18, 26), 333),
    "sd35": (SMALL | dict(num_layers=3, dual_attention_layers=[], qk_norm="rms_norm"), (3, 16, 16, 16), 77),
    "sd35_dual": (SMALL | dict(num_layers=4, dual_attention_layers=[0, 1, 2], qk_norm="rms_norm"), (3, 16, 22, 10),
                  154),
}
BLOCKS = {
    "block_1536": dict(num_attention_heads=24, dual_attention_layers=[0], qk_norm="rms_norm"),
    "block_2432": dict(num_attention_heads=38, dual_attention_layers=[], qk_norm="rms_norm"),
}
IMAGE_TOKENS, CONTEXT_TOKENS = 12, 7


def modules(config):
    """(our module, its modules in diffusers, are its halves swapped) of every module with parameters."""
    yield "x_embedder.proj", ["pos_embed.proj"], False
    yield "context_embedder", ["context_embedder"], False
    for ours, theirs in (("t_embedder", "timestep_embedder"), ("y_embedder", "text_embedder")):
        yield f"{ours}.mlp.0", [f"time_text_embed.{theirs}.linear_1"], False
        yield f"{ours}.mlp.2", [f"time_text_embed.{theirs}.linear_2"], False
    for i in range(config["num_layers"]):
        for ours, theirs, swapped in block_modules(is_last=i == config["num_layers"] - 1):
            yield f"joint_blocks.{i}.{ours}", [f"transformer_blocks.{i}.{name}" for name in theirs], swapped
    yield "final_layer.linear", ["proj_out"], False
    yield "final_layer.adaLN_modulation.1", ["norm_out.linear"], True


def block_modules(is_last):
    for attention in ("attn", "attn2"):
        yield f"x_block.{attention}.qkv", [f"{attention}.to_{part}" for part in "qkv"], False
        yield f"x_block.{attention}.proj", [f"{attention}.to_out.0"], False
        for part in "qk":
            yield f"x_block.{attention}.ln_{part}", [f"{attention}.norm_{part}"], False
    yield "context_block.attn.qkv", [f"attn.add_{part}_proj" for part in "qkv"], False
    yield "context_block.attn.proj", ["attn.to_add_out"], False
    for part in "qk":
        yield f"context_block.attn.ln_{part}", [f"attn.norm_added_{part}"], False
    yield "x_block.adaLN_modulation.1", ["norm1.linear"], False
    yield "context_block.adaLN_modulation.1", ["norm1_context.linear"], is_last
    for stream, feed_forward in (("x_block", "ff"), ("context_block", "ff_context")):
        yield f"{stream}.mlp.fc1", [f"{feed_forward}.net.0.proj"], False
        yield f"{stream}.mlp.fc2", [f"{feed_forward}.net.2"], False


def swap_halves(tensor, swapped):
    """diffusers keeps [scale, shift] where Stability keeps [shift, scale]."""
    return torch.cat(tensor.chunk(2)[::-1]) if swapped else tensor


def parameters(model, modules_of_model):
    """(our name, diffusers' parameters, swapped) of every parameter of `model`."""
    named = dict(model.named_parameters())
    for ours, theirs, swapped in modules_of_model:
        for kind in ("weight", "bias"):
            if f"{theirs[0]}.{kind}" in named:
                yield f"{ours}.{kind}", [named.pop(f"{name}.{kind}") for name in theirs], swapped
    assert not named, named.keys()


@torch.no_grad()
def fill(case, found):
    for name, parts, swapped in found:
        shape = (sum(part.shape[0] for part in parts), *parts[0].shape[1:])
        drawn = swap_halves(draw_parameter(case, name, shape), swapped)
        for part, value in zip(parts, drawn.chunk(len(parts))):
            part.copy_(value)


def gradient(parts, swapped):
    # The last block's context queries take part in nothing: no gradient counts as zero.
    grads = [part.grad if part.grad is not None else torch.zeros_like(part) for part in parts]
    return swap_halves(torch.cat(grads), swapped)


def differentiate(case, outputs, inputs, found, values):
    sum((out * draw_input(f"{case}/probe.{key}", out.shape)).sum() for key, out in outputs.items()).backward()
    values |= {f"{case}/{key}": out.detach().contiguous() for key, out in outputs.items()}
    values |= {f"{case}/grad/{key}": projections(value.grad) for key, value in inputs.items()}
    values |= {f"{case}/grad/{name}": projections(gradient(parts, swapped)) for name, parts, swapped in found}


def make_model(case, config, shape, context_rows, values):
    model = SD3Transformer2DModel(**config).eval()
    found = list(parameters(model, modules(config)))
    fill(case, found)
    model.pos_embed.pos_embed.copy_(draw_parameter(case, "pos_embed", model.pos_embed.pos_embed.shape))
    batch = shape[0]
    inputs = {"x_t": draw_input(f"{case}/x_t", shape),
              "context": draw_input(f"{case}/context", (batch, context_rows, config["joint_attention_dim"])),
              "pooled": draw_input(f"{case}/pooled", (batch, config["pooled_projection_dim"]))}
    inputs = {key: value.requires_grad_() for key, value in inputs.items()}
    t = torch.tensor([0.8577, 0.0, 1.0])[:batch]
    velocity = model(inputs["x_t"], inputs["context"], inputs["pooled"], t * 1000.0).sample
    differentiate(case, {"velocity": velocity}, inputs, found, values)

    with torch.no_grad():
        x_t, context, pooled = (value.bfloat16() for value in inputs.values())
        rounded = model.bfloat16()(x_t, context, pooled, t * 1000.0).sample.float()
    values[f"{case}/bf16_error"] = ((rounded - velocity).norm() / velocity.norm()).double()
    return config | dict(_class_name="SD3Transformer2DModel", shape=shape, context_rows=context_rows)


def make_block(case, config, values):
    width = 64 * config["num_attention_heads"]
    block = JointTransformerBlock(width, config["num_attention_heads"], 64, qk_norm=config["qk_norm"],
                                  use_dual_attention=bool(config["dual_attention_layers"])).eval()
    found = list(parameters(block, block_modules(is_last=False)))
    fill(case, found)
    inputs = {"x": draw_input(f"{case}/x", (2, IMAGE_TOKENS, width)),
              "context": draw_input(f"{case}/context", (2, CONTEXT_TOKENS, width)),
              "condition": draw_input(f"{case}/condition", (2, width))}
    inputs = {key: value.requires_grad_() for key, value in inputs.items()}
    context, x = block(inputs["x"], inputs["context"], inputs["condition"])
    differentiate(case, {"new_x": x, "new_context": context}, inputs, found, values)
    return config


if __name__ == "__main__":
    golden, configs = {}, {}
    for name, (model_config, latent_shape, rows) in MODELS.items():
        configs[name] = make_model(name, model_config, latent_shape, rows, golden)
    for name, block_config in BLOCKS.items():
        configs[name] = make_block(name, block_config, golden)
    golden["position_table"] = PatchEmbed(height=8, width=8, patch_size=2, embed_dim=16, pos_embed_max_size=7).pos_embed
    save_file(golden, sys.argv[1], {"cases": json.dumps(configs)})
