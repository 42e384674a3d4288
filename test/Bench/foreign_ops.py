#!/usr/bin/env python3
"""Time per op of the pass on a large module of MLIR's own dialects, inside the stock
mlir-opt, and what loading the plugin costs.

    foreign_ops.py --mlir=DIR --plugin=FILE [--ops=N] [--dialect=arith|linalg] [--runs=N] [--starts=N]

Times are the least of several runs, from --mlir-timing: by the ops that stand in the
function (N of them), and by all of the module, those of regions too, which are read
and retyped as well. Starts with and without the plugin take turns; medians are shown.
"""

import argparse
import re
import resource
import statistics
import subprocess
import tempfile
import time

T = "tensor<8x8xf32>"


def module(dialect, count):
    """Its text, and how many ops it holds with those in regions."""
    ops = 2  # the function and its return
    lines = [f"func.func @f(%x: {T}, %w: {T}, %o: {T}) -> {T} {{"]
    last, n = "%x", 0
    while n < count:
        name = f"%v{n}"
        if n % 4 == 0:
            lines.append(f"  {name} = linalg.matmul ins({last}, %w : {T}, {T}) outs(%o : {T}) -> {T}")
            ops += 4  # a product, a sum and a yield
        elif dialect == "linalg":
            op = ("add", "sub", "mul")[n % 4 - 1]
            lines.append(f"  {name} = linalg.{op} ins({last}, %x : {T}, {T}) outs(%o : {T}) -> {T}")
            ops += 3
        else:
            op = ("addf", "maximumf", "subf")[n % 4 - 1]
            lines.append(f"  {name} = arith.{op} {last}, %x : {T}")
            ops += 1
        last = name
        n += 1
    lines += [f"  return {last} : {T}", "}"]
    return "\n".join(lines) + "\n", ops


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--mlir", required=True)
    parser.add_argument("--plugin", required=True)
    parser.add_argument("--ops", type=int, default=1000000)
    parser.add_argument("--dialect", choices=("arith", "linalg"), default="arith")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--starts", type=int, default=31)
    options = parser.parse_args()
    mlir_opt = f"{options.mlir}/mlir-opt"
    plugin = [f"--load-dialect-plugin={options.plugin}", f"--load-pass-plugin={options.plugin}"]

    def seconds(command):
        """On the clock, and of processor time."""
        used = lambda: sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
        start, cpu = time.perf_counter(), used()
        subprocess.run(command, input="func.func @f() { return }\n", capture_output=True, text=True, check=True)
        return time.perf_counter() - start, used() - cpu

    pairs = [(seconds([mlir_opt]), seconds([mlir_opt, *plugin])) for _ in range(options.starts)]
    for i, what in ((0, "on the clock"), (1, "of processor time")):
        without, loaded = (statistics.median(pair[k][i] for pair in pairs) for k in (0, 1))
        print(f"mlir-opt starts in {1e3 * without:.1f} ms {what}, with the plugin in {1e3 * loaded:.1f} ms: "
              f"{1e3 * statistics.median(b[i] - a[i] for a, b in pairs):+.1f} ms")
    if not options.ops:
        return
    best = {}
    text, ops = module(options.dialect, options.ops)
    with tempfile.NamedTemporaryFile("w", suffix=".mlir") as file:
        file.write(text)
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
        print(f"{name}: {1e6 * best[name] / options.ops:.3f} us per op of the function, "
              f"{1e6 * best[name] / ops:.3f} per op of the module")


if __name__ == "__main__":
    main()
