"""Tests of launch/scripts/setup.d/convert_weights.py on files made here; needs neither torch nor numpy."""

import array
import collections
import io
import json
import pathlib
import pickle
import struct
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).parents[3] / "launch/scripts/setup.d/convert_weights.py"
MAGIC = 0x1950A86A20F9469CFC6C


class Global:
    """Pickled as the name of a function that need not exist here."""

    def __init__(self, module, name):
        self.text = f"c{module}\n{name}\n".encode()


class Call:
    def __init__(self, function, arguments):
        self.function, self.arguments = function, arguments


class Storage:
    def __init__(self, key, count):
        self.saved = ("storage", Global("torch", "FloatStorage"), key, "cpu", count, None)


class Pickler(pickle._Pickler):
    """The pure Python one, taught what torch.save writes."""

    dispatch = dict(pickle._Pickler.dispatch)

    def save_global_name(self, value):
        self.write(value.text)

    def save_call(self, value):
        self.save(value.function)
        self.save(value.arguments)
        self.write(pickle.REDUCE)

    def persistent_id(self, value):
        return value.saved if isinstance(value, Storage) else None

    dispatch[Global] = save_global_name
    dispatch[Call] = save_call


def tensor(storage, offset, shape, stride):
    return Call(Global("torch._utils", "_rebuild_tensor_v2"), (storage, offset, shape, stride, False, {}))


def legacy_file(tensors, storages):
    out = io.BytesIO()
    for value in (MAGIC, 1001, {}, tensors, list(storages)):
        Pickler(out, 2).dump(value)
    for values in storages.values():
        out.write(struct.pack("<q", len(values)) + array.array("f", values).tobytes())
    return out.getvalue()


class ConvertWeights(unittest.TestCase):
    def convert(self, data):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "in").write_bytes(data)
            self.program = subprocess.run([sys.executable, SCRIPT, folder / "in", folder / "out"], capture_output=True,
                                          text=True)
            return (folder / "out").read_bytes() if (folder / "out").exists() else None

    def test_lays_views_of_a_storage_out_in_order(self):
        storage = Storage("7", 6)
        views = collections.OrderedDict(whole=tensor(storage, 0, (2, 3), (3, 1)), turned=tensor(storage, 0, (3, 2), (1, 3)),
                                        part=tensor(storage, 4, (2,), (1,)), one=tensor(storage, 2, (), ()))
        out = self.convert(legacy_file(views, {"7": [0, 1, 2, 3, 4, 5]}))
        size = struct.unpack("<Q", out[:8])[0]
        header = json.loads(out[8:8 + size])
        values = {name: list(array.array("f", out[8 + size + entry["data_offsets"][0]:8 + size + entry["data_offsets"][1]]))
                  for name, entry in header.items()}
        self.assertEqual(values, {"whole": [0, 1, 2, 3, 4, 5], "turned": [0, 3, 1, 4, 2, 5], "part": [4, 5], "one": [2]})
        self.assertEqual(header["turned"]["shape"], [3, 2])

    def test_runs_no_code_of_the_file(self):
        with tempfile.TemporaryDirectory() as folder:
            trace = pathlib.Path(folder) / "trace"
            self.assertIsNone(self.convert(legacy_file({"w": Call(Global("os", "mkdir"), (str(trace),))}, {})))
            self.assertIn("os.mkdir has no place in a file of weights", self.program.stderr)
            self.assertFalse(trace.exists())

    def test_refuses_a_view_beyond_its_storage(self):
        self.assertIsNone(self.convert(legacy_file({"w": tensor(Storage("7", 2), 0, (3,), (1,))}, {"7": [0, 1]})))
        self.assertIn("reaches beyond its storage", self.program.stderr)


if __name__ == "__main__":
    unittest.main()
