# Optimizers step by step, through amp-opt and amp-run.
#
#   optimizers.py tables AMP_OPT AMP_RUN TABLES    against test/data/optimizers/tables.json
#   optimizers.py scales AMP_OPT AMP_RUN TABLES    every loss scale and both 16-bit types give float32's state
#   optimizers.py skips AMP_OPT AMP_RUN TABLES     a bad call changes nothing, or skips its group
#
# The graphs hold their own backward part, so that the gradients are the inputs:
# they are exact in every type, and so is what a power of two makes of them.

import json
import os
import random
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import optimizer_tables  # noqa: E402
from training import check, read_safetensors, scalar, write_safetensors  # noqa: E402

PRESETS = ["tf1", "tf_keras", "keras3", "pytorch", "mxnet", "paddle"]


def floats(values):
    return struct.pack("<%df" % len(values), *values)


def numbers(entry):
    return struct.unpack("<%df" % (len(entry[2]) // 4), entry[2])


def write_npy(path, shape, values):
    header = "{'descr': '<f4', 'fortran_order': False, 'shape': %s, }" % (tuple(shape),)
    header += " " * (-(len(header) + 11) % 64) + "\n"
    with open(path, "wb") as f:
        f.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + floats(values))


def variable(name, shape):
    return {"name": name, "dtype": "float32", "shape": shape, "init": {"zeros": {}}}


def plain_graph(training):
    """The gradients of w and b are the inputs, summed over a batch of one."""
    nodes = [{"name": "one", "op": "constant", "attrs": {"dtype": "float32", "shape": [], "value": 1.0}},
             {"name": "gw·w", "op": "mul", "inputs": ["gw", "w"]}, {"name": "gb·b", "op": "mul", "inputs": ["gb", "b"]},
             {"name": "loss/w", "op": "reduce_sum", "inputs": ["gw·w"]},
             {"name": "loss/b", "op": "reduce_sum", "inputs": ["gb·b"]},
             {"name": "loss", "op": "add", "inputs": ["loss/w", "loss/b"]}]
    for name in ("w", "b"):
        nodes += [{"name": name + "/sum", "op": "reduce_sum", "inputs": ["g" + name], "attrs": {"axes": [0]}},
                  {"name": name + "/g", "op": "mul", "inputs": [name + "/sum", "one"]}]
    return graph([3], [2], [("gw", 3), ("gb", 2)], nodes, training)


def matmul_graph(training):
    """The gradient of w is a matrix product, which a rewrite lowers."""
    nodes = [{"name": "one", "op": "constant", "attrs": {"dtype": "float32", "shape": [], "value": 1.0}},
             {"name": "y", "op": "matmul", "inputs": ["x", "w"]},
             {"name": "z", "op": "bias_add", "inputs": ["y", "b"]},
             {"name": "loss", "op": "mean_squared_error", "inputs": ["z", "dy"]},
             {"name": "dz", "op": "mul", "inputs": ["dy", "one"]},
             {"name": "w/g", "op": "matmul", "inputs": ["x", "dz"], "attrs": {"transpose_a": True}},
             {"name": "b/g", "op": "bias_add_grad", "inputs": ["dz"]}]
    return graph([3, 2], [2], [("x", 3), ("dy", 2)], nodes, training)


def graph(w, b, inputs, nodes, training):
    training = dict(training, loss="loss", gradients={"w": "w/g", "b": "b/g"}, loss_gradient="one")
    return {"format": "amp-graph", "version": "1.0", "variables": [variable("w", w), variable("b", b)],
            "functions": [{"name": "train", "nodes": nodes, "outputs": ["loss"], "training": training,
                           "inputs": [{"name": name, "dtype": "float32", "shape": ["batch", size]}
                                      for name, size in inputs]}]}


class Runner:
    def __init__(self, amp_opt, amp_run, directory):
        self.amp_opt, self.amp_run, self.directory = amp_opt, amp_run, directory

    def path(self, name):
        return os.path.join(self.directory, name)

    def run(self, *command):
        done = subprocess.run(command, capture_output=True, text=True, timeout=500)
        check(done.returncode == 0, "exit %d: %s\n%s" % (done.returncode, " ".join(command), done.stderr[-3000:]))

    def rewrite(self, graph, *flags):
        source, model, again = self.path("model.json"), self.path("rewritten.json"), self.path("again.json")
        with open(source, "w", encoding="utf-8") as f:
            json.dump(graph, f)
        self.run(self.amp_opt, source, "-o", model, *flags)
        with open(model, "rb") as f:
            text = f.read()
        for what in (flags, ("--no-amp",)):
            self.run(self.amp_opt, model, "-o", again, *what)
            with open(again, "rb") as f:
                check(f.read() == text, "%s changes a rewritten file" % (what,))
        return model

    def call(self, model, inputs, load, save):
        flags = []
        for name, values in inputs.items():
            write_npy(self.path(name + ".npy"), [1, len(values)], values)
            flags += ["--input", "%s=%s" % (name, self.path(name + ".npy"))]
        self.run(self.amp_run, model, "--function=train", "--load=" + load, "--save=" + save, *flags)
        return read_safetensors(save)

    def train(self, model, data, *flags):
        state = self.path("trained.safetensors")
        self.run(self.amp_run, model, "--function=train", "--data=" + data, "--batch=1", "--epochs=1", "--seed=5",
                 "--save=" + state, *flags)
        return read_safetensors(state)

    def start(self, model, values):
        """A checkpoint of the model's initial state but for the values given."""
        first, state = self.path("first.safetensors"), self.path("state.safetensors")
        zero = self.path("zero.json")
        with open(model, encoding="utf-8") as f:
            graph = json.load(f)
        graph["functions"] = [{"name": "none", "inputs": [], "outputs": ["c"], "nodes": [
            {"name": "c", "op": "constant", "attrs": {"dtype": "float32", "shape": [], "value": 0.0}}]}]
        with open(zero, "w", encoding="utf-8") as f:
            json.dump(graph, f)
        self.run(self.amp_run, zero, "--function=none", "--save=" + first)
        entries = read_safetensors(first)
        for name, given in values.items():
            dtype, shape, _ = entries[name]
            entries[name] = (dtype, shape, floats(given))
        write_safetensors(state, entries)
        return state


def tables(runner, data):
    fresh = json.loads(json.dumps(optimizer_tables.tables()))
    check(fresh["start"] == data["start"] and fresh["gradients"] == data["gradients"], "the tables' random numbers")
    worst, where, compared = 0.0, "", 0
    for name, case in data["cases"].items():
        model = runner.rewrite(plain_graph(case["training"]), "--policy=none")
        state = runner.start(model, data["start"])
        group = case["training"].get("accumulate_steps", 1)
        before = read_safetensors(state)
        for call, row in enumerate(case["calls"]):
            gradients = data["gradients"][call]
            after = runner.call(model, {"gw": gradients["w"], "gb": gradients["b"]}, state, state)
            check(scalar(after["optimizer/iterations"]) == row["step"], "%s: steps after call %d" % (name, call + 1))
            if (call + 1) % group:
                for key in before:
                    if "accumula" not in key:
                        check(before[key] == after[key], "%s: %s changes within a group" % (name, key))
            for key, expected in row["state"].items():
                for (value, bound), actual in zip(expected, numbers(after[key])):
                    part = abs(actual - value) / (2 * bound) if bound else float(actual != value)
                    compared += 1
                    if part > worst:
                        worst, where = part, "%s, %s after call %d" % (name, key, call + 1)
                    check(part <= 1, "%s: %s after call %d is %.9g, expected %.9g within %.2g"
                          % (name, key, call + 1, actual, value, 2 * bound))
            before = after
    print("%d optimizers, %d values, the worst at %.0f %% of its tolerance (%s)"
          % (len(data["cases"]), compared, 100 * worst, where))


def scales(runner, data):
    """Powers of two and gradients of eight bits: every road gives the same bits."""
    rng = random.Random(7)
    print("seed 7")
    exact = runner.path("exact.safetensors")
    count = 24
    xs = [rng.choice((-1, 1)) * rng.choice((0.5, 1.0, 2.0)) for _ in range(count * 3)]
    dys = [rng.choice((-1, 1)) * rng.randrange(1, 129) / 128 for _ in range(count * 2)]
    write_safetensors(exact, {"x": ("F32", [count, 3], floats(xs)), "dy": ("F32", [count, 2], floats(dys))})
    compared = 0
    for name in ("momentum", "adamw_no_decay", "rmsprop_centered_momentum", "clip_norm_adam", "accumulate_clip", "all"):
        training = data["cases"][name]["training"]
        wanted = None
        roads = [["--policy=none"]]
        roads += [["--policy=none", "--loss-scale=dynamic:preset=" + preset] for preset in PRESETS]
        roads += [["--loss-scale=dynamic:initial=4096,growth_steps=3,max=8192,preset=" + preset] for preset in PRESETS]
        roads += [["--loss-scale=none"], ["--loss-scale=128"], ["--target=bfloat16"],
                  ["--target=bfloat16", "--loss-scale=64"], ["--target=bfloat16", "--loss-scale=dynamic"]]
        for flags in roads:
            model = runner.rewrite(matmul_graph(training), *flags)
            if "--policy=none" not in flags:
                with open(model, encoding="utf-8") as f:
                    nodes = {node["name"]: node for node in json.load(f)["functions"][0]["nodes"]}
                check(nodes["w/g"]["types"][0]["dtype"] in ("float16", "bfloat16"), "the gradient of w is low")
            state = {key: entry for key, entry in runner.train(model, exact).items()
                     if not key.startswith("loss_scale/")}
            wanted = wanted or state
            check(scalar(state["optimizer/iterations"]) == count // training.get("accumulate_steps", 1), "steps")
            for key, entry in wanted.items():
                check(state[key] == entry, "%s %s: %s differs from float32 without a scale" % (name, flags, key))
            compared += 1
    print("%d ways to train give the same bits as float32" % compared)


def skips(runner, data):
    skipped = 0
    for name in ("clip_norm_adam", "schedule_cosine_end", "rmsprop_centered_momentum"):
        training = data["cases"][name]["training"]
        for flags in (["--loss-scale=dynamic"], ["--target=bfloat16", "--loss-scale=64"]):
            model = runner.rewrite(matmul_graph(training), *flags)
            state = runner.start(model, {})
            good = {"x": [1.0, 2.0, -0.5], "dy": [0.25, -0.75]}
            before = runner.call(model, good, state, state)
            for bad in (float("inf"), float("nan"), -float("inf")):
                after = runner.call(model, {"x": [1.0, bad, 1.0], "dy": [0.5, 1.0]}, state, runner.path("bad"))
                for key in before:
                    if not key.startswith("loss_scale/"):
                        check(before[key] == after[key], "%s %s: %s changes at a bad call" % (name, flags, key))
                skipped += 1
                if "loss_scale/scale" in before:
                    check(scalar(after["loss_scale/scale"]) == scalar(before["loss_scale/scale"]) / 2, "the scale halves")
    training = data["cases"]["all"]["training"]
    training = dict(training, accumulate_steps=3)
    model = runner.rewrite(matmul_graph(training), "--loss-scale=dynamic")
    good = {"x": [1.0, 2.0, -0.5], "dy": [0.25, -0.75]}
    for place in range(3):
        for value in (float("inf"), float("nan")):
            state = runner.start(model, {})
            for _ in range(3):
                before = runner.call(model, good, state, state)
            check(scalar(before["optimizer/iterations"]) == 1, "a group is one step")
            for call in range(3):
                inputs = {"x": [value, 1.0, 1.0], "dy": good["dy"]} if call == place else good
                after = runner.call(model, inputs, state, state)
                scale = scalar(before["loss_scale/scale"]) / (2 if call == 2 else 1)
                check(scalar(after["loss_scale/scale"]) == scale, "the scale changes once, at the end of a group")
            for key in before:
                if not key.startswith("loss_scale/"):
                    check(before[key] == after[key], "%s: %s changes in a bad group" % (value, key))
            # The next group starts anew.
            for _ in range(3):
                after = runner.call(model, good, state, state)
            check(scalar(after["optimizer/iterations"]) == 2, "the group after a bad one is a step")
            skipped += 1
    print("%d bad calls and groups leave the state as it was" % skipped)


def main():
    what, amp_opt, amp_run, path = sys.argv[1:]
    with open(path, encoding="utf-8") as f:
        data = json.load(f)
    with tempfile.TemporaryDirectory() as directory:
        {"tables": tables, "scales": scales, "skips": skips}[what](Runner(amp_opt, amp_run, directory), data)


if __name__ == "__main__":
    sys.exit(main())
