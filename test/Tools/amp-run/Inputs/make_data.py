"""make_data.py FOLDER: the arrays that the tests of amp-run read.

train.safetensors  16 examples of two features, label 1 where the second is larger
badlabels.safetensors  the same with a label 2
x.npy, x3.npy, inf.npy, nan.npy  inputs of predict: right, too wide, with a large number, with none
labels.npy, wronglabels.npy  labels of three examples, one of them without a class
other.safetensors  a checkpoint of another model"""

import json
import os
import struct
import sys

folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)


def safetensors(name, entries):
    header, data = {}, b""
    for key, dtype, shape, values in entries:
        packed = struct.pack("<%d%s" % (len(values), "f" if dtype == "F32" else "i"), *values)
        header[key] = {"dtype": dtype, "shape": shape,
                       "data_offsets": [len(data), len(data) + len(packed)]}
        data += packed
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(os.path.join(folder, name), "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def npy(name, shape, values, kind="f"):
    header = "{'descr': '<%s4', 'fortran_order': False, 'shape': %r, }" % (kind, shape)
    header = header.ljust(117) + "\n"
    with open(os.path.join(folder, name), "wb") as file:
        file.write(b"\x93NUMPY\x01\x00v\x00" + header.encode())
        file.write(struct.pack("<%d%s" % (len(values), kind), *values))


features, labels = [], []
for i in range(16):
    a, b = (i % 4) - 1.5, ((i * 7) % 16) / 4 - 1.875
    features += [a, b]
    labels.append(int(b > a))
safetensors("train.safetensors", [("x", "F32", [16, 2], features), ("labels", "I32", [16], labels)])
safetensors("badlabels.safetensors",
            [("x", "F32", [16, 2], features), ("labels", "I32", [16], labels[:-1] + [2])])
safetensors("uneven.safetensors",
            [("x", "F32", [16, 2], features), ("labels", "I32", [4], labels[:4])])
safetensors("other.safetensors", [("w", "F32", [2, 3], [0] * 6), ("extra", "F32", [1], [0])])
npy("x.npy", (3, 2), [1, 0, 0, 1, 2, 2])
npy("x3.npy", (1, 3), [1, 2, 3])
npy("inf.npy", (1, 2), [100, 1])
npy("nan.npy", (3, 2), [1, 0, 0, float("nan"), 2, float("inf")])
npy("labels.npy", (3,), [0, 1, 0], "i")
npy("wronglabels.npy", (3,), [0, 1, -1], "i")
