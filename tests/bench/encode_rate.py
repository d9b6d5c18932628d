#!/usr/bin/env python3
"""One CPU thread, fp32: prompts a second of `fgm encode`, and of transformers behind diffusers' encode_prompt().

    python3 tests/bench/encode_rate.py build/release/fgm

Of the tiny pipeline in tests/golden/sd3_text, and of the same with one layer of T5-XXL (4096 wide, 64 heads of 64, MLP
of 10240) in place of its T5; 77 tokens. Needs diffusers, transformers and torch 2.11. fgm's time is what more prompts
take beyond fewer, so that starting a process and opening the weights, which Python has behind it, do not count; writing
the store does. Both sides take turns, with as many prompts at once. Prints medians over the rounds of prompts a second,
and of the rounds' ratios (ours / theirs; more is faster), by the clock and by processor time, which other work on the
machine disturbs less.
"""

import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

os.environ["OMP_NUM_THREADS"] = "1"
import numpy as np
import torch
from diffusers import StableDiffusion3Pipeline
from transformers import T5Config, T5EncoderModel

PIPELINE = pathlib.Path(__file__).resolve().parents[1] / "golden/sd3_text"
PROMPTS_AT_ONCE = 8  # of fgm on a CPU
TOKENS = 77
ROUNDS = 5
XXL = dict(d_model=4096, d_kv=64, num_heads=64, d_ff=10240, num_layers=1, feed_forward_proj="gated-gelu",
           tie_word_embeddings=False)


def with_a_layer_of_t5_xxl(folder):
    for part in PIPELINE.iterdir():
        if part.name != "text_encoder_3":
            (folder / part.name).symlink_to(part)
    vocab_size = T5Config.from_pretrained(PIPELINE / "text_encoder_3").vocab_size
    torch.manual_seed(1)
    T5EncoderModel(T5Config(**XXL, vocab_size=vocab_size)).bfloat16().save_pretrained(folder / "text_encoder_3")
    return folder


def times(whose):
    """Seconds by the clock, and of processor time."""
    usage = resource.getrusage(whose)
    return np.array([time.perf_counter(), usage.ru_utime + usage.ru_stime])


def prompts(count):
    return [f"{i} dogs and a blue bridge at night" for i in range(count)]


def seconds_of_fgm(fgm, folder, scratch, num_batches):
    """Of so many whole batches; the empty prompt, which fgm adds, is one of the prompts."""
    list_file = scratch / "prompts.txt"
    list_file.write_text("".join(f"{prompt}\n" for prompt in prompts(num_batches * PROMPTS_AT_ONCE - 1)))
    out = scratch / "text.h5"
    out.unlink(missing_ok=True)
    began = times(resource.RUSAGE_CHILDREN)
    subprocess.run([fgm, "encode", "--text", folder, "--prompts", list_file, "--t5-tokens", str(TOKENS), "--dtype",
                    "fp32", "--out", out, "--run.threads", "1"], check=True, capture_output=True)
    return times(resource.RUSAGE_CHILDREN) - began


def our_rates(fgm, folder, scratch, few, many):
    more = seconds_of_fgm(fgm, folder, scratch, many) - seconds_of_fgm(fgm, folder, scratch, few)
    return (many - few) * PROMPTS_AT_ONCE / more


def their_rates(pipeline, num_batches):
    batch = prompts(PROMPTS_AT_ONCE)
    began = times(resource.RUSAGE_SELF)
    for _ in range(num_batches):
        pipeline.encode_prompt(batch, None, None, do_classifier_free_guidance=False, max_sequence_length=TOKENS)
    return num_batches * PROMPTS_AT_ONCE / (times(resource.RUSAGE_SELF) - began)


@torch.no_grad()
def compare(title, fgm, folder, scratch, few, many):
    pipeline = StableDiffusion3Pipeline.from_pretrained(folder, transformer=None, vae=None, torch_dtype=torch.float32)
    their_rates(pipeline, 1)
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(our_rates(fgm, folder, scratch, few, many))
        theirs.append(their_rates(pipeline, many - few))
    ratios = np.array(ours) / np.array(theirs)
    print(title)
    for i, clock in enumerate(("by the clock", "by processor time")):
        our_rate, their_rate, ratio = (np.median(values, axis=0)[i] for values in (ours, theirs, ratios))
        print(f"  {clock}: ours {our_rate:.2f} prompts/s, theirs {their_rate:.2f}, ratio {ratio:.2f} "
              f"(rounds {', '.join(f'{r:.2f}' for r in ratios[:, i])})", flush=True)


def main():
    fgm = sys.argv[1]
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        scratch = pathlib.Path(name)
        compare("tiny pipeline", fgm, PIPELINE, scratch, few=1, many=65)
        (scratch / "xxl").mkdir()
        xxl = with_a_layer_of_t5_xxl(scratch / "xxl")
        compare("tiny pipeline with a layer of T5-XXL", fgm, xxl, scratch, few=1, many=3)


if __name__ == "__main__":
    main()
