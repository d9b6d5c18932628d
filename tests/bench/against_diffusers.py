#!/usr/bin/env python3
"""One CPU thread, fp32: ours against diffusers' and transformers' model in PyTorch eager, in turns in one run.

    cmake --build --preset release --target mmdit_bench
    python3 tests/bench/against_diffusers.py build/release/tests/mmdit_bench

Forward and backward, of T5 forward alone. Needs diffusers, transformers and torch 2.11. Prints the median milliseconds
of both sides and their ratio (ours / theirs).
"""
import json
import os
import statistics
import subprocess
import sys
import time

os.environ["OMP_NUM_THREADS"] = "1"
import torch
from diffusers import SD3Transformer2DModel
from diffusers.models.attention import JointTransformerBlock
from transformers import T5Config
from transformers.models.t5.modeling_t5 import T5Block

ROUNDS = 5
PASSES = 3  # of one round, after one to warm up


def leave_adaln_zero(module):
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.01)


def quickstart():
    model = SD3Transformer2DModel(
        sample_size=24, patch_size=6, in_channels=3, out_channels=3, num_layers=4, attention_head_dim=32,
        num_attention_heads=4, joint_attention_dim=64, caption_projection_dim=128, pooled_projection_dim=64,
        pos_embed_max_size=8)
    leave_adaln_zero(model)
    x_t, t = torch.randn(128, 3, 24, 24), torch.rand(128) * 1000
    context, pooled = torch.randn(128, 12, 64), torch.randn(128, 64)
    return lambda: [model(x_t, context, pooled, t, return_dict=False)[0]], list(model.parameters())


def sd3_block():
    block = JointTransformerBlock(dim=1536, num_attention_heads=24, attention_head_dim=64)
    leave_adaln_zero(block)
    x, context = torch.randn(2, 256, 1536, requires_grad=True), torch.randn(2, 154, 1536, requires_grad=True)
    condition = torch.randn(2, 1536, requires_grad=True)
    return lambda: list(block(x, context, condition)), [x, context, condition, *block.parameters()]


def t5_layer():
    config = T5Config(d_model=4096, num_heads=64, d_kv=64, d_ff=10240, num_layers=1, feed_forward_proj="gated-gelu")
    config._attn_implementation = "sdpa"
    layer = T5Block(config).eval()
    x, bias = torch.randn(1, 154, 4096), torch.randn(1, 64, 154, 154)
    return lambda: [layer(x, position_bias=bias)[0]], []


def theirs(outputs, leaves):
    times = []
    for _ in range(PASSES + 1):
        began = time.perf_counter()
        with torch.set_grad_enabled(bool(leaves)):
            losses = [output.square().mean() for output in outputs()]
        if leaves:
            torch.autograd.grad(losses, leaves)
        times.append(1e3 * (time.perf_counter() - began))
    return times[1:]


def ours(binary, name):
    report = subprocess.run(
        [binary, f"--benchmark_filter=^{name}/1/", f"--benchmark_repetitions={PASSES}", "--benchmark_min_time=0.01",
         "--benchmark_format=json"], check=True, capture_output=True, text=True).stdout
    return [b["real_time"] for b in json.loads(report)["benchmarks"] if b["run_type"] == "iteration"]


def main():
    binary = sys.argv[1]
    torch.set_num_threads(1)
    for title, name, make in [("quickstart network, batch 128", "BM_Train", quickstart),
                              ("SD3 block 1536/24, 256 + 154 tokens, batch 2", "BM_Sd3Block", sd3_block),
                              ("T5-XXL layer, 154 tokens, batch 1", "BM_T5Layer", t5_layer)]:
        torch.manual_seed(1)
        outputs, leaves = make()
        our_ms, their_ms = [], []
        for _ in range(ROUNDS):
            our_ms += ours(binary, name)
            their_ms += theirs(outputs, leaves)
        a, b = statistics.median(our_ms), statistics.median(their_ms)
        print(f"{title}: ours {a:.1f} ms, theirs {b:.1f} ms, ratio {a / b:.2f}")


if __name__ == "__main__":
    main()
