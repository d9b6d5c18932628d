#!/usr/bin/env python3
"""Reads a checkpoint of fgm with nothing of fgm: docs/checkpoint_format.md is all that this file knows.

    read_checkpoint.py FOLDER             compares every digest and puts every tensor together
    read_checkpoint.py FOLDER EXPECTED    and compares them with those in EXPECTED/<role>.safetensors
"""
import json
import pathlib
import sys

import safetensors
import xxhash


def read_checkpoint(folder):
    """The manifest, and {role: {name: (dtype, shape, bytes in row-major order)}}."""
    text = (folder / "manifest.json").read_bytes()
    manifest = json.loads(text)
    assert manifest["format"] == 1, f"format {manifest['format']} is newer than this reader"
    commit = (folder / "COMMIT").read_text()
    nonce = manifest["attempt"]["nonce"]
    assert commit == f"fgm checkpoint 1\nnonce {nonce}\nmanifest {xxhash.xxh3_128_hexdigest(text)}\n", "COMMIT does not fit"

    files = {}
    for name, file in manifest["files"].items():
        data = (folder / name).read_bytes()
        assert len(data) == file["bytes"], f"{name} has {len(data)} bytes, not {file['bytes']}"
        assert xxhash.xxh3_128_hexdigest(data) == file["xxh128"], f"{name} is damaged"
        files[name] = dict(safetensors.deserialize(data))

    roles = {}
    for tensor in manifest["tensors"].values():
        data, end = b"", 0
        for piece in tensor["slices"]:
            assert piece["begin"] == end, f"{tensor['name']}: elements from {end} on are missing"
            data, end = data + bytes(files[piece["file"]][tensor["name"]]["data"]), piece["end"]
        roles.setdefault(tensor["role"], {})[tensor["name"]] = (tensor["dtype"], tensor["shape"], data)
    return manifest, roles


def compare(roles, folder):
    expected = {path.stem for path in folder.glob("*.safetensors")}
    assert set(roles) == expected and expected, f"roles {sorted(roles)}, expected {sorted(expected)}"
    for role, tensors in roles.items():
        whole = dict(safetensors.deserialize((folder / f"{role}.safetensors").read_bytes()))
        assert set(tensors) == set(whole), f"{role}: {sorted(set(tensors) ^ set(whole))} on one side only"
        for name, (dtype, shape, data) in tensors.items():
            other = whole[name]
            assert (dtype, shape, data) == (other["dtype"], other["shape"], bytes(other["data"])), f"{role}/{name} differs"


if __name__ == "__main__":
    manifest, roles = read_checkpoint(pathlib.Path(sys.argv[1]))
    if len(sys.argv) > 2:
        compare(roles, pathlib.Path(sys.argv[2]))
    for role, tensors in roles.items():
        print(f"step {manifest['step']} {role}: {len(tensors)} tensors, {sum(len(t[2]) for t in tensors.values())} bytes")
