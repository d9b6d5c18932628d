"""Makes tests/golden/caches/, the files of tests/data/import/import_cache_test.cpp: what kohya's sd-scripts and scripts with
torch.save() cache, with the same keys, dtypes and file names but smaller arrays.

    pip install torch==2.11.0 numpy==2.4.6
    python tests/golden/make_cache_golden.py tests/golden/caches

sd-scripts' layout is that of its library/strategy_sd3.py and library/strategy_base.py at commit 07007bf7 (2025): one .npz
a prompt by numpy.savez, float32; latents by their own height and width, as the autoencoder's sample, which
(z - 0.0609) * 1.5305 is applied to only in training.
dog_0016x0024_sd3.npz has the key of the versions before one file held several sizes.
"""

import pathlib
import sys

import numpy as np
import torch

CLIP, T5, POOLED, WIDTH, T = 6, 8, 6, 8, 4


def values(shape, start):
    return (np.arange(np.prod(shape), dtype=np.float32) / 64 + start).reshape(shape)


def embeddings(k):
    return values((77, CLIP), k), values((T, T5), k + 0.25), values((POOLED,), k + 0.5)


def save_embeddings(path, k, t5_mask=False):
    clip, t5, pooled = embeddings(k)
    ones = np.ones(77, np.int64)
    np.savez(path, lg_out=clip, lg_pooled=pooled, t5_out=t5, clip_l_attn_mask=ones, clip_g_attn_mask=ones,
             t5_attn_mask=np.ones(T, np.int64), apply_lg_attn_mask=False, apply_t5_attn_mask=t5_mask)


def save_latents(path, size, suffixes, start):
    arrays = {}
    for i, (h, w, suffix) in enumerate(suffixes):
        arrays["latents" + suffix] = values((2, h, w), start + i)
        arrays["latents_flipped" + suffix] = values((2, h, w), start + i)[:, :, ::-1]
        arrays["original_size" + suffix] = np.array(size)
        arrays["crop_ltrb" + suffix] = np.array((0, 0, size[0], size[1]))
        arrays["alpha_mask" + suffix] = np.ones((8 * h, 8 * w), np.float32)
    np.savez(path, **{k: np.ascontiguousarray(v) for k, v in arrays.items()})


out = pathlib.Path(sys.argv[1])
folder = out / "sd_scripts"
folder.mkdir(parents=True, exist_ok=True)
captions = {"cat.txt": " a cat \nand what is not encoded\n", "dog.caption": "a do\u0308g", "empty.txt": "\n", "masked.txt": "a cow"}
for i, (name, text) in enumerate(captions.items()):
    (folder / name).write_text(text, encoding="utf-8")
    save_embeddings(folder / f"{name.split('.')[0]}_sd3_te.npz", i, t5_mask=name == "masked.txt")
save_latents(folder / "cat_0016x0024_sd3.npz", (16, 24), [(3, 2, "_3x2"), (6, 4, "_6x4")], 10)
save_latents(folder / "dog_0016x0024_sd3.npz", (16, 24), [(3, 2, "")], 20)

rows = [embeddings(i) for i in range(2)]
clip, t5, pooled = (torch.from_numpy(np.stack(part)) for part in zip(*rows))
context = torch.cat([torch.nn.functional.pad(clip, (0, WIDTH - CLIP)), t5], 1)
torch.save({"prompts": ["a cat", ""], "prompt_embeds": context, "pooled_prompt_embeds": pooled.bfloat16(), "version": 1},
           out / "embeddings.pt")
torch.save({"caption": "a cat", "latents": torch.from_numpy(values((1, 2, 3, 2), 10))}, out / "latents.pt")
