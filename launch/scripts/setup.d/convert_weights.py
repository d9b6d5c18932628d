#!/usr/bin/env python3
"""Copies the float tensors of a file that torch.save wrote before version 1.6 into a safetensors file.

    convert_weights.py IN.pth OUT.safetensors

Needs neither torch nor numpy, and runs no code of the file: its pickle may name ordered dictionaries, tensors, and
storages of float32 and int64, which stand for what is defined here; every other name is refused. The file holds five
pickles (magic number, version, system, the dictionary of tensors, the storages' order), then each storage as a count
and its elements.
"""

import array
import collections
import itertools
import json
import math
import pickle
import struct
import sys

MAGIC = 0x1950A86A20F9469CFC6C


class Storage:
    def __init__(self, element, key):
        self.element, self.key = element, key


class Tensor:
    def __init__(self, storage, offset, shape, stride, *_):
        self.storage, self.offset, self.shape, self.stride = storage, offset, shape, stride

    def elements(self, stored):
        """Its elements of an array in row-major order."""
        *outer, (count, step) = zip(self.shape or (1,), self.stride or (1,))
        out = array.array(stored.typecode)
        for place in itertools.product(*(range(n) for n, _ in outer)):
            begin = self.offset + sum(i * s for i, (_, s) in zip(place, outer))
            out += stored[begin:begin + count * step:step]
        if len(out) != math.prod(self.shape):
            raise ValueError(f"a tensor of shape {self.shape} reaches beyond its storage")
        return out


ALLOWED = {
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): Tensor,
    ("torch", "FloatStorage"): "F32",
    ("torch", "LongStorage"): "I64",
}
SIZES = {"F32": 4, "I64": 8}
CODES = {"F32": "f", "I64": "q"}


class Unpickler(pickle.Unpickler):
    def find_class(self, module, name):
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"{module}.{name} has no place in a file of weights")
        return ALLOWED[module, name]

    def persistent_load(self, saved):
        kind, element, key, _device, _count, view = saved
        if kind != "storage" or view is not None:
            raise pickle.UnpicklingError(f"a {kind} is no plain storage")
        return Storage(element, key)


def read_legacy(path):
    """{name: (shape, bytes of float32)}"""
    with open(path, "rb") as file:
        if Unpickler(file).load() != MAGIC:
            raise ValueError(f"{path} was not written by torch.save before version 1.6")
        Unpickler(file).load(), Unpickler(file).load()
        tensors = Unpickler(file).load()
        order = Unpickler(file).load()
        elements = {tensor.storage.key: tensor.storage.element for tensor in tensors.values()}
        data = {}
        for key in order:
            (count,) = struct.unpack("<q", file.read(8))
            data[key] = array.array(CODES[elements[key]], file.read(count * SIZES[elements[key]]))
    out = {}
    for name, tensor in tensors.items():
        if tensor.storage.element != "F32":
            continue  # num_batches_tracked
        out[name] = (list(tensor.shape), tensor.elements(data[tensor.storage.key]).tobytes())
    return out


def write_safetensors(path, tensors):
    header, begin = {}, 0
    for name, (shape, data) in tensors.items():
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, begin + len(data)]}
        begin += len(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.writelines(data for _, data in tensors.values())


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    write_safetensors(sys.argv[2], read_legacy(sys.argv[1]))
