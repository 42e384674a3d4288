"""Every structured op of linalg that has a name, lowered whatever its list, with sums in 16
bits and in float32: the module verifies, goes through text, is rewritten once more without
a change, and upstream passes make loops of it.

    every_linalg_op.py MLIR-OPT PLUGIN LINALG.CPP
"""

import re
import subprocess
import sys

# Shapes of the operands, the destination last. A window of 3 on sizes of 8 leaves 6.
SHAPES = {
    "matmul": "4x5 5x6 4x6", "batch_matmul": "2x4x5 2x5x6 2x4x6", "batch_matvec": "2x4x5 2x5 2x4",
    "batch_mmt4d": "2x3x4x5x6 2x7x4x8x6 2x3x7x5x8", "batch_reduce_matmul": "2x4x5 2x5x6 4x6",
    "batch_vecmat": "2x5 2x5x6 2x6", "dot": "4 4 -", "matvec": "4x5 5 4", "mmt4d": "3x4x5x6 7x4x8x6 3x7x5x8",
    "vecmat": "5 5x6 6", "conv_1d": "8 3 6", "conv_1d_ncw_fcw": "1x2x8 4x2x3 1x4x6",
    "conv_1d_nwc_wcf": "1x8x2 3x2x4 1x6x4", "conv_2d": "8x8 3x3 6x6",
    "conv_2d_nchw_fchw": "1x2x8x8 4x2x3x3 1x4x6x6", "conv_2d_nhwc_fhwc": "1x8x8x2 4x3x3x2 1x6x6x4",
    "conv_2d_nhwc_hwcf": "1x8x8x2 3x3x2x4 1x6x6x4", "conv_2d_ngchw_fgchw": "1x2x3x8x8 4x2x3x3x3 1x2x4x6x6",
    "conv_2d_ngchw_gfchw": "1x2x3x8x8 2x4x3x3x3 1x2x4x6x6", "conv_2d_nhwgc_gfhwc": "1x8x8x2x3 2x4x3x3x3 1x6x6x2x4",
    "conv_3d": "8x8x8 3x3x3 6x6x6", "conv_3d_ncdhw_fcdhw": "1x2x8x8x8 4x2x3x3x3 1x4x6x6x6",
    "conv_3d_ndhwc_dhwcf": "1x8x8x8x2 3x3x3x2x4 1x6x6x6x4", "depthwise_conv_1d_ncw_cw": "1x2x8 2x3 1x2x6",
    "depthwise_conv_1d_nwc_wc": "1x8x2 3x2 1x6x2", "depthwise_conv_1d_nwc_wcm": "1x8x2 3x2x5 1x6x2x5",
    "depthwise_conv_2d_nchw_chw": "1x2x8x8 2x3x3 1x2x6x6", "depthwise_conv_2d_nhwc_hwc": "1x8x8x2 3x3x2 1x6x6x2",
    "depthwise_conv_2d_nhwc_hwcm": "1x8x8x2 3x3x2x5 1x6x6x2x5",
    "depthwise_conv_3d_ncdhw_cdhw": "1x2x8x8x8 2x3x3x3 1x2x6x6x6",
    "depthwise_conv_3d_ndhwc_dhwc": "1x8x8x8x2 3x3x3x2 1x6x6x6x2",
    "depthwise_conv_3d_ndhwc_dhwcm": "1x8x8x8x2 3x3x3x2x5 1x6x6x6x2x5",
    "pooling_nchw_max": "1x2x8x8 3x3 1x2x6x6", "pooling_nchw_sum": "1x2x8x8 3x3 1x2x6x6",
    "pooling_ncw_max": "1x2x8 3 1x2x6", "pooling_ncw_sum": "1x2x8 3 1x2x6",
    "pooling_ndhwc_max": "1x8x8x8x2 3x3x3 1x6x6x6x2", "pooling_ndhwc_min": "1x8x8x8x2 3x3x3 1x6x6x6x2",
    "pooling_ndhwc_sum": "1x8x8x8x2 3x3x3 1x6x6x6x2", "pooling_nhwc_max": "1x8x8x2 3x3 1x6x6x2",
    "pooling_nhwc_min": "1x8x8x2 3x3 1x6x6x2", "pooling_nhwc_sum": "1x8x8x2 3x3 1x6x6x2",
    "pooling_nwc_max": "1x8x2 3 1x6x2", "pooling_nwc_min": "1x8x2 3 1x6x2", "pooling_nwc_sum": "1x8x2 3 1x6x2",
}
for name in "abs ceil copy erf exp floor log negf reciprocal round rsqrt sqrt square tanh".split():
    SHAPES[name] = "4x4 4x4"
for name in "add div max min mul powf sub".split():
    SHAPES[name] = "4x4 4x4 4x4"
