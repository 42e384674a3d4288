# Gradients against differences of the loss, through both programs. Each graph
# of test/data/gradients trains with plain gradient descent and learning rate 1,
# so one step changes a variable by its gradient. For each variable, the gradient
# times a random direction must be what the loss changes by along it.
#
#   numerical_gradients.py BIN FOLDER OUT

import glob
import json
import os
import random
import struct
import subprocess
import sys

STEP = 2.0**-6


class NotRun(Exception):
    """The device has no kernel for an op of the graph."""


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if "does not run" in done.stderr or "do not run" in done.stderr:
        raise NotRun(done.stderr.strip())
    if done.returncode:
        sys.exit("%s\n%s%s" % (" ".join(command), done.stdout, done.stderr))


def load(path):
    """Float32 tensors of a safetensors file, and its other entries as bytes."""
    with open(path, "rb") as f:
        data = f.read()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    body = data[8 + length :]
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        raw = body[begin:end]
        if entry["dtype"] == "F32":
            raw = list(struct.unpack("<%df" % (len(raw) // 4), raw))
        tensors[name] = (entry["dtype"], entry["shape"], raw)
    return tensors


def save(path, tensors):
    header, body = {}, b""
    for name, (dtype, shape, values) in tensors.items():
        raw = struct.pack("<%df" % len(values), *values) if dtype == "F32" else values
        header[name] = {
            "dtype": dtype,
            "shape": shape,
            "data_offsets": [len(body), len(body) + len(raw)],
        }
        body += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + body)


def read_scalar(path):
    """The one float32 of a .npy file."""
    with open(path, "rb") as f:
        data = f.read()
    assert b"'descr': '<f4'" in data[:128], data[:128]
    return struct.unpack("<f", data[-4:])[0]


def check(binaries, graph, out):
    name = os.path.splitext(os.path.basename(graph))[0]
    base = os.path.join(out, name)
    model = base + ".expanded.json"
    amp_run = os.path.join(binaries, "amp-run")
    run(os.path.join(binaries, "amp-opt"), graph, "--policy=none", "-o", model)
    run(amp_run, model, "--function=loss_only", "--save=" + base + ".before")
    run(amp_run, model, "--function=train", "--load=" + base + ".before",
        "--save=" + base + ".after")
    before, after = load(base + ".before"), load(base + ".after")

    def loss(tensors):
        save(base + ".moved", tensors)
        run(amp_run, model, "--function=loss_only", "--load=" + base + ".moved",
            "--output", "loss=" + base + ".npy")
        return read_scalar(base + ".npy")

    with open(graph) as f:
        variables = json.load(f)["variables"]
    checked = 0
    for variable in variables:
        key = variable["name"]
        if not variable.get("trainable", True):
            continue
        dtype, shape, values = before[key]
        gradient = [b - a for b, a in zip(values, after[key][2])]
        rng = random.Random(name + key)
        direction = [rng.choice((-1.0, 1.0)) for _ in values]
        expected = sum(g * d for g, d in zip(gradient, direction))
        sides = []
        for sign in (1, -1):
            moved = dict(before)
            moved[key] = (dtype, shape, [v + sign * STEP * d
                                         for v, d in zip(values, direction)])
            sides.append(loss(moved))
        measured = (sides[0] - sides[1]) / (2 * STEP)
        size = sum(abs(g) for g in gradient)
        print("%s %s: gradient %.6f, difference %.6f" % (name, key, expected, measured))
        if size == 0:
            sys.exit("%s: the gradient of %s is zero" % (name, key))
        # Third derivatives of the loss times STEP^2, and float32 rounding of
        # the loss over STEP.
        if abs(expected - measured) > 2e-3 * size + 2e-5 * max(1.0, abs(sides[0])):
            sys.exit("%s: the gradient of %s is wrong" % (name, key))
        checked += 1
    return checked


def main():
    binaries, folder, out = sys.argv[1:]
    os.makedirs(out, exist_ok=True)
    graphs = sorted(glob.glob(os.path.join(folder, "*.json")))
    checked = ran = 0
    for graph in graphs:
        try:
            checked += check(binaries, graph, out)
            ran += 1
        except NotRun as reason:
            print("not run: %s" % reason)
    print("%d gradients of %d graphs, %d not run" % (checked, ran, len(graphs) - ran))


main()
