#!/usr/bin/env python3
"""How fast records of 0.95 MB are read: fgm beside pread, pread + XXH3, h5py, MosaicML Streaming and WebDataset.

    pip install h5py xxhash numpy torch mosaicml-streaming webdataset
    python3 tests/bench/store_readers.py build/release/fgm [FOLDER]

A record is the embedding of a prompt by Stable Diffusion 3 with 77 tokens of T5 in bfloat16; h5py reads fgm's own
store. fgm is timed by `fgm data bench`: the reader takes batches of 16 prompts, looks each up, checks its digest and
gives float32, beside pread and pread + XXH3 on one thread. The libraries, on one thread too, are timed as they give a
record's bytes and, "for training", with the reader's work on top: torch's conversion, and the digest of fgm's store.
Cold is after posix_fadvise(DONTNEED) on the files (dropping the whole cache needs root; what the disk or the host
caches stays), warm the pass behind it. WebDataset goes through its archive in order, all others in a random one. Each
round gives each way its turn. The table has medians over rounds, and of the rounds' ratios; believe the ratios, for the
rates depend on what else the machine does. Last comes for which part of its time a training waits that takes 100
records a second, cold. Takes 0.6 GB in FOLDER (else in a temporary one) and gives it back.
"""
import io
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
import warnings

import h5py
import numpy as np
import torch
import webdataset
import xxhash
from streaming import MDSWriter, StreamingDataset

RECORDS = 200
ROUNDS = 5
SHAPES = {"clip": (77, 2048), "t5": (77, 4096), "pooled": (2048,)}
SIZES = [2 * int(np.prod(shape)) for shape in SHAPES.values()]
RECORD_BYTES = sum(SIZES)
CONTEXT_WIDTH = 4096
TRAINING_RECORDS_PER_S = 100
warnings.filterwarnings("ignore", "The given buffer is not writable")  # torch of the bytes that libraries give


