#!/usr/bin/env python3
"""Runs the modules of this folder before and after the rewrite, on the CPU.

The stock mlir-opt rewrites with the plugin and lowers with passes of its own,
mlir-runner runs. The result of each type must lie within a bound of the float32
run that follows from the operations: every value carries an error through a model
of the module in float64, first order in nothing, so that a wrong cast or a product
in the wrong type cannot hide in it. The same model holds the float32 run.

    run_models.py --mlir=DIR --plugin=FILE [--models=DIR] [--seed=N]
"""

import argparse
import math
import os
import random
import re
import subprocess
import sys

UNIT = {"f32": 2.0**-24, "f16": 2.0**-11, "bf16": 2.0**-8}
TINY = {"f32": 2.0**-149, "f16": 2.0**-24, "bf16": 2.0**-133}

TRANSFORM = """
  transform.named_sequence @__transform_main(%m: !transform.any_op {transform.readonly}) {
    %s = transform.structured.match ops{["linalg.softmax"]} in %m : (!transform.any_op) -> !transform.any_op
    %d = transform.structured.decompose_interface %s : (!transform.any_op) -> !transform.any_op
    transform.yield
  }
"""
LOWER = (
    "builtin.module(transform-interpreter,func.func(tosa-to-linalg-named,tosa-to-linalg,"
    "tosa-to-arith,tosa-to-tensor),convert-elementwise-to-linalg,"
    "one-shot-bufferize{bufferize-function-boundaries=true allow-return-allocs-from-loops=true},convert-linalg-to-loops,"
    "convert-scf-to-cf,expand-strided-metadata,lower-affine,convert-math-to-libm,"
    "arith-expand{include-bf16=true},convert-math-to-llvm,finalize-memref-to-llvm,"
    "convert-arith-to-llvm,convert-index-to-llvm,convert-cf-to-llvm,convert-func-to-llvm,"
    "reconcile-unrealized-casts)")


# Tensors of two dimensions as lists of rows of (value, error) pairs.

def exact(rows):
    return [[(v, 0.0) for v in row] for row in rows]


def rounded(x, t, ulps=1.0):
    """x as the result of an operation that is correct to some units of t."""
    return [[(v, e + ulps * UNIT[t] * (abs(v) + e) + TINY[t]) for v, e in row] for row in x]


def product(a, b, t):
    """Sums in the type of the product, each term and each sum rounded."""
    inner = len(b)
    gamma = (inner + 1) * UNIT[t] / (1 - (inner + 1) * UNIT[t])
    out = []
    for row in a:
        line = []
        for j in range(len(b[0])):
            value = sum(row[k][0] * b[k][j][0] for k in range(inner))
            magnitude = sum((abs(row[k][0]) + row[k][1]) * (abs(b[k][j][0]) + b[k][j][1])
                            for k in range(inner))
            moved = sum(abs(row[k][0]) * b[k][j][1] + row[k][1] * abs(b[k][j][0]) +
                        row[k][1] * b[k][j][1] for k in range(inner))
            line.append((value, moved + gamma * magnitude + (inner + 1) * TINY[t]))
        out.append(line)
    return out


def smooth(function, x, t, ulps):
    """An element-wise function that moves its result no more than its operand."""
    return rounded([[(function(v), e) for v, e in row] for row in x], t, ulps)


def softmax(x, t):
    out = []
    for row in x:
        top = max(v for v, _ in row)
        exps = [math.exp(v - top) for v, _ in row]
        total = sum(exps)
        move = max(e for _, e in row)
        # Numerator and sum each move by a factor of at most exp(move), and the
        # difference, exp, sum and quotient round; x - top is below 100 in size.
        factor = math.exp(2 * move) * (1 + (len(row) + 210) * UNIT[t]) - 1
        out.append([(e / total, e / total * factor + TINY[t]) for e in exps])
    return out


def attention(data, low):
    q, k, v = (rounded(exact(data[n]), low) for n in ("q", "k", "v"))
    s = product(q, k, low)
    s = [[(max(value, 0.0), e) for value, e in row] for row in s]
    p = rounded(softmax(s, "f32"), low)
    return product(p, v, low)