# What is written in another way.
TEXTS = {
    "broadcast": ("4 4x5", "ins(%a0 : tensor<4xf32>) outs(%o : tensor<4x5xf32>) dimensions = [1]"),
    "transpose": ("4x5 5x4", "ins(%a0 : tensor<4x5xf32>) outs(%o : tensor<5x4xf32>) permutation = [1, 0]"),
    "contract": ("4x5 5x6 4x6", "indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, "
                 "affine_map<(m, n, k) -> (m, n)>] ins(%a0, %a1 : tensor<4x5xf32>, tensor<5x6xf32>) "
                 "outs(%o : tensor<4x6xf32>) -> tensor<4x6xf32>"),
    "elementwise": ("4x4 4x4", "kind=#linalg.elementwise_kind<tanh> ins(%a0 : tensor<4x4xf32>) "
                    "outs(%o : tensor<4x4xf32>) -> tensor<4x4xf32>"),
    "reduce": ("4x5 4", "ins(%a0 : tensor<4x5xf32>) outs(%o : tensor<4xf32>) dimensions = [1] (%x: f32, %y: f32) "
               "{ %s = arith.addf %x, %y : f32 linalg.yield %s : f32 }"),
    "map": ("4x4 4x4", "ins(%a0 : tensor<4x4xf32>) outs(%o : tensor<4x4xf32>) (%x: f32, %y: f32) "
            "{ %s = math.tanh %x : f32 linalg.yield %s : f32 }"),
    "generic": ("4x4 4x4", "{indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (j, i)>], "
                "iterator_types = [\"parallel\", \"parallel\"]} ins(%a0 : tensor<4x4xf32>) outs(%o : tensor<4x4xf32>) "
                "{ ^bb0(%x: f32, %y: f32): %s = arith.mulf %x, %x : f32 linalg.yield %s : f32 } -> tensor<4x4xf32>"),
}
# In every function, on integers alone, or on bools too.
ELSEWHERE = {"fill", "div_unsigned", "pooling_nhwc_max_unsigned", "pooling_nhwc_min_unsigned",
             "pooling_nwc_max_unsigned", "pooling_nwc_min_unsigned", "select"}
OPTIONS = ["", "target=bfloat16", "accumulate=float32", "infer-rule=follow target=bfloat16 accumulate=float32"]
LOOPS = ("builtin.module(linalg-generalize-named-ops,func.func(convert-elementwise-to-linalg),"
         "one-shot-bufferize{bufferize-function-boundaries=true},convert-linalg-to-loops)")


def tensor(shape):
    return "tensor<%sf32>" % ("" if shape == "-" else shape + "x")


def function(name):
    shapes, text = TEXTS.get(name, (SHAPES.get(name), None))
    *inputs, output = shapes.split()
    out = tensor(output)
    arguments = ", ".join("%%a%d: %s" % (i, tensor(s)) for i, s in enumerate(inputs))
    if not text:
        text = "ins(%s : %s) outs(%%o : %s) -> %s" % (", ".join("%%a%d" % i for i in range(len(inputs))),
                                                    ", ".join(map(tensor, inputs)), out, out)
    return ("func.func @%s(%s) -> %s {\n  %%z = arith.constant 0.0 : f32\n  %%e = tensor.empty() : %s\n"
            "  %%o = linalg.fill ins(%%z : f32) outs(%%e : %s) -> %s\n  %%r = linalg.%s %s\n  return %%r : %s\n}\n" % (
                name, arguments, out, out, out, out, name, text, out))


def main(mlir_opt, plugin, source):
    with open(source, encoding="utf-8") as f:
        known = set(re.findall(r'\{"linalg\.(\w+)", OpShape::Own', f.read()))
    names = sorted((set(SHAPES) | set(TEXTS)) - ELSEWHERE)
    if known != set(names) | ELSEWHERE:
        raise SystemExit("these have no case, or no model: %s" % sorted(known ^ (set(names) | ELSEWHERE)))
    module = "".join(map(function, names))

    def run(pipeline, text, *flags):
        done = subprocess.run([mlir_opt, "--pass-pipeline=" + pipeline, *flags], input=text, capture_output=True,
                              text=True)
        if done.returncode:
            raise SystemExit("%s\n%s" % (pipeline, done.stderr[:3000]))
        return done.stdout

    plugins = ["--load-dialect-plugin=" + plugin, "--load-pass-plugin=" + plugin, "--verify-each", "--verify-roundtrip"]
    for option in OPTIONS:
        once = ("amp-auto-mixed-precision{unknown-ops=ignore allow=linalg.fill,tanh,square,reduce_sum,%s %s},amp-verify-contract"
                % (",".join("linalg." + n for n in names), option))
        text = run("builtin.module(%s)" % once, module, *plugins)
        low = "bf16" if "bfloat16" in option else "f16"
        for name in names:
            body = text.split("func.func @%s(" % name, 1)[1].split("func.func", 1)[0]
            operands = re.search(r"= linalg\.%s\b(.*?)outs\(" % name, body, re.S).group(1)
            if "x%s>" % low not in operands:
                raise SystemExit("%s: linalg.%s reads %s" % (option, name, operands))
        if run("builtin.module(%s)" % once, text, *plugins) != text:
            raise SystemExit("%s: a second rewrite changes something" % option)
        run(LOOPS, text)
    print("%d ops of linalg, in %d ways" % (len(names), len(OPTIONS)))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
