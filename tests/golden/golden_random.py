"""core/base/rng.h's uniform numbers in numpy, and what the golden scripts draw from them.

The C++ side of it is tests/core/models/golden.h. Weights and inputs need no room in the golden files that way, and
every operation is exact or rounds once, so that both sides hold the same bits. Needs numpy and xxhash.
"""

import math

import numpy
import torch
import xxhash

NUM_PROBES = 4


def philox4x32(counter, key):
    """Philox4x32-10 over arrays; counter is a list of four uint64 arrays that hold 32-bit words."""
    mask = numpy.uint64(0xFFFFFFFF)
    half = numpy.uint64(32)
    key = list(key)
    for _ in range(10):
        product_0 = counter[0] * numpy.uint64(0xD2511F53)
        product_1 = counter[2] * numpy.uint64(0xCD9E8D57)
        counter = [(product_1 >> half) ^ counter[1] ^ numpy.uint64(key[0]), product_1 & mask,
                   (product_0 >> half) ^ counter[3] ^ numpy.uint64(key[1]), product_0 & mask]
        key = [(key[0] + 0x9E3779B9) & 0xFFFFFFFF, (key[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return counter


def uniform(name, shape):
    """RandomStream(0, name).uniform(0, 0, shape[0], shape[1:]): float32 in (0, 1)."""
    seed = xxhash.xxh3_64_intdigest(name.encode(), 0)
    per_row = math.prod(shape[1:])
    num_blocks = (per_row + 3) // 4
    block, row = numpy.meshgrid(numpy.arange(num_blocks, dtype=numpy.uint64),
                                numpy.arange(shape[0], dtype=numpy.uint64))
    zero = numpy.zeros_like(block)
    words = philox4x32([block, row, zero, zero], (seed & 0xFFFFFFFF, seed >> 32))
    words = numpy.stack(words, axis=-1).reshape(shape[0], -1)[:, :per_row]
    numbers = ((words.astype(numpy.float64) + 0.5) * 2.0**-32).astype(numpy.float32)
    return torch.from_numpy(numpy.minimum(numbers, numpy.float32(1.0 - 2.0**-24))).reshape(shape)


def centred(name, shape, bound):
    return (uniform(name, shape) * 2.0 - 1.0) * bound


def draw_input(name, shape):
    """Unit variance."""
    return centred(name, shape, math.sqrt(3.0))


def draw_parameter(case, name, shape):
    """Matrices keep the variance of what they multiply, vectors are near zero (bias) or near one (norm)."""
    stream = f"{case}/{name}"
    if name == "pos_embed":
        return centred(stream, shape, 1.0)
    if len(shape) > 1:
        return centred(stream, shape, math.sqrt(3.0 / math.prod(shape[1:])))
    return centred(stream, shape, 0.2) + (1.0 if name.endswith(".weight") else 0.0)


def projections(tensor):
    """[1 + NUM_PROBES] float64: the Frobenius norm, then r^T T c for random r and c of unit variance."""
    matrix = tensor.detach().double().reshape(tensor.shape[0], -1)
    rows = draw_input(f"rows/{matrix.shape[0]}", (NUM_PROBES, matrix.shape[0])).double()
    columns = draw_input(f"columns/{matrix.shape[1]}", (NUM_PROBES, matrix.shape[1])).double()
    if matrix.shape[1] == 1:
        columns = torch.ones_like(columns)
    probes = [rows[i] @ (matrix @ columns[i]) for i in range(NUM_PROBES)]
    return torch.stack([matrix.norm(), *probes])
