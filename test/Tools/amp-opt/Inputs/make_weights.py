"""Writes a safetensors file and links to it: make_weights.py FOLDER."""
import json
import os
import struct
import sys

folder = sys.argv[1]
os.makedirs(os.path.join(folder, "sub"), exist_ok=True)
values = [1.0, -1e6, 65504.0, float("inf")]
header = json.dumps({"k": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}).encode()
header += b" " * (-len(header) % 8)
with open(os.path.join(folder, "sub", "weights.safetensors"), "wb") as file:
    file.write(struct.pack("<Q", len(header)) + header + struct.pack("<4f", *values))
for name, target in (("inside", "sub/weights.safetensors"), ("outside", "/etc/hostname")):
    link = os.path.join(folder, name + ".safetensors")
    if os.path.lexists(link):
        os.remove(link)
    os.symlink(target, link)
for name in ("inside", "outside"):
    nodes = [
        {"name": "a", "op": "matmul", "inputs": ["x", "x"]},
        {"name": "k", "op": "constant", "attrs": {"dtype": "float32", "shape": [4], "value": {"weights": "k"}}},
        {"name": "m", "op": "mul", "inputs": ["a", "k"]},
        {"name": "b", "op": "matmul", "inputs": ["m", "x"]},
    ]
    function = {"name": "f", "inputs": [{"name": "x", "dtype": "float32", "shape": [4, 4]}],
                "nodes": nodes, "outputs": ["b"]}
    graph = {"format": "amp-graph", "version": "1.0", "weights": name + ".safetensors", "functions": [function]}
    with open(os.path.join(folder, name + ".json"), "w") as file:
        json.dump(graph, file)
