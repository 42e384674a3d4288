"""Two networks in dialects of MLIR through IREE: amp-opt rewrites a perceptron in
linalg and a convolutional net in TOSA, IREE compiles and runs the results.

    iree_networks.py --amp-opt=PROGRAM [--seeds=N]

Products are in 16 bits, and the error against the float32 module, which IREE runs
too, is within the rounding of the values that meet there. Needs iree-base-compiler
and iree-base-runtime.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile

import iree.compiler
import iree.runtime
import numpy as np


# A named op would do if all of MLIR's versions had it.
RELU = """%e{i} = tensor.empty() : {t}
  %r{i} = linalg.generic {{indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}} ins({value} : {t}) outs(%e{i} : {t}) {{
  ^bb0(%in: f32, %out: f32):
    %zero = arith.constant 0.0 : f32
    %max = arith.maximumf %in, %zero : f32
    linalg.yield %max : f32
  }} -> {t}"""


def mlp():
    sizes = (32, 48, 64, 64, 10)
    batch = sizes[0]
    arguments = ["%x: tensor<{}x{}xf32>".format(batch, sizes[1])]
    lines, value, shapes = [], "%x", [(batch, sizes[1])]
    for i, (a, b) in enumerate(zip(sizes[1:], sizes[2:])):
        arguments += ["%w{}: tensor<{}x{}xf32>".format(i, a, b), "%b{}: tensor<{}x{}xf32>".format(i, batch, b)]
        shapes += [(a, b), (batch, b)]
        t = "tensor<{}x{}xf32>".format(batch, b)
        lines += ["%m{} = linalg.matmul ins({}, %w{} : tensor<{}x{}xf32>, tensor<{}x{}xf32>) outs(%b{} : {}) -> {}".format(
            i, value, i, batch, a, a, b, i, t, t)]
        value = "%m{}".format(i)
        if b != sizes[-1]:
            lines += [RELU.format(i=i, value=value, t=t)]
            value = "%r{}".format(i)
    text = "func.func @main({}) -> tensor<{}x10xf32> {{\n  {}\n  return {} : tensor<{}x10xf32>\n}}\n".format(
        ", ".join(arguments), batch, "\n  ".join(lines), value, batch)
    return text, shapes, len(sizes) - 2


def conv():
    text = """func.func @main(%x: tensor<4x16x16x3xf32>, %k1: tensor<8x3x3x3xf32>, %b1: tensor<8xf32>, %k2: tensor<16x3x3x8xf32>, %b2: tensor<16xf32>, %w: tensor<1x256x10xf32>) -> tensor<1x4x10xf32> {
  %zp = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %0 = tosa.conv2d %x, %k1, %b1, %zp, %zp {acc_type = f32, dilation = array<i64: 1, 1>, pad = array<i64: 1, 1, 1, 1>, stride = array<i64: 1, 1>} : (tensor<4x16x16x3xf32>, tensor<8x3x3x3xf32>, tensor<8xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<4x16x16x8xf32>
  %1 = tosa.clamp %0 {min_val = 0.0 : f32, max_val = 3.4028235e38 : f32} : (tensor<4x16x16x8xf32>) -> tensor<4x16x16x8xf32>
  %2 = tosa.max_pool2d %1 {kernel = array<i64: 2, 2>, pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 2, 2>} : (tensor<4x16x16x8xf32>) -> tensor<4x8x8x8xf32>
  %3 = tosa.conv2d %2, %k2, %b2, %zp, %zp {acc_type = f32, dilation = array<i64: 1, 1>, pad = array<i64: 1, 0, 1, 0>, stride = array<i64: 2, 2>} : (tensor<4x8x8x8xf32>, tensor<16x3x3x8xf32>, tensor<16xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<4x4x4x16xf32>
  %4 = tosa.clamp %3 {min_val = 0.0 : f32, max_val = 3.4028235e38 : f32} : (tensor<4x4x4x16xf32>) -> tensor<4x4x4x16xf32>
  %s = tosa.const_shape {values = dense<[1, 4, 256]> : tensor<3xindex>} : () -> !tosa.shape<3>
  %5 = tosa.reshape %4, %s : (tensor<4x4x4x16xf32>, !tosa.shape<3>) -> tensor<1x4x256xf32>
  %6 = tosa.matmul %5, %w, %zp, %zp : (tensor<1x4x256xf32>, tensor<1x256x10xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x4x10xf32>
  return %6 : tensor<1x4x10xf32>
}
"""
    return text, [(4, 16, 16, 3), (8, 3, 3, 3), (8,), (16, 3, 3, 8), (16,), (1, 256, 10)], 3


NETWORKS = {"linalg mlp": (mlp, "auto"), "tosa conv": (conv, "tosa")}
# The types of a product's two factors.
PRODUCT = re.compile(r'"(?:linalg\.matmul|tosa\.conv2d|tosa\.matmul)"\((?:.|\n)*? : \((tensor<[^>]*>), (tensor<[^>]*>)')


class Program:
    def __init__(self, text, kind):
        binary = iree.compiler.compile_str(text, target_backends=["llvm-cpu"], input_type=kind,
                                           extra_args=["--iree-llvmcpu-target-cpu=host"])
        config = iree.runtime.Config("local-sync")
        context = iree.runtime.SystemContext(config=config)
        context.add_vm_module(iree.runtime.VmModule.copy_buffer(context.instance, binary))
        self.main = context.modules.module.main

    def __call__(self, arguments):
        return np.asarray(self.main(*arguments).to_host(), np.float64)


def rewrite(amp_opt, text, *flags):
    """In generic form, which versions of MLIR agree on."""
    with tempfile.TemporaryDirectory() as directory:
        source, result = os.path.join(directory, "in.mlir"), os.path.join(directory, "out.mlir")
        with open(source, "w", encoding="utf-8") as f:
            f.write(text)
        done = subprocess.run([amp_opt, source, "-o", result, "--mlir-print-op-generic"] + list(flags), capture_output=True, text=True)
        if done.returncode:
            raise SystemExit("amp-opt: exit %d\n%s" % (done.returncode, done.stderr))
        with open(result, encoding="utf-8") as f:
            return f.read(), (done.stderr.strip().splitlines() or [""])[-1]


def arguments(shapes, seed):
    rng = np.random.default_rng(seed)
    return [rng.normal(0, 1 if i == 0 else (2 / max(1, np.prod(s[:-1]) if len(s) == 2 else np.prod(s[1:]))) ** 0.5, s)
            .astype(np.float32) for i, s in enumerate(shapes)]


def main():
    parser = argparse.ArgumentParser(description="networks through amp-opt and IREE")
    parser.add_argument("--amp-opt", required=True)
    parser.add_argument("--seeds", type=int, default=4)
    args = parser.parse_args()
    for name, (make, kind) in NETWORKS.items():
        text, shapes, products = make()
        float32 = Program(rewrite(args.amp_opt, text, "--no-amp")[0], kind)
        for target, unit in (("float16", 2.0 ** -11), ("bfloat16", 2.0 ** -8)):
            rewritten, summary = rewrite(args.amp_opt, text, "--target=" + target)
            low = {"float16": "xf16>", "bfloat16": "xbf16>"}[target]
            found = PRODUCT.findall(rewritten)
            if len(found) != products or not all(a.endswith(low) and b.endswith(low) for a, b in found):
                raise SystemExit("%s, %s: not all products are in 16 bits: %s" % (name, target, found))
            program = Program(rewritten, kind)
            errors = []
            for seed in range(args.seeds):
                data = arguments(shapes, seed)
                expected = float32(data)
                errors.append(np.linalg.norm(program(data) - expected) / np.linalg.norm(expected))
            # Each of the products rounds both operands and its result, and its sum:
            # errors of one unit each that mostly cancel within a norm.
            bound = unit * 4 * products
            error = float(np.max(errors))
            if not error <= bound or error == 0:
                raise SystemExit("%s, %s: error %.3g, bound %.3g" % (name, target, error, bound))
            print("%s, %s: %d products in 16 bits, error %.2g of at most %.2g; %s" % (
                name, target, products, error, bound, summary))
    print("2 networks, 2 types: right")


if __name__ == "__main__":
    sys.exit(main())