def make_records(seed=1):
    draw = np.random.default_rng(seed)
    for _ in range(RECORDS):
        yield draw.standard_normal(RECORD_BYTES // 2, np.float32).view(np.uint32).__rshift__(16).astype(np.uint16)


def write_store(path):
    """A store of format 2 as docs/data_format.md has it."""
    prompts = [b""] + [b"prompt %d" % i for i in range(1, RECORDS)]
    lengths = np.array([len(prompt) for prompt in prompts], np.uint64)
    with h5py.File(path, "w", libver="earliest") as file:
        file.attrs["fgm_format"] = 2
        file.attrs["kind"] = np.bytes_("embeddings")
        file.attrs["provenance"] = np.bytes_(json.dumps({"encoders": {"tool": "store_readers.py"}}))
        file.attrs["context_width"] = CONTEXT_WIDTH
        file["prompts/blob"] = np.frombuffer(b"".join(prompts), np.uint8)
        file["prompts/offset"] = np.cumsum(lengths, dtype=np.uint64) - lengths
        file["prompts/length"] = lengths
        file["prompts/xxh64"] = np.array([xxhash.xxh64_intdigest(prompt) for prompt in prompts], np.uint64)
        for name, shape in SHAPES.items():
            file.create_dataset(f"text/{name}", (RECORDS, *shape), "<u2").attrs["dtype"] = np.bytes_("bfloat16")
        digests = np.zeros(RECORDS, np.uint64)
        for i, record in enumerate(make_records()):
            digests[i] = xxhash.xxh3_64_intdigest(record)
            rest = record
            for name, shape in SHAPES.items():
                count = int(np.prod(shape))
                file[f"text/{name}"][i] = rest[:count].reshape(shape)
                rest = rest[count:]
        file["text/xxh3"] = digests
        file["text/done"] = np.ones(RECORDS, np.uint8)
    return digests


def write_mds(folder):
    with MDSWriter(out=str(folder), columns={"record": "bytes"}) as out:
        for record in make_records():
            out.write({"record": record.tobytes()})


def write_tar(path):
    with tarfile.open(path, "w") as out:
        for i, record in enumerate(make_records()):
            info = tarfile.TarInfo(f"{i:06d}.bin")
            info.size = RECORD_BYTES
            out.addfile(info, io.BytesIO(record.tobytes()))


def to_training(record, digest):
    """What fgm gives of a record: its digest checked, context [154, 4096] and pooled [2048] in float32."""
    assert xxhash.xxh3_64_intdigest(record) == digest
    values = torch.frombuffer(record, dtype=torch.bfloat16)
    clip, t5, pooled = values.split([size // 2 for size in SIZES])
    context = torch.zeros(154, CONTEXT_WIDTH)
    context[:77, :2048] = clip.view(77, 2048)
    context[77:] = t5.view(77, 4096)
    return context, pooled.float()


class Pread:
    def __init__(self, path, is_hashed):
        self.paths, self.is_hashed = [path], is_hashed
        self.file = os.open(path, os.O_RDONLY)
        self.buffer = memoryview(bytearray(RECORD_BYTES))
        with h5py.File(path) as file:
            self.begins = [file[f"text/{name}"].id.get_offset() for name in SHAPES]

    def records(self, order):
        for i in order:
            done = 0
            for begin, size in zip(self.begins, SIZES):
                assert os.preadv(self.file, [self.buffer[done:done + size]], begin + i * size) == size
                done += size
            if self.is_hashed:
                xxhash.xxh3_64_intdigest(self.buffer)
            yield i, self.buffer


class H5py:
    def __init__(self, path):
        self.paths = [path]
        file = h5py.File(path)
        self.record = np.empty(RECORD_BYTES // 2, np.uint16)
        ends = np.cumsum(SIZES) // 2
        self.parts = [(file[f"text/{name}"], rows.reshape(shape))
                      for (name, shape), rows in zip(SHAPES.items(), np.split(self.record, ends))]

    def records(self, order):
        for i in order:
            for rows, part in self.parts:
                rows.read_direct(part, np.s_[i])
            yield i, self.record


class Streaming:
    def __init__(self, folder):
        self.paths = sorted(folder.iterdir())
        self.dataset = StreamingDataset(local=str(folder), batch_size=1)

    def records(self, order):
        for i in order:
            yield i, self.dataset[i]["record"]


class WebDataset:
    def __init__(self, path):
        self.paths = [path]

    def records(self, _):
        samples = webdataset.WebDataset(str(self.paths[0]), shardshuffle=False, empty_check=False)
        for i, sample in enumerate(samples):
            yield i, sample["bin"]


def drop_from_cache(paths):
    for path in paths:
        with open(path, "rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def records_per_s(reader, order, digests, is_for_training):
    count = 0
    began = time.perf_counter()
    for i, record in reader.records(order):
        if is_for_training:
            to_training(record, digests[i])
        count += 1
    assert count == RECORDS
    return count / (time.perf_counter() - began)


def fgm_bench(fgm, path, *more):
    drop_from_cache([path])
    report = json.loads(subprocess.run([fgm, "data", "bench", path, "--records", str(RECORDS), "--json", *more],
                                       check=True, capture_output=True, text=True).stdout)
    assert report["record_bytes"] == RECORD_BYTES
    return report


def measure(fgm, folder):
    store, tar, mds = folder / "store.h5", folder / "records.tar", folder / "mds"
    digests = [int(digest) for digest in write_store(store)]
    write_mds(mds)
    write_tar(tar)
    os.sync()  # DONTNEED leaves what is not on the disk
    readers = {"pread in Python": Pread(store, False), "pread + XXH3 in Python": Pread(store, True),
               "h5py": H5py(store), "MosaicML Streaming": Streaming(mds), "WebDataset": WebDataset(tar)}
    rates = {}
    for round_number in range(ROUNDS):
        passes = fgm_bench(fgm, store)
        for kind, name in (("cold", "first"), ("warm", "again")):
            for way, rate in passes[name].items():
                rates.setdefault((f"fgm: {way}", kind), []).append(rate["records_per_s"])
        order = random.Random(round_number).sample(range(RECORDS), RECORDS)
        for name, reader in readers.items():
            for is_for_training in (False, True) if "pread" not in name else (False,):
                drop_from_cache(reader.paths)
                for kind in ("cold", "warm"):
                    key = (name + ", for training" * is_for_training, kind)
                    rates.setdefault(key, []).append(records_per_s(reader, order, digests, is_for_training))
    report(rates)
    waits = [fgm_bench(fgm, store, "--per-second", str(TRAINING_RECORDS_PER_S))["waiting_share"] for _ in range(ROUNDS)]
    print(f"a training that takes {TRAINING_RECORDS_PER_S} records a second waits for "
          f"{100 * statistics.median(waits):.2f} % of its time ({', '.join(f'{100 * w:.2f}' for w in waits)})")


def report(rates):
    reader = {kind: rates[("fgm: reader", kind)] for kind in ("cold", "warm")}
    print(f"{RECORDS} records of {RECORD_BYTES} bytes, medians of {ROUNDS} rounds: MB/s, reader / that")
    for name, kind in rates:
        if kind == "warm":
            continue
        line = f"{name:<36}"
        for kind in ("cold", "warm"):
            own = rates[(name, kind)]
            ratio = statistics.median(a / b for a, b in zip(reader[kind], own))
            line += f"  {kind} {statistics.median(own) * RECORD_BYTES / 1e6:7.0f}  {ratio:5.2f}"
        print(line)


def main():
    with tempfile.TemporaryDirectory(dir=sys.argv[2] if len(sys.argv) > 2 else None, prefix="store_readers.") as folder:
        torch.set_num_threads(1)
        measure(sys.argv[1], pathlib.Path(folder))


if __name__ == "__main__":
    main()
