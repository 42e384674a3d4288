# Writes small models of other programs, with the headers that the real ones have:
# FOLDER/by_content (under a name that says nothing is what the contents must tell),
# FOLDER/by_name (contents that say nothing).

import io
import os
import struct
import sys
import zipfile

folder = sys.argv[1]


def field(number, value):
    """A protocol buffer field: bytes, text or an integer."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint(value):
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def archive(*names):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        for name in names:
            z.writestr(name, "{}")
    return out.getvalue()


node = field(1, "x") + field(2, "Placeholder") + field(5, field(1, "dtype") + field(2, field(6, 1)))
onnx_node = field(1, "x") + field(2, "y") + field(4, "Relu")
models = {
    "graphdef.pb": field(1, node) + field(4, field(1, 1882)),
    "model.h5": b"\x89HDF\r\n\x1a\n" + bytes(16) + struct.pack("<QQ", 0, 96),
    "model.keras": archive("metadata.json", "config.json", "model.weights.h5"),
    "model.onnx": field(1, 9) + field(2, "pytorch") + field(3, "2.4.0")
    + field(7, field(1, onnx_node) + field(2, "main_graph")) + field(8, field(2, 17)),
    "model.pt2": archive("model/archive_format", "model/models/model.json", "model/version"),
    "model.tflite": struct.pack("<I", 28) + b"TFL3" + bytes(24),
}
for name, contents in models.items():
    for kind, data in (("by_content", contents), ("by_name", b"\x00nothing known")):
        os.makedirs(os.path.join(folder, kind), exist_ok=True)
        end = ".bin" if kind == "by_content" else ""
        with open(os.path.join(folder, kind, name + end), "wb") as f:
            f.write(data)
with open(os.path.join(folder, "saved_model.pb"), "wb") as f:
    f.write(field(1, 1) + field(2, field(1, field(4, "serve")) + field(2, field(1, node))))
