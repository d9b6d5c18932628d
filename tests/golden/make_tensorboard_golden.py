"""Golden bytes of tests/launch/runtime/observers/tensorboard_events_test.cpp, from TensorBoard's own protocol buffers.

Needs `pip install tensorboard` (2.21).  With a folder as argument it also reads the event files there and prints
what TensorBoard sees in them.
"""
import struct
import sys

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

PNG_HEADER = bytes.fromhex("89504e470d0a1a0a0000000d494844520000000300000002")


def show(name, data):
    print(f"{name}: {data.hex()}")


def record(data):
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", masked_crc32c(length)) + data + struct.pack("<I", masked_crc32c(data))


def print_golden():
    when = 1700000000.5
    show("record", record(b"event"))
    show("file version", Event(wall_time=when, file_version="brain.Event:2").SerializeToString())
    start = SessionLog(status=SessionLog.START)
    show("session start", Event(wall_time=when, step=301, session_log=start).SerializeToString())
    scalars = Summary(value=[Summary.Value(tag="l1", simple_value=0.25),
                             Summary.Value(tag="loss.student", simple_value=-1.5)])
    show("scalars", Event(wall_time=when, step=300, summary=scalars).SerializeToString())
    picture = Summary.Image(height=2, width=3, colorspace=3, encoded_image_string=PNG_HEADER)
    image = Summary(value=[Summary.Value(tag="grid", image=picture)])
    show("image", Event(wall_time=when, step=1, summary=image).SerializeToString())


def print_seen(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    events = EventAccumulator(folder).Reload()
    for tag in events.Tags()["scalars"]:
        print(tag, [(e.step, e.value) for e in events.Scalars(tag)])
    for tag in events.Tags()["images"]:
        print(tag, [(e.step, e.width, e.height, len(e.encoded_image_string)) for e in events.Images(tag)])


if __name__ == "__main__":
    print_seen(sys.argv[1]) if len(sys.argv) > 1 else print_golden()
