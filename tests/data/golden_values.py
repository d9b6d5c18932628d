"""Golden values of the hashed words and of the epoch shuffle, from their definitions alone (pip install xxhash).

    python3 tests/data/golden_values.py
"""
import math

import xxhash

MASK = 0xFFFFFFFF


def philox4x32(counter, key):
    c, k = list(counter), list(key)
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k[0], p1 & MASK, (p0 >> 32) ^ c[3] ^ k[1], p0 & MASK]
        k = [(k[0] + 0x9E3779B9) & MASK, (k[1] + 0xBB67AE85) & MASK]
    return c


def hash64(text, seed=0):
    return xxhash.xxh3_64_intdigest(text.encode(), seed)


def key_of(name, seed):
    h = hash64(name, seed)
    return h & MASK, h >> 32


def normal(name, sample, i):
    """Number i of a sample of stream `name` with seed 1, step 0 (core/base/rng.h)."""
    words = philox4x32((i // 4, sample & MASK, sample >> 32, 0), key_of(name, 1))
    pair = 2 * (i % 4 // 2)
    u, v = (words[pair] + 0.5) / 2**32, words[pair + 1] / 2**32
    radius, angle = math.sqrt(-2 * math.log(u)), 2 * math.pi * v
    return radius * (math.sin(angle) if i % 2 else math.cos(angle))


def context(words, slot, j):
    word = words[slot] if slot < len(words) else ""
    return (normal("text.word", hash64(word), j) + normal("text.position", slot, j)) / math.sqrt(2)


def pooled(words, p):
    return sum(normal("text.pooled", hash64(w), p) for w in words) / math.sqrt(len(words))


def shuffled(size, seed, position):
    half = max(1, ((size - 1).bit_length() + 1) // 2)
    key, (epoch, value) = key_of("epoch shuffle", seed), divmod(position, size)
    while True:
        left, right = value >> half, value & ((1 << half) - 1)
        for r in range(10):
            word = philox4x32((right, r, epoch & MASK, epoch >> 32), key)[0]
            left, right = right, left ^ (word & ((1 << half) - 1))
        value = left << half | right
        if value < size:
            return value


caption = "a red circle".split()
print("context[1][0]  ", context(caption, 1, 0))
print("context[5][255]", context(caption, 5, 255))
print("pooled[7]      ", pooled(caption, 7))
print("shuffle        ", shuffled(10**6, 42, 0), shuffled(10**6, 42, 123456789012))
