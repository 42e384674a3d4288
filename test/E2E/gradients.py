# The gradient of every op against differences of a float64 evaluation.
#
#   gradients.py AMP_OPT AMP_RUN [--seed=N] [--rounds=N] [--only=OP]
#
# For each op a graph with random sizes: its floating operands are trained
# variables, the loss is the squared distance of its results from a random target.
# amp-opt makes the backward part, amp-run runs it in float32; one step of gradient
# descent with momentum from an empty slot leaves the gradient in the slot. Ops that
# the device does not run yet are listed.

import argparse
import json
import os
import random
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import op_examples  # noqa: E402
from reference_ops import evaluate, indices, size  # noqa: E402
from training import check, read_safetensors, write_safetensors  # noqa: E402

STEP = 1e-5
CODES = {"float32": ("F32", "f"), "int32": ("I32", "i"), "bool": ("BOOL", "?")}


class NotRun(Exception):
    """The device has no kernel for an op of the graph."""


class Case:
    """One node: operands as (dtype, shape, values, trained), and attributes."""

    def __init__(self, op, seed):
        self.op, self.rng = op, random.Random(seed)
        self.operands, self.attrs = [], {}

    def shape(self, rank=None, most=4):
        rank = self.rng.randrange(1, 4) if rank is None else rank
        return [self.rng.choice([1] + list(range(2, most + 1)) * 2) for _ in range(rank)]

    def values(self, shape, low=-2.0, high=2.0):
        """Numbers that are exact in float32, apart from each other and from 0 and 1."""
        count = size(shape)
        grid = [low + (high - low) * (k + 0.5) / (2 * count + 3) for k in range(2 * count + 3)]
        grid = [v for v in grid if min(abs(v), abs(v - 1), abs(v + 1)) > 1e-3]
        self.rng.shuffle(grid)
        return [struct.unpack("<f", struct.pack("<f", v))[0] for v in grid[:count]]

    def add(self, shape, values=None, trained=True, dtype="float32", **range_):
        self.operands.append((dtype, list(shape), values or self.values(shape, **range_), trained))

    def broadcast(self):
        """Two shapes that broadcast against each other."""
        shape = self.shape(3)
        a, b = list(shape), list(shape)
        for i in range(3):
            choice = self.rng.randrange(4)
            if choice == 1:
                a[i] = 1
            elif choice == 2:
                b[i] = 1
        return a[self.rng.choice([0, 0, 1]):], b[self.rng.choice([0, 0, 2]):]


RANGES = {"log": (0.2, 3), "log1p": (-0.8, 3), "sqrt": (0.2, 3), "rsqrt": (0.2, 3), "reciprocal": (0.3, 2),
          "relu6": (-3, 9), "exp": (-2, 2), "div": (0.4, 2), "pow": (0.3, 2)}
UNARY = ("identity cast neg abs exp expm1 log log1p sqrt rsqrt reciprocal square sin cos tanh sigmoid relu relu6 silu "
         "softplus erf gelu elu leaky_relu clip").split()
BINARY = "add sub mul div pow maximum minimum".split()
REDUCTIONS = "reduce_sum reduce_mean reduce_max reduce_min reduce_prod".split()
SHAPES = "reshape transpose broadcast_to expand_dims squeeze concat split slice pad gather stack".split()
OTHERS = ("where add_n matmul bias_add conv2d depthwise_conv2d conv2d_transpose max_pool2d avg_pool2d global_avg_pool2d "
          "batch_norm layer_norm rms_norm softmax log_softmax softmax_cross_entropy sparse_softmax_cross_entropy "
          "sigmoid_cross_entropy mean_squared_error cumsum dropout").split()
OPS = UNARY + BINARY + REDUCTIONS + SHAPES + OTHERS


def make(op, seed):
    c = Case(op, "%s %s" % (op, seed))
    rng, low_high = c.rng, RANGES.get(op, (-2, 2))
    bounds = {"low": low_high[0], "high": low_high[1]}
    if op in UNARY:
        c.add(c.shape(), **bounds)
        if op == "cast":
            c.attrs = {"to": "float32"}
        elif op == "gelu":
            c.attrs = {"approximate": rng.random() < 0.5}
        elif op in ("elu", "leaky_relu"):
            c.attrs = {"alpha": rng.choice([0.2, 0.5, 1.5])}
        elif op == "clip":
            c.attrs = {"min": -1.0, "max": 1.0}
    elif op in BINARY:
        a, b = c.broadcast()
        joined = c.values([size(a) + size(b)], **bounds)  # none is equal to another
        c.add(a, joined[:size(a)])
        c.add(b, joined[size(a):])
    elif op in REDUCTIONS:
        shape = c.shape()
        c.add(shape, low=-2 if op != "reduce_prod" else 0.3, high=2)
        axes = sorted(rng.sample(range(len(shape)), rng.randrange(1, len(shape) + 1)))
        c.attrs = {"keep_dims": rng.random() < 0.5}
        if rng.random() < 0.8:
            c.attrs["axes"] = [a - len(shape) if rng.random() < 0.3 else a for a in axes]
    elif op in SHAPES:
        shape_case(c, op, rng)
    else:
        other_case(c, op, rng)
    return c


