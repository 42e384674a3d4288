"""Rewrites modules of StableHLO and checks what must hold whatever runs them: every
product in 16 bits, no exponential in 16 bits, the softmax in the report, and the
same bytes from a second rewrite.

    check_jax.py --amp-opt=PROGRAM FILE…
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile

PRODUCT = re.compile(r'"stablehlo\.(?:dot_general|convolution)"\(.*: \((.*)\) -> (tensor<.*>)')
EXPONENTIAL = re.compile(r'"stablehlo\.exponential"\(.*-> tensor<[0-9x]*f32>')


def check(condition, text):
    if not condition:
        raise SystemExit("failed: " + text)


def run(amp_opt, source, target, result, *flags):
    done = subprocess.run([amp_opt, source, "-o", result, "--op-models=stablehlo", "--target=" + target,
                           "--unknown-ops=ignore", "--mlir-print-op-generic"] + list(flags),
                          capture_output=True, text=True)
    check(done.returncode == 0, "%s: %s" % (source, done.stderr))
    with open(result, encoding="utf-8") as f:
        return f.read()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--amp-opt", required=True)
    parser.add_argument("files", nargs="+")
    args = parser.parse_args()
    for source in args.files:
        name = os.path.basename(source)
        for target, low in (("float16", "xf16>"), ("bfloat16", "xbf16>")):
            with tempfile.TemporaryDirectory() as directory:
                first, report = os.path.join(directory, "1.mlir"), os.path.join(directory, "report.json")
                text = run(args.amp_opt, source, target, first, "--report=" + report)
                again = run(args.amp_opt, first, target, os.path.join(directory, "2.mlir"))
                with open(report, encoding="utf-8") as f:
                    nodes = json.load(f)["nodes"]
            check(text == again, name + ": a second rewrite changes something")
            products = PRODUCT.findall(text)
            for operands, result in products:
                check(all(part.endswith(low) for part in operands.split(", ") + [result]),
                      "%s: a product of %s" % (name, operands))
            check(text.count('"stablehlo.exponential"') == len(EXPONENTIAL.findall(text)) > 0,
                  name + ": softmax is float32")
            spelled = {node["op"] for node in nodes if node.get("part_of") in ("softmax", "log_softmax")}
            check({"stablehlo.exponential", "stablehlo.subtract", "stablehlo.reduce(stablehlo.maximum)",
                   "stablehlo.reduce(stablehlo.add)"} <= spelled, "%s: the softmax is named: %s" % (name, spelled))
            check(all(node["after"] == "float32" for node in nodes if "part_of" in node), name + ": all of it")
            print("%s, %s: %d products" % (name, target, len(products)))


if __name__ == "__main__":
    sys.exit(main())
