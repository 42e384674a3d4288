#!/usr/bin/env python3
"""Time per op of the pass on a large module of MLIR's own dialects, inside the stock
mlir-opt, and what loading the plugin costs.

    foreign_ops.py --mlir=DIR --plugin=FILE [--ops=N] [--dialect=arith|linalg] [--runs=N]

Times are the least of several runs, from --mlir-timing; an op is one that stands in
the function, without the scalars of its region.
"""

import argparse
import re
import subprocess
import tempfile
import time

T = "tensor<8x8xf32>"


def module(dialect, count):
    lines = [f"func.func @f(%x: {T}, %w: {T}, %o: {T}) -> {T} {{"]
    last, n = "%x", 0
    while n < count:
        name = f"%v{n}"
        if n % 4 == 0:
            lines.append(f"  {name} = linalg.matmul ins({last}, %w : {T}, {T}) outs(%o : {T}) -> {T}")
        elif dialect == "linalg":
            op = ("add", "sub", "mul")[n % 4 - 1]
            lines.append(f"  {name} = linalg.{op} ins({last}, %x : {T}, {T}) outs(%o : {T}) -> {T}")
        else:
            op = ("addf", "maximumf", "subf")[n % 4 - 1]
            lines.append(f"  {name} = arith.{op} {last}, %x : {T}")
        last = name
        n += 1
    lines += [f"  return {last} : {T}", "}"]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--mlir", required=True)
    parser.add_argument("--plugin", required=True)
    parser.add_argument("--ops", type=int, default=1000000)
    parser.add_argument("--dialect", choices=("arith", "linalg"), default="arith")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    mlir_opt = f"{options.mlir}/mlir-opt"
    plugin = [f"--load-dialect-plugin={options.plugin}", f"--load-pass-plugin={options.plugin}"]

    def least(command, text):
        best = 1e9
        for _ in range(15):
            start = time.perf_counter()
            subprocess.run(command, input=text, capture_output=True, text=True, check=True)
            best = min(best, time.perf_counter() - start)
        return best

    small = "func.func @f() { return }\n"
    without, loaded = least([mlir_opt], small), least([mlir_opt, *plugin], small)
    print(f"mlir-opt starts in {1e3 * without:.1f} ms, with the plugin in {1e3 * loaded:.1f} ms")
    best = {}
    with tempfile.NamedTemporaryFile("w", suffix=".mlir") as file:
        file.write(module(options.dialect, options.ops))
        file.flush()
        for _ in range(options.runs):
            run = subprocess.run(
                [mlir_opt, file.name, *plugin, "--mlir-disable-threading", "--mlir-timing",
                 "--mlir-timing-display=list", "--verify-each=0", "-o", "/dev/null",
                 "--pass-pipeline=builtin.module(amp-auto-mixed-precision,amp-verify-contract)"],
                capture_output=True, text=True, check=True)
            for seconds, name in re.findall(r"^\s*([0-9.]+) \(.*?%\)\s+(\S.*)$", run.stderr, re.M):
                best[name.strip()] = min(best.get(name.strip(), 1e9), float(seconds))
    for name in sorted(best):
        print(f"{name}: {1e6 * best[name] / options.ops:.3f} us per op")


if __name__ == "__main__":
    main()