def shape_case(c, op, rng):
    shape = c.shape()
    axis = rng.randrange(len(shape))
    signed = axis - len(shape) if rng.random() < 0.4 else axis
    if op == "reshape":
        c.add(shape)
        c.attrs = {"shape": rng.choice([[-1], [1, -1], [size(shape)], [-1, 1]])}
    elif op == "transpose":
        perm = list(range(len(shape)))
        rng.shuffle(perm)
        c.add(shape)
        c.attrs = {"perm": perm}
    elif op == "broadcast_to":
        c.add([1 if rng.random() < 0.5 else n for n in shape])
        c.attrs = {"shape": [2] + shape}
    elif op == "expand_dims":
        c.add(shape)
        c.attrs = {"axis": signed}
    elif op == "squeeze":
        c.add(shape[:axis] + [1] + shape[axis:])
        c.attrs = {"axes": [axis]}
    elif op in ("concat", "stack"):
        for i in range(rng.randrange(1, 5)):
            c.add([rng.randrange(1, 4) if k == axis and op == "concat" else n for k, n in enumerate(shape)],
                  trained=i == 0 or rng.random() < 0.7)
        c.attrs = {"axis": signed if op == "concat" else axis}
    elif op == "split":
        sizes = [rng.randrange(1, 4) for _ in range(rng.randrange(1, 5))]
        c.add([sum(sizes) if k == axis else n for k, n in enumerate(shape)])
        c.attrs = {"axis": signed, "sizes": sizes}
    elif op == "slice":
        shape = [n + 2 for n in shape]
        begin = [rng.randrange(0, n - 1) for n in shape]
        c.add(shape)
        c.attrs = {"begin": begin, "end": [rng.choice([None, rng.randrange(b + 1, n + 1)]) for b, n in zip(begin, shape)],
                   "strides": [rng.randrange(1, 3) for _ in shape]}
    elif op == "pad":
        c.add(shape)
        c.attrs = {"paddings": [[rng.randrange(3), rng.randrange(3)] for _ in shape], "value": 0.5}
    else:
        c.add(shape)
        picks = c.shape(rng.randrange(1, 3))
        c.add(picks, [rng.randrange(shape[axis]) for _ in range(size(picks))], trained=False, dtype="int32")
        c.attrs = {"axis": signed}


