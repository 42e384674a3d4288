"""flushes.py FOLDER: the counts of --check-numerics against float64 in Python.

Graphs whose nodes compute in 16 bits on random numbers near the smallest ones. What amp-run
stores is rounded here once more, by struct for float16 and by hand for bfloat16: a number that
is 0 then, and not 0 as float32, was flushed."""

import json
import math
import os
import random
import re
import struct
import subprocess
import sys

folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)
seed = int(os.environ.get("AMP_TEST_SEED", random.randrange(1 << 32)))
print("AMP_TEST_SEED=%d" % seed, file=sys.stderr)
rng = random.Random(seed)


def half(value):
    try:
        return struct.unpack("<e", struct.pack("<e", value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)


def single(value):
    try:
        return struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)


def brain(value):
    bits = struct.unpack("<I", struct.pack("<f", single(value)))[0]
    bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000
    return struct.unpack("<f", struct.pack("<I", bits))[0]


def npy(path, shape, values):
    header = "{'descr': '<f4', 'fortran_order': False, 'shape': %r, }" % (shape,)
    header = header.ljust(117) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00v\x00" + header.encode())
        file.write(struct.pack("<%df" % len(values), *values))


ROWS, INNER, COLUMNS = 9, 7, 11


def nodes(dtype):
    """name -> the node, and its exact value from x and y as 16-bit numbers."""
    def product(x, y, transpose):
        return [sum(x[i * INNER + k] * (y[j * INNER + k] if transpose else y[k * COLUMNS + j]) for k in range(INNER))
                for i in range(ROWS) for j in range(COLUMNS)]

    def softmax(x):
        out = []
        for i in range(ROWS):
            row = [v * 1e6 for v in x[i * INNER:(i + 1) * INNER]]
            row = [half(v) if dtype == "float16" else brain(v) for v in row]
            total = sum(math.exp(v - max(row)) for v in row)
            out += [math.exp(v - max(row)) / total for v in row]
        return out

    return [
        ({"name": "square", "op": "mul", "inputs": ["x", "x"]}, lambda x, y: [v * v for v in x]),
        ({"name": "gated", "op": "silu", "inputs": ["x"]}, lambda x, y: [v / (1 + math.exp(-v)) for v in x]),
        ({"name": "none", "op": "sub", "inputs": ["x", "x"]}, lambda x, y: [0 for v in x]),
        ({"name": "positive", "op": "relu", "inputs": ["x"]}, lambda x, y: [max(v, 0) for v in x]),
        ({"name": "product", "op": "matmul", "inputs": ["x", "y"]}, lambda x, y: product(x, y, False)),
        ({"name": "turned", "op": "transpose", "inputs": ["y"], "attrs": {"perm": [1, 0]}}, None),
        ({"name": "product_t", "op": "matmul", "inputs": ["x", "turned"], "attrs": {"transpose_b": True}},
         lambda x, y: product(x, y, False)),
        ({"name": "mean", "op": "reduce_mean", "inputs": ["square"], "attrs": {"axes": [1]}}, None),
        ({"name": "row_mean", "op": "reduce_mean", "inputs": ["x"], "attrs": {"axes": [1]}},
         lambda x, y: [sum(x[i * INNER:(i + 1) * INNER]) / INNER for i in range(ROWS)]),
        ({"name": "big", "op": "constant", "attrs": {"dtype": "float32", "shape": [], "value": 1e6}}, None),
        ({"name": "wide", "op": "cast", "inputs": ["x"], "attrs": {"to": "float32"}}, None),
        ({"name": "raised", "op": "mul", "inputs": ["wide", "big"]}, None),
        ({"name": "logits", "op": "cast", "inputs": ["raised"], "attrs": {"to": dtype}}, None),
        ({"name": "chances", "op": "softmax", "inputs": ["logits"]}, lambda x, y: softmax(x)),
        ({"name": "lowered", "op": "cast", "inputs": ["input"], "attrs": {"to": dtype}}, "input"),
    ]


def check(dtype, round16, scale):
    graph_nodes = nodes(dtype)
    graph = {"format": "amp-graph", "version": "1.0", "name": "flushes", "variables": [], "functions": [{
        "name": "f",
        "inputs": [{"name": "x", "dtype": dtype, "shape": [ROWS, INNER]},
                   {"name": "y", "dtype": dtype, "shape": [INNER, COLUMNS]},
                   {"name": "input", "dtype": "float32", "shape": [50]}],
        "nodes": [node for node, _ in graph_nodes],
        "outputs": [node["name"] for node, _ in graph_nodes if node["op"] != "constant"]}]}
    model = os.path.join(folder, dtype + ".json")
    with open(model, "w", encoding="utf-8") as file:
        json.dump(graph, file, indent=1)

    def numbers(count):
        return [single(rng.choice([1, -1]) * scale * 2 ** rng.uniform(-16, 4)) for _ in range(count)]

    x, y, wide = numbers(ROWS * INNER), numbers(INNER * COLUMNS), numbers(50)
    command = ["amp-run", model, "--check-numerics", "--quiet"]
    for name, shape, values in (("x", (ROWS, INNER), x), ("y", (INNER, COLUMNS), y), ("input", (50,), wide)):
        path = os.path.join(folder, name + ".npy")
        npy(path, shape, values)
        command += ["--input", name + "=" + path]
    x, y = [round16(v) for v in x], [round16(v) for v in y]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit("exit code %d: %s" % (done.returncode, done.stderr))
    found = {name: (int(count), int(total)) for name, count, total in re.findall(
        r"warning: node '(\w+)' of function 'f' flushes to zero (\d+) of (\d+) numbers, too small for %s\n" % dtype,
        done.stderr)}
    total = 0
    for node, exact in graph_nodes:
        if exact is None:
            continue
        values = wide if exact == "input" else exact(x, y)
        want = sum(round16(single(v)) == 0 and single(v) != 0 for v in values)
        got = found.pop(node["name"], (0, len(values)))
        if got != (want, len(values)):
            sys.exit("%s, node %s: %d of %d expected, %d of %d found\n%s" % (
                (dtype, node["name"], want, len(values)) + got + (done.stderr,)))
        total += want
    for name in ("mean", "logits"):
        found.pop(name, None)
    if found:
        sys.exit("%s: more was found: %s" % (dtype, found))
    print("%s: %s numbers flushed, as counted" % (dtype, "some" if total else "no"))


for _ in range(5):
    check("float16", half, 2 ** -12)
    check("bfloat16", brain, 2 ** -66)