def power(data, low):
    x, w = (rounded(exact(data[n]), low) for n in ("x", "w"))
    for _ in range(3):
        x = smooth(math.tanh, product(x, w, low), low, 4)
    return x


def calls(data, low):
    x, w = (rounded(exact(data[n]), low) for n in ("x", "w"))
    return product(smooth(math.tanh, product(x, w, low), low, 4), w, low)


def network(data, low):
    image, filters = data["image"], rounded(exact(data["filter"]), low)
    bias = rounded(exact([data["bias"][0]]), low)[0]
    pixels = rounded(exact(image), low)
    # A convolution is a product of patches and filters; it sums in float32.
    patches = []
    for i in range(8):
        for j in range(8):
            patches.append([pixels[i + a - 1][j + b - 1]
                            if 0 <= i + a - 1 < 8 and 0 <= j + b - 1 < 8 else (0.0, 0.0)
                            for a in range(3) for b in range(3)])
    c = product(patches, [list(column) for column in zip(*filters)], "f32")
    # Some lowerings round the sum before the bias, some add it in the type.
    c = [[(v + bias[n][0], e + bias[n][1]) for n, (v, e) in enumerate(row)] for row in c]
    c = rounded(c, low, 2 + 10)
    c = [[(max(v, 0.0), e) for v, e in row] for row in c]
    flat = []
    for i in range(0, 8, 2):
        for j in range(0, 8, 2):
            for n in range(4):
                window = [c[(i + a) * 8 + j + b][n] for a in (0, 1) for b in (0, 1)]
                flat.append((max(v for v, _ in window), max(e for _, e in window)))
    logits = product([flat], rounded(exact(data["w"]), low), low)
    # Without the maximum: numerator and sum as in softmax.
    return softmax(logits, "f32")


class Module:
    def __init__(self, name, function, model, arguments, result, extra=""):
        self.name, self.function, self.model = name, function, model
        self.arguments, self.result, self.extra = arguments, result, extra


MODULES = [
    Module("linalg-attention.mlir", "attention", attention,
           [("q", (8, 16), 0.5, "8x16"), ("k", (16, 8), 0.5, "16x8"), ("v", (8, 16), 1.0, "8x16")],
           "8x16"),
    Module("scf-for.mlir", "power", power,
           [("x", (4, 4), 0.5, "4x4"), ("w", (4, 4), 0.5, "4x4")], "4x4", extra="index"),
    Module("cf-branches.mlir", "power", power,
           [("x", (4, 4), 0.5, "4x4"), ("w", (4, 4), 0.5, "4x4")], "4x4", extra="index"),
    Module("func-calls.mlir", "main", calls,
           [("x", (4, 4), 0.5, "4x4"), ("w", (4, 4), 0.5, "4x4")], "4x4"),
    Module("tosa-convolution.mlir", "network", network,
           [("image", (8, 8), 1.0, "1x8x8x1"), ("filter", (4, 9), 0.3, "4x3x3x1"),
            ("bias", (1, 4), 0.1, "4"), ("w", (64, 10), 0.1, "1x64x10")], "1x10"),
]


def dense(rows, shape):
    """Nested brackets of an MLIR constant."""
    flat = [repr(v) for row in rows for v in row]
    for size in reversed([int(s) for s in shape.split("x")]):
        flat = ["[" + ", ".join(flat[i:i + size]) + "]" for i in range(0, len(flat), size)]
    assert len(flat) == 1
    return flat[0]


def caller(module, data):
    lines, types = [], []
    for name, _, _, shape in module.arguments:
        lines.append(f"  %{name} = arith.constant dense<{dense(data[name], shape)}> : tensor<{shape}xf32>")
        types.append(f"tensor<{shape}xf32>")
    operands = [f"%{argument[0]}" for argument in module.arguments]
    if module.extra:
        lines.append("  %n = arith.constant 3 : index")
        operands.append("%n")
        types.append("index")
    out = f"tensor<{module.result}xf32>"
    lines += [
        f"  %r = func.call @{module.function}({', '.join(operands)}) : ({', '.join(types)}) -> {out}",
        f"  %m = bufferization.to_buffer %r : {out} to memref<{module.result}xf32>",
        f"  %u = memref.cast %m : memref<{module.result}xf32> to memref<*xf32>",
        "  func.call @printMemrefF32(%u) : (memref<*xf32>) -> ()",
        "  return"]
    return ("func.func private @printMemrefF32(memref<*xf32>)\n"
            "func.func @start() {\n" + "\n".join(lines) + "\n}\n")


