# Convolutions, pooling and normalisations of the cpu device, forward and backward, against
# PyTorch: random shapes, layouts, strides, dilations, groups, paddings and element types.
#
#   pytorch.py --amp-run=build/bin/amp-run [--seed=N] [--count=N] [--only=N]
#
# Needs torch and numpy. Each case is a graph file with the op and its backward ops; the
# reference is PyTorch's autograd in float64 on the same numbers, rounded to the element
# type. tools/check --with-peers installs what is needed and runs this.

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile

import numpy as np
import torch
import torch.nn.functional as F

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from graph_builder import Model  # noqa: E402

# What a result may differ by, in parts of the largest number of it.
LIMITS = {"float32": 2e-5, "float16": 3e-3, "bfloat16": 2e-2}
TORCH = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


def same_padding(size, window, stride, dilation=1):
    """Zeros before and after, as TensorFlow places them."""
    reach = (window - 1) * dilation + 1
    total = max((-(-size // stride) - 1) * stride + reach - size, 0)
    return total // 2, total - total // 2


def padded(x, windows, strides, dilations, padding, value=0.0):
    if padding == "valid":
        return x
    before = [same_padding(x.shape[2 + i], windows[i], strides[i], dilations[i]) for i in (0, 1)]
    return F.pad(x, (*before[1], *before[0]), value=value)


class Case:
    """An op with attributes and operands (name -> array, in the order of the op), its
    reference over tensors in NCHW, and which operands have a gradient."""

    def __init__(self, op, dtype, attrs, operands, reference, wide=(), gradients=None, channels_last=False):
        self.op, self.dtype, self.attrs, self.operands, self.reference = op, dtype, attrs, operands, reference
        self.wide, self.channels_last = wide, channels_last
        # operand -> the backward op and the number of its result
        self.gradients = gradients

    def to_torch(self, array):
        t = torch.tensor(array, dtype=torch.float64)
        return t.permute(0, 3, 1, 2) if self.channels_last and t.dim() == 4 else t

    def from_torch(self, t):
        return (t.permute(0, 2, 3, 1) if self.channels_last and t.dim() == 4 else t).detach().numpy()

    def expected(self, gradient):
        """y (and further results), then the gradient of each operand that has one."""
        leaves, names = {}, list(self.operands)
        for name, array in self.operands.items():
            leaves[name] = torch.tensor(array, dtype=torch.float64, requires_grad=name in self.gradients)
        args = [leaves[n].permute(0, 3, 1, 2) if self.channels_last and n == "x" and leaves[n].dim() == 4 else leaves[n]
                for n in names]
        results = self.reference(*args)
        results = results if isinstance(results, tuple) else (results,)
        shape = self.from_torch(results[0]).shape
        g = gradient(shape)
        results[0].backward(self.to_torch(g))
        return [self.from_torch(r) for r in results], {n: leaves[n].grad.numpy() for n in self.gradients}, g


def convolution(rng, numbers):
    kind = rng.choice(["conv2d", "conv2d", "depthwise_conv2d", "conv2d_transpose"])
    layout = rng.choice(["NHWC", "NCHW"])
    n, h, w = rng.randint(1, 3), rng.randint(1, 9), rng.randint(1, 9)
    groups = rng.choice([1, 1, 2, 3]) if kind != "depthwise_conv2d" else 1
    c = groups * rng.randint(1, 4)
    window = [rng.randint(1, 4), rng.randint(1, 4)]
    strides = [rng.randint(1, 3), rng.randint(1, 3)]
    dilations = [rng.randint(1, 2), rng.randint(1, 2)]
    padding = rng.choice(["same", "valid"])
    if padding == "valid" and kind != "conv2d_transpose":
        h = max(h, (window[0] - 1) * dilations[0] + 1)
        w = max(w, (window[1] - 1) * dilations[1] + 1)
    multiplier = rng.randint(1, 3)
    out = groups * rng.randint(1, 4)
    filter_shape = window + ([c, multiplier] if kind == "depthwise_conv2d" else [c // groups, out])
    attrs = {"strides": strides, "dilations": dilations, "padding": padding, "layout": layout}
    if kind != "depthwise_conv2d":
        attrs["groups"] = groups

    def reference(x, k):
        if kind == "conv2d_transpose":
            # [window, I / groups, O] -> [I, O / groups, window], group by group.
            parts = [p.permute(2, 3, 0, 1) for p in k.chunk(groups, dim=3)]
            y = F.conv_transpose2d(x, torch.cat(parts), stride=strides, dilation=dilations, groups=groups)
            for i in (0, 1):
                reach = (window[i] - 1) * dilations[i] + 1
                if padding == "valid":
                    wanted, cut = (x.shape[2 + i] - 1) * strides[i] + reach, 0
                else:
                    wanted = x.shape[2 + i] * strides[i]
                    cut = max((x.shape[2 + i] - 1) * strides[i] + reach - wanted, 0) // 2
                have = y.shape[2 + i] - cut
                y = y.narrow(2 + i, cut, min(have, wanted))
                if have < wanted:
                    y = F.pad(y, (0, 0, 0, wanted - have) if i == 0 else (0, wanted - have))
            return y
        x = padded(x, window, strides, dilations, padding)
        if kind == "depthwise_conv2d":
            k = k.permute(2, 3, 0, 1).reshape(c * multiplier, 1, *window).contiguous()
            return F.conv2d(x.contiguous(), k, stride=strides, dilation=dilations, groups=c)
        return F.conv2d(x.contiguous(), k.permute(3, 2, 0, 1).contiguous(), stride=strides, dilation=dilations, groups=groups)

    x = numbers([n, h, w, c] if layout == "NHWC" else [n, c, h, w])
    return kind, attrs, {"x": x, "filter": numbers(filter_shape)}, reference, (), {
        "x": (kind + "_input_grad", 0), "filter": (kind + "_filter_grad", 0)}, layout == "NHWC"


def pooling(rng, numbers):
    kind = rng.choice(["max_pool2d", "avg_pool2d", "global_avg_pool2d"])
    layout = rng.choice(["NHWC", "NCHW"])
    n, c, h, w = rng.randint(1, 3), rng.randint(1, 5), rng.randint(1, 9), rng.randint(1, 9)
    shape = [n, h, w, c] if layout == "NHWC" else [n, c, h, w]
    attrs = {"layout": layout}
    window, strides = [rng.randint(1, 3), rng.randint(1, 3)], [rng.randint(1, 3), rng.randint(1, 3)]
    padding = rng.choice(["same", "valid"])
    if padding == "valid":
        window = [min(window[0], h), min(window[1], w)]
    if kind != "global_avg_pool2d":
        attrs.update(window=window, strides=strides, padding=padding)
    ones = [1, 1]

    def reference(x):
        if kind == "global_avg_pool2d":
            return x.mean(dim=(2, 3))
        if kind == "max_pool2d":
            return F.max_pool2d(padded(x, window, strides, ones, padding, float("-inf")), window, strides)
        total = F.avg_pool2d(padded(x, window, strides, ones, padding), window, strides)
        return total / F.avg_pool2d(padded(torch.ones_like(x), window, strides, ones, padding), window, strides)

    # Different numbers, so that the largest is one.
    x = numbers(shape, distinct=kind == "max_pool2d")
    return kind, attrs, {"x": x}, reference, (), {"x": (kind + "_grad", 0)}, layout == "NHWC"


def normalisation(rng, numbers):
    kind = rng.choice(["batch_norm", "layer_norm", "rms_norm"])
    epsilon = rng.choice([1e-3, 1e-5])
    if kind == "batch_norm":
        layout, training = rng.choice(["NHWC", "NCHW"]), rng.random() < 0.7
        n, c, h, w = rng.randint(2, 4), rng.randint(1, 6), rng.randint(2, 6), rng.randint(2, 6)
        operands = {"x": numbers([n, h, w, c] if layout == "NHWC" else [n, c, h, w]), "scale": numbers([c]),
                    "offset": numbers([c]), "mean": numbers([c]), "variance": np.abs(numbers([c])) + 0.5}

        def reference(x, scale, offset, mean, variance):
            if not training:
                return F.batch_norm(x, mean, variance, scale, offset, False, 0, epsilon)
            return (F.batch_norm(x, None, None, scale, offset, True, 0, epsilon), x.mean(dim=(0, 2, 3)),
                    x.var(dim=(0, 2, 3), unbiased=False))

        grad = "batch_norm_grad"
        return kind, {"epsilon": epsilon, "training": training, "layout": layout}, operands, reference, (
            "scale", "offset", "mean", "variance"), {"x": (grad, 0), "scale": (grad, 1), "offset": (grad, 2)}, layout == "NHWC"
    shape = [rng.randint(1, 5) for _ in range(rng.randint(1, 3))]
    axis = rng.randrange(len(shape))
    shape[axis] = rng.randint(2, 9)
    size = shape[axis]
    operands = {"x": numbers(shape), "scale": numbers([size]), "offset": numbers([size])}

    def reference(x, scale, offset):
        x = x.movedim(axis, -1)
        if kind == "layer_norm":
            y = F.layer_norm(x, [size], scale, offset, epsilon)
        else:
            y = F.rms_norm(x, [size], scale, epsilon) + offset
        return y.movedim(-1, axis)

    return kind, {"epsilon": epsilon, "axis": axis}, operands, reference, ("scale", "offset"), {
        "x": (kind + "_grad", 0), "scale": (kind + "_grad", 1), "offset": (kind + "_grad", 2)}, False


FAMILIES = [convolution, convolution, pooling, normalisation]


def make_case(seed):
    rng = random.Random(seed)
    dtype = rng.choice(["float32", "float32", "float16", "bfloat16"])

    def rounded(array):
        return torch.tensor(array, dtype=torch.float64).to(TORCH[dtype]).to(torch.float64).numpy()

    def numbers(shape, distinct=False):
        generator = np.random.default_rng(rng.randrange(1 << 30))
        if distinct:
            count = int(np.prod(shape))
            return rounded((generator.permutation(count) - count / 2).reshape(shape) / 16)
        return rounded(generator.uniform(-2, 2, shape))

    op, attrs, operands, reference, wide, gradients, last = rng.choice(FAMILIES)(rng, numbers)
    return Case(op, dtype, attrs, operands, reference, wide, gradients, last), numbers


def graph_of(case, results):
    """The op and its backward ops; outputs y0, y1, … and grad_OPERAND."""
    model = Model("case")
    inputs = {name: ("float32" if name in case.wide else case.dtype, list(array.shape))
              for name, array in case.operands.items()}
    inputs["gradient"] = (case.dtype, list(results[0].shape))
    f = model.function("f", inputs)
    names = list(case.operands)
    f.op("y", case.op, *names, **case.attrs)
    outputs = [{"name": "y%d" % i, "value": "y:%d" % i if i else "y"} for i in range(len(results))]
    attrs = {k: v for k, v in case.attrs.items() if k != "momentum"}
    for operand, (op, number) in case.gradients.items():
        if op not in [n["name"] for n in f.nodes]:
            f.op(op, op, "gradient", *names, **attrs)
        outputs.append({"name": "grad_" + operand, "value": op + (":%d" % number if number else "")})
    f.outputs = outputs
    return model.text(), [o["name"] for o in outputs]


def run(case, numbers, amp_run, folder):
    results, gradients, g = case.expected(numbers)
    text, outputs = graph_of(case, results)
    path = os.path.join(folder, "case.json")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    command = [amp_run, path, "--function=f"]
    for name, array in dict(case.operands, gradient=g).items():
        np.save(os.path.join(folder, name + ".npy"), np.ascontiguousarray(array, dtype=np.float32))
        command.append("--input=%s=%s" % (name, os.path.join(folder, name + ".npy")))
    for name in outputs:
        command.append("--output=%s=%s" % (name, os.path.join(folder, name + ".npy")))
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if done.returncode:
        return "exit %d: %s" % (done.returncode, done.stderr.strip()), 0
    worst = 0.0
    expected = dict({"y%d" % i: r for i, r in enumerate(results)},
                    **{"grad_" + k: v for k, v in gradients.items()})
    for name in outputs:
        found = np.load(os.path.join(folder, name + ".npy")).astype(np.float64)
        if found.shape != expected[name].shape:
            return "%s has the shape %s, not %s" % (name, found.shape, expected[name].shape), 0
        if not found.size:
            continue
        size = max(np.abs(expected[name]).max(), 1e-2)
        error = np.abs(found - expected[name]).max() / size
        worst = max(worst, error / LIMITS[case.dtype])
        if not error <= LIMITS[case.dtype]:
            return "%s differs by %.2g of its largest number (limit %g)" % (name, error, LIMITS[case.dtype]), error
    return None, worst


def main():
    parser = argparse.ArgumentParser(description="the cpu device against PyTorch")
    parser.add_argument("--amp-run", required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--only", type=int, help="the case of this seed")
    args = parser.parse_args()
    torch.manual_seed(0)
    failures, seen, worst = 0, {}, 0.0
    with tempfile.TemporaryDirectory() as folder:
        for seed in [args.only] if args.only is not None else range(args.seed * 1000000, args.seed * 1000000 + args.count):
            case, numbers = make_case(seed)
            problem, error = run(case, numbers, args.amp_run, folder)
            seen[case.op] = seen.get(case.op, 0) + 1
            if problem:
                failures += 1
                shapes = {k: list(v.shape) for k, v in case.operands.items()}
                print("--only=%d: %s %s %s %s: %s" % (seed, case.op, case.dtype, json.dumps(case.attrs), shapes, problem))
            else:
                worst = max(worst, error)
    print("%s; the largest error is %.2f of its limit" % (", ".join("%d %s" % (n, op) for op, n in sorted(seen.items())), worst))
    print("%d cases against PyTorch %s, %d failures" % (sum(seen.values()), torch.__version__, failures))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