def other_case(c, op, rng):
    if op == "where":
        a, b = c.broadcast()
        condition = c.broadcast()[0] if rng.random() < 0.3 else [1]
        condition = [n for n in condition if n == 1] or [1]
        if rng.random() < 0.7:
            condition = max((a, b), key=size)
        c.add(condition, [rng.random() < 0.5 for _ in range(size(condition))], trained=False, dtype="bool")
        c.add(a)
        c.add(b)
    elif op == "add_n":
        shape = c.shape()
        for _ in range(rng.randrange(1, 4)):
            c.add(shape)
    elif op == "matmul":
        m, k, n = c.shape(3, 5)
        lead = rng.choice([([], []), ([2], [2]), ([2], [1]), ([3, 1], [2]), ([], [2])])
        ta, tb = rng.random() < 0.5, rng.random() < 0.5
        c.add(lead[0] + ([k, m] if ta else [m, k]))
        c.add(lead[1] + ([n, k] if tb else [k, n]))
        c.attrs = {"transpose_a": ta, "transpose_b": tb}
    elif op == "bias_add":
        shape = c.shape(rng.randrange(2, 4))
        axis = rng.randrange(len(shape))
        c.add(shape)
        c.add([shape[axis]])
        c.attrs = {"axis": axis}
    elif op in ("conv2d", "depthwise_conv2d", "conv2d_transpose"):
        b, ci, co, k = 2, 2, rng.randrange(1, 3), rng.randrange(1, 4)
        groups = 2 if op == "conv2d" and rng.random() < 0.4 else 1
        c.add([b, rng.randrange(3, 6), rng.randrange(3, 6), ci])
        c.add([k, rng.randrange(1, 4), ci // groups, co * groups])
        c.attrs = {"padding": rng.choice(["same", "valid"]), "strides": rng.randrange(1, 3)}
        if op == "conv2d":
            c.attrs["groups"] = groups
    elif op in ("max_pool2d", "avg_pool2d"):
        c.add([2, rng.randrange(3, 6), rng.randrange(3, 6), 2])
        c.attrs = {"window": [2, rng.randrange(1, 4)], "strides": rng.randrange(1, 3),
                   "padding": rng.choice(["same", "valid"])}
    elif op == "global_avg_pool2d":
        c.add(c.shape(4))
    elif op == "batch_norm":
        shape = [2, 3, 2, rng.randrange(1, 4)]
        c.add(shape)
        c.add(shape[3:])
        c.add(shape[3:])
        c.add(shape[3:], trained=False)
        c.add(shape[3:], trained=False, low=0.5, high=2)
        c.attrs = {"training": rng.random() < 0.5}
    elif op in ("layer_norm", "rms_norm"):
        shape = c.shape(rng.randrange(1, 4))
        shape[-1] += 2
        c.add(shape)
        c.add(shape[-1:])
        if op == "layer_norm" or rng.random() < 0.5:
            c.add(shape[-1:])
    elif op in ("softmax", "log_softmax", "cumsum"):
        shape = c.shape()
        c.add(shape)
        axis = rng.randrange(-len(shape), len(shape))
        c.attrs = {"axis": axis if op == "cumsum" or rng.random() < 0.5 else -1}
    elif op == "dropout":
        c.add(c.shape(2, 8))
        c.attrs = {"rate": rng.choice([0.0, 0.25, 0.5]), "seed": rng.randrange(100), "training": rng.random() < 0.8}
    else:
        loss_case(c, op, rng)


def loss_case(c, op, rng):
    shape = c.shape(2, 5)
    c.add(shape)
    if op == "sparse_softmax_cross_entropy":
        c.add(shape[:-1], [rng.randrange(shape[-1]) for _ in range(shape[0])], trained=False, dtype="int32")
    elif op == "softmax_cross_entropy":
        # Powers of two that add up to 1.
        row = [2.0**-min(k + 1, shape[1] - 1) for k in range(shape[1])]
        c.add(shape, row * shape[0], trained=False)
    else:
        c.add(shape, trained=op == "mean_squared_error", low=-1, high=1)
    c.attrs = {"reduction": rng.choice(["mean", "sum", "none"])}


def forward(c, operands):
    """The results of the node, and the loss against the targets."""
    if c.op == "dropout":
        shape, values = operands[0]
        return [(shape, [v * m for v, m in zip(values, c.mask)])]
    return evaluate(c.op, operands, c.attrs)


def loss_of(c, operands, targets):
    results = forward(c, operands)
    return sum((a - t) ** 2 for i, target in targets.items() for a, t in zip(results[i][1], target))


def numeric(c, targets):
    """The gradient of every trained operand, by central differences."""
    operands = [(shape, list(values)) for _, shape, values, _ in c.operands]
    gradients = {}
    for i, (_, _, values, trained) in enumerate(c.operands):
        if not trained:
            continue
        gradients[i] = []
        for k, value in enumerate(values):
            sides = []
            for sign in (1, -1):
                operands[i][1][k] = value + sign * STEP
                sides.append(loss_of(c, operands, targets))
            operands[i][1][k] = value
            gradients[i].append((sides[0] - sides[1]) / (2 * STEP))
    return gradients


def graph_of(c, results, targets):
    variables, entries = [], {}

    def variable(name, dtype, shape, values, trained):
        kind, code = CODES[dtype]
        variables.append({"name": name, "dtype": dtype, "shape": shape, "weights": name, "trainable": trained})
        entries[name] = (kind, shape, struct.pack("<%d%s" % (len(values), code), *values))
    for i, (dtype, shape, values, trained) in enumerate(c.operands):
        variable("x%d" % i, dtype, shape, values, trained)
    nodes = [{"name": "node", "op": c.op, "inputs": ["x%d" % i for i in range(len(c.operands))], "attrs": c.attrs}]
    parts = []
    for i, target in targets.items():
        variable("t%d" % i, "float32", results[i][0], target, False)
        nodes.append({"name": "part%d" % i, "op": "mean_squared_error", "attrs": {"reduction": "sum"},
                      "inputs": ["node" if i == 0 else "node:%d" % i, "t%d" % i]})
        parts.append("part%d" % i)
    nodes.append({"name": "loss", "op": "add_n", "inputs": parts})
    outputs = ["loss"] + ([{"name": "y", "value": "node"}] if c.op == "dropout" else [])
    return {"format": "amp-graph", "version": "1.0", "weights": "weights.safetensors", "variables": variables,
            "functions": [{"name": "train", "inputs": [], "nodes": nodes, "outputs": outputs, "training": {
                "loss": "loss", "optimizer": {"sgd": {"learning_rate": 1.0, "momentum": 0.5}}}}]}, entries


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if "does not run" in done.stderr or "do not run" in done.stderr:
        raise NotRun(done.stderr.strip())
    check(done.returncode == 0, "exit %d: %s\n%s" % (done.returncode, " ".join(command), done.stderr[-2000:]))


def check_case(c, programs, directory, label):
    path = lambda name: os.path.join(directory, name)
    operands = [(shape, values) for _, shape, values, _ in c.operands]
    if c.op == "dropout":
        c.mask = [1.0] * size(operands[0][0])
    results = forward(c, operands)
    # Of several results the loss depends on some.
    used = [i for i in range(len(results)) if c.op == "split" and c.rng.random() < 0.6] or [0]
    targets = {i: c.values(results[i][0], low=-3, high=3) for i in used}
    graph, entries = graph_of(c, results, targets)
    write_safetensors(path("weights.safetensors"), entries)
    with open(path("model.json"), "w", encoding="utf-8") as f:
        json.dump(graph, f)
    run(programs[0], path("model.json"), "--policy=none", "-o", path("expanded.json"))
    flags = ["--output", "y=" + path("y.npy")] if c.op == "dropout" else []
    run(programs[1], path("expanded.json"), "--function=train", "--save=" + path("after.safetensors"), *flags)
    after = read_safetensors(path("after.safetensors"))
    if c.op == "dropout":
        find_mask(c, path("y.npy"))
    expected = numeric(c, targets)
    checked = 0
    # Rounding of each float32 operation of a few dozen in a row, on what the
    # gradient is made of; differences are off by STEP squared and 1e-16 / STEP.
    for i, wanted in expected.items():
        raw = after["x%d/momentum" % i][2]
        actual = [-g for g in struct.unpack("<%df" % (len(raw) // 4), raw)]
        most = max([abs(g) for values in expected.values() for g in values] + [1e-3])
        for a, w in zip(actual, wanted):
            check(abs(a - w) <= 3e-5 * most + 1e-6, "%s: the gradient of operand %d is %s, expected %s\n%s" % (
                label, i, actual, wanted, json.dumps({"attrs": c.attrs, "shapes": [o[1] for o in c.operands]})))
        checked += len(wanted)
    return checked


def find_mask(c, path):
    """What the device multiplied each element with: 0 or 1 / (1 − rate)."""
    with open(path, "rb") as f:
        data = f.read()
    values = c.operands[0][2]
    y = struct.unpack("<%df" % len(values), data[-4 * len(values):])
    kept = 1 / (1 - c.attrs["rate"]) if c.attrs["training"] else 1.0
    c.mask = [kept if v else 0.0 for v in y]
    check(all(abs(v - x * m) <= 1e-6 * abs(v) for v, x, m in zip(y, values, c.mask)), "dropout scales what it keeps")
    check(c.attrs["training"] or all(c.mask), "dropout without training keeps all")


def check_all_have_cases(amp_opt, directory):
    """An op that a training function can go through has a case here."""
    path = os.path.join(directory, "op.json")
    for op in op_examples.EXAMPLES:
        file = op_examples.training_of(op)
        if op in OPS or file is None:
            continue
        with open(path, "w", encoding="utf-8") as f:
            json.dump(file, f)
        done = subprocess.run([amp_opt, path, "--policy=none", "-o", os.devnull], capture_output=True, text=True)
        check("depends on no trained variable" in done.stderr or "not differentiable" in done.stderr,
              "op '%s' has a gradient and no case in test/E2E/gradients.py" % op)


def main():
    parser = argparse.ArgumentParser(description="gradients against finite differences")
    parser.add_argument("amp_opt")
    parser.add_argument("amp_run")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--only")
    args = parser.parse_args()
    checked, ran, missing = 0, 0, []
    with tempfile.TemporaryDirectory() as directory:
        check_all_have_cases(args.amp_opt, directory)
        for op in [args.only] if args.only else OPS:
            try:
                for k in range(args.rounds):
                    label = "%s, seed %d" % (op, args.seed + k)
                    checked += check_case(make(op, args.seed + k), (args.amp_opt, args.amp_run), directory, label)
                ran += 1
            except NotRun as reason:
                missing.append(op)
                print("%s is not run: %s" % (op, str(reason).split("run: ")[-1]))
    print("seeds %d to %d: %d elements of the gradients of %d ops are right, %d ops are not run%s" % (
        args.seed, args.seed + args.rounds - 1, checked, ran, len(missing), ": " + " ".join(missing) if missing else ""))


if __name__ == "__main__":
    sys.exit(main())
