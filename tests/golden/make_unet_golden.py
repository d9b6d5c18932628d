"""Makes unet.safetensors, the values of tests/core/models/unet_golden_test.cpp, from torchcfm's and EDM's U-Nets.

    git clone https://github.com/atong01/conditional-flow-matching CFM   # at cacd4dc8a5b6f50de63780e8f73754c9371f15db
    git clone https://github.com/NVlabs/edm EDM                          # at 008a4e5316c8e3bfe61a62f874bddba254295afb
    pip install torch==2.11.0 safetensors numpy xxhash requests
    OMP_NUM_THREADS=1 python tests/golden/make_unet_golden.py CFM EDM tests/golden/unet.safetensors

Weights and inputs are drawn by golden_random.py, under our names and in our layouts. Of each network the file holds the
velocity in our time (t = 0 data, t = 1 noise), and of every gradient of sum(velocity * probe) a few random projections;
likewise, of the networks with classes, of every weight in the reference's own layout. The metadata entry "cases" is each
one's configuration and the names and shapes of its state_dict().
"""

import json
import sys

import torch
from safetensors.torch import save_file

from golden_random import draw_input, draw_parameter, projections

sys.path[:0] = [f"{sys.argv[1]}/torchcfm/models", sys.argv[2]]
from training.networks import EDMPrecond  # noqa: E402
from unet.unet import UNetModelWrapper  # noqa: E402

SMALL = dict(in_channels=3, image_size=16, num_res_blocks=1, norm_groups=32, num_classes=0)
CASES = {
    "torchcfm": SMALL | dict(flavour="torchcfm", channels=64, channel_mult=[1, 2], attention_resolutions=[8],
                             num_heads=4),
    "torchcfm_classes": SMALL | dict(flavour="torchcfm", channels=64, channel_mult=[2, 1, 2], num_res_blocks=2,
                                     attention_resolutions=[16, 4], num_heads=2, num_classes=10),
    "edm": SMALL | dict(flavour="edm", channels=16, channel_mult=[2, 2], num_res_blocks=2, attention_resolutions=[8],
                        num_heads=1),
    "edm_classes": SMALL | dict(flavour="edm", channels=32, channel_mult=[1, 2, 2], attention_resolutions=[16, 8],
                                num_heads=1, num_classes=10),
}
CLASSES = torch.tensor([3, 0, 7])



def torchcfm_modules(config):
    """(our module, its name there) of every module that a network may have, and of some that it has not."""
    yield "embed.linear_1", "time_embed.0"
    yield "embed.linear_2", "time_embed.2"
    yield "embed.label", "label_emb"
    per_level, num_levels = config["num_res_blocks"] + 1, len(config["channel_mult"])
    for i in range(per_level * num_levels):
        yield f"enc.{i}.conv", f"input_blocks.{i}.0" + (".op" if i > 0 else "")
        yield from torchcfm_stage(f"enc.{i}", f"input_blocks.{i}")
    yield from torchcfm_stage("mid.0", "middle_block")
    yield from torchcfm_residual("mid.1.res", "middle_block.2")
    for i in range(per_level * num_levels):
        # The convolution that doubles the resolution is the last layer of the stage before it there.
        ours = i + i // per_level
        yield from torchcfm_stage(f"dec.{ours}", f"output_blocks.{i}")
        for layer in (1, 2):
            yield f"dec.{ours + 1}.conv", f"output_blocks.{i}.{layer}.conv"
    yield "out.norm", "out.0"
    yield "out.conv", "out.2"


def torchcfm_stage(ours, theirs):
    yield from torchcfm_residual(f"{ours}.res", f"{theirs}.0")
    for part, name in (("norm", "norm"), ("qkv", "qkv"), ("proj", "proj_out")):
        yield f"{ours}.attn.{part}", f"{theirs}.1.{name}"


def torchcfm_residual(ours, theirs):
    for part, name in (("norm_1", "in_layers.0"), ("conv_1", "in_layers.2"), ("emb", "emb_layers.1"),
                       ("norm_2", "out_layers.0"), ("conv_2", "out_layers.3"), ("skip", "skip_connection")):
        yield f"{ours}.{part}", f"{theirs}.{name}"


def edm_modules(config):
    """The same for EDM's names."""
    yield "embed.label", "model.map_label"
    yield "embed.linear_1", "model.map_layer0"
    yield "embed.linear_2", "model.map_layer1"
    num_blocks, num_levels = config["num_res_blocks"], len(config["channel_mult"])
    stages = {"enc": [], "mid": [], "dec": []}
    for level in range(num_levels):
        side = config["image_size"] >> level
        stages["enc"] += [f"enc.{side}x{side}_" + ("down" if level > 0 else "conv")]
        stages["enc"] += [f"enc.{side}x{side}_block{i}" for i in range(num_blocks)]
    for level in reversed(range(num_levels)):
        side = config["image_size"] >> level
        if level == num_levels - 1:
            stages["mid"] = [f"dec.{side}x{side}_in{i}" for i in range(2)]
        else:
            stages["dec"] += [f"dec.{side}x{side}_up"]
        stages["dec"] += [f"dec.{side}x{side}_block{i}" for i in range(num_blocks + 1)]
    for half, names in stages.items():
        for i, name in enumerate(names):
            if name.endswith("_conv"):
                yield f"{half}.{i}.conv", f"model.{name}"
            for part, theirs in (("res.norm_1", "norm0"), ("res.conv_1", "conv0"), ("res.emb", "affine"),
                                 ("res.norm_2", "norm1"), ("res.conv_2", "conv1"), ("res.skip", "skip"),
                                 ("attn.norm", "norm2"), ("attn.qkv", "qkv"), ("attn.proj", "proj")):
                yield f"{half}.{i}.{part}", f"model.{name}.{theirs}"
    side = config["image_size"]
    yield "out.norm", f"model.dec.{side}x{side}_aux_norm"
    yield "out.conv", f"model.dec.{side}x{side}_aux_conv"