def run(command, text):
    result = subprocess.run(command, input=text, capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {result.returncode}\n{result.stderr[:4000]}")
    return result.stdout


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--mlir", required=True, help="folder with mlir-opt and mlir-runner")
    parser.add_argument("--plugin", required=True)
    parser.add_argument("--models", default=os.path.dirname(os.path.abspath(__file__)))
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    plugins = [f"--load-dialect-plugin={options.plugin}", f"--load-pass-plugin={options.plugin}"]
    libraries = os.path.join(os.path.dirname(options.mlir), "lib")
    mlir_opt = os.path.join(options.mlir, "mlir-opt")
    runner = [os.path.join(options.mlir, "mlir-runner"), "-e", "start", "--entry-point-result=void",
              "--shared-libs=" + ",".join(os.path.join(libraries, f"lib{name}.so")
                                          for name in ("mlir_runner_utils", "mlir_c_runner_utils"))]
    bad = checked = 0
    for module in MODULES:
        rng = random.Random(f"{options.seed} {module.name}")
        # Multiples of 2^-12: float32 and the text hold them exactly.
        data = {name: [[round(rng.uniform(-scale, scale) * 4096) / 4096 for _ in range(shape[1])]
                       for _ in range(shape[0])] for name, shape, scale, _ in module.arguments}
        with open(os.path.join(options.models, module.name)) as file:
            text = file.read()
        results = {}
        for low in ("f32", "f16", "bf16"):
            source = text
            if low != "f32":
                source = run([mlir_opt, *plugins, "--verify-each",
                              "--pass-pipeline=builtin.module(amp-auto-mixed-precision{target="
                              + low + "},amp-verify-contract)"], text)
                if f"x{low}>" not in source:
                    sys.exit(f"{module.name}: nothing is {low}")
            whole = source + caller(module, data)
            if low != "f32":
                # The module is printed with its braces, or without.
                body = re.sub(r"\A\s*module \{\n(.*)\n\}\s*\Z", r"\1", source, flags=re.S)
                whole = body + "\n" + caller(module, data)
            whole = ("module attributes {transform.with_named_sequence} {\n" + whole + TRANSFORM + "}\n")
            lowered = run([mlir_opt, f"--pass-pipeline={LOWER}"], whole)
            lowered = re.sub(r"\n  transform\.named_sequence.*?\n  \}\n", "\n", lowered, flags=re.S)
            lowered = lowered.replace("module attributes {transform.with_named_sequence}", "module")
            printed = run(runner, lowered)
            # After the header every number is an element.
            numbers = re.findall(r"[-+]?(?:nan|inf|\d+\.?\d*(?:e[-+]?\d+)?)", printed.split("data =", 1)[1])
            results[low] = [float(number) for number in numbers]
        reference = module.model(data, "f32")
        for low in ("f32", "f16", "bf16"):
            bound = module.model(data, low)
            worst = used = 0.0
            flat = [pair for row in bound for pair in row]
            base = [pair for row in reference for pair in row]
            if len(flat) != len(results[low]):
                sys.exit(f"{module.name}: {len(results[low])} elements, expected {len(flat)}")
            for (value, error), (_, small), got, wide in zip(flat, base, results[low], results["f32"]):
                # Six digits are printed.
                limit = error + small + 1e-5 * abs(value) + 1e-6
                difference = abs(got - (value if low == "f32" else wide))
                worst = max(worst, difference)
                used = max(used, difference / limit)
                if not difference <= limit:
                    bad += 1
            checked += 1
            print(f"{module.name} {low}: worst difference {worst:.3g}, {100 * used:.0f} % of its bound, "
                  f"seed {options.seed}")
            if low != "f32" and results[low] == results["f32"]:
                sys.exit(f"{module.name}: the {low} run is the float32 run")
    print(f"{checked} runs within their bounds" if not bad else f"{bad} elements beyond their bounds")
    return bad != 0


if __name__ == "__main__":
    sys.exit(main())