def parameters(model, modules):
    """Our names of the model's parameters."""
    named = dict(model.named_parameters())
    named.pop("model.map_augment.weight", None)
    found = {f"{ours}.{kind}": named.pop(f"{theirs}.{kind}") for ours, theirs in modules
             for kind in ("weight", "bias") if f"{theirs}.{kind}" in named}
    assert not named, named.keys()
    return found


def our_shape(name, tensor):
    """Ours keeps the attention's 1x1 convolutions as matrices."""
    return tensor.shape[:2] if ".attn." in name else tensor.shape


def qkv_rows(config, num_rows):
    """For each row of ours, [3, heads, width], the reference's: [heads, 3, width], and [width, 3] of EDM's one head."""
    heads = config["num_heads"]
    theirs = torch.arange(num_rows)
    if config["flavour"] == "edm":
        return theirs.reshape(-1, 3).T.reshape(-1)
    return theirs.reshape(heads, 3, -1).transpose(0, 1).reshape(-1)


@torch.no_grad()
def fill(case, config, found):
    for name, parameter in found.items():
        drawn = draw_parameter(case, name, our_shape(name, parameter))
        if ".qkv." in name:
            rows = drawn
            drawn = torch.empty_like(rows)
            drawn[qkv_rows(config, len(rows))] = rows
        parameter.copy_(drawn.reshape(parameter.shape))


def gradient(config, name, parameter):
    grad = parameter.grad.reshape(our_shape(name, parameter))
    return grad[qkv_rows(config, len(grad))] if ".qkv." in name else grad


def torchcfm_network(config):
    model = UNetModelWrapper(
        dim=(config["in_channels"], config["image_size"], config["image_size"]), num_channels=config["channels"],
        num_res_blocks=config["num_res_blocks"], channel_mult=config["channel_mult"],
        attention_resolutions=",".join(map(str, config["attention_resolutions"])), num_heads=config["num_heads"],
        class_cond=config["num_classes"] > 0, num_classes=config["num_classes"])
    return model, torchcfm_modules(config), torch.tensor([0.8577, 0.0, 1.0])


def torchcfm_velocity(model, x_t, t, pooled):
    return -model(1.0 - t, x_t, CLASSES if model.num_classes else None)


def edm_network(config):
    model = EDMPrecond(config["image_size"], config["in_channels"], config["num_classes"], model_type="SongUNet",
                       model_channels=config["channels"], channel_mult=config["channel_mult"],
                       num_blocks=config["num_res_blocks"], attn_resolutions=config["attention_resolutions"],
                       augment_dim=9)
    return model, edm_modules(config), torch.tensor([0.8577, 0.25, 0.97])


def edm_velocity(model, x_t, t, pooled):
    t = t[:, None, None, None]
    return (x_t - model(x_t / (1.0 - t), t / (1.0 - t), pooled if model.label_dim else None)) / t


NETWORKS = {"torchcfm": (torchcfm_network, torchcfm_velocity), "edm": (edm_network, edm_velocity)}


def make(case, config, values):
    make_network, velocity_of = NETWORKS[config["flavour"]]
    model, modules, t = make_network(config)
    model.eval()
    found = parameters(model, modules)
    fill(case, config, found)
    side = config["image_size"]
    x_t = draw_input(f"{case}/x_t", (len(t), config["in_channels"], side, side)).requires_grad_()
    pooled = torch.nn.functional.one_hot(CLASSES, max(config["num_classes"], 8)).float()
    velocity = velocity_of(model, x_t, t, pooled)
    (velocity * draw_input(f"{case}/probe.velocity", velocity.shape)).sum().backward()
    values |= {f"{case}/t": t, f"{case}/velocity": velocity.detach(), f"{case}/pooled": pooled}
    values |= {f"{case}/grad/x_t": projections(x_t.grad)}
    values |= {f"{case}/grad/{name}": projections(gradient(config, name, value)) for name, value in found.items()}
    if config["num_classes"] > 0:
        values |= {f"{case}/theirs/{name}": projections(value) for name, value in model.named_parameters()
                   if name != "model.map_augment.weight"}
    return config | {"state_dict": {name: value.shape for name, value in model.state_dict().items()}}


if __name__ == "__main__":
    golden = {}
    cases = {case: make(case, config, golden) for case, config in CASES.items()}
    save_file(golden, sys.argv[3], {"cases": json.dumps(cases)})
