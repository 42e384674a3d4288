# Time per node of amp-opt, from 10^3 to 10^5 nodes: each step by
# amp-pass-scaling, the whole program by the clock. Prints two Markdown tables.
#
#   pass_scaling.py --build=build [--sizes=1000,10000,100000]

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time


def graph(nodes):
    """Residual blocks with a softmax every now and then, wide enough to be a network."""
    width = 64
    variables, body, x = [], [], "x"
    kernels = 16
    for k in range(kernels):
        variables.append({"name": "kernel_%d" % k, "dtype": "float32", "shape": [width, width],
                          "init": {"glorot_uniform": {"seed": k}}})
        variables.append({"name": "bias_%d" % k, "dtype": "float32", "shape": [width], "init": {"zeros": {}}})
    block = 0
    while len(body) + 6 < nodes:
        stem, k = "block_%d" % block, block % kernels
        body += [
            {"name": stem + "/matmul", "op": "matmul", "inputs": [x, "kernel_%d" % k]},
            {"name": stem + "/bias_add", "op": "bias_add", "inputs": [stem + "/matmul", "bias_%d" % k]},
            {"name": stem + "/relu", "op": "relu", "inputs": [stem + "/bias_add"]},
            {"name": stem + "/add", "op": "add", "inputs": [stem + "/relu", x]},
            {"name": stem + "/tanh", "op": "tanh", "inputs": [stem + "/add"]},
        ]
        x = stem + "/tanh"
        if block % 10 == 9:
            body.append({"name": stem + "/softmax", "op": "softmax", "inputs": [x]})
            x = stem + "/softmax"
        block += 1
    return {"format": "amp-graph", "version": "1.0", "name": "scaling", "variables": variables,
            "functions": [{"name": "predict",
                           "inputs": [{"name": "x", "dtype": "float32", "shape": ["batch", width]}],
                           "nodes": body, "outputs": [x]}]}


def dump(file, path):
    function = file["functions"][0]
    with open(path, "w", encoding="utf-8") as f:
        f.write('{"format": "amp-graph", "version": "1.0", "name": "scaling",\n "variables": [\n')
        f.write(",\n".join("  " + json.dumps(v) for v in file["variables"]))
        f.write('],\n "functions": [{"name": "predict", "inputs": %s,\n  "nodes": [\n' % json.dumps(function["inputs"]))
        f.write(",\n".join("    " + json.dumps(n) for n in function["nodes"]))
        f.write('],\n  "outputs": %s}]}\n' % json.dumps(function["outputs"]))


def main():
    parser = argparse.ArgumentParser(description="time per node of amp-opt")
    parser.add_argument("--build", required=True)
    parser.add_argument("--sizes", default="1000,10000,100000")
    args = parser.parse_args()
    sizes = [int(s) for s in args.sizes.split(",")]
    with tempfile.TemporaryDirectory() as directory:
        paths = []
        for size in sizes:
            paths.append(os.path.join(directory, "%d.json" % size))
            dump(graph(size), paths[-1])
        print("Nanoseconds per node, the least of three runs:\n", flush=True)
        subprocess.run([os.path.join(args.build, "bin", "amp-pass-scaling")] + paths, check=True)
        print("\nThe whole program, start included:\n")
        print("| nodes | seconds | microseconds per node | peak memory, MiB |")
        print("| ---: | ---: | ---: | ---: |", flush=True)
        for size, path in zip(sizes, paths):
            best, peak = 1e30, 0
            for _ in range(3):
                start = time.perf_counter()
                child = subprocess.Popen([os.path.join(args.build, "bin", "amp-opt"), path, "-o", path + ".out"],
                                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                _, status, usage = os.wait4(child.pid, 0)
                best = min(best, time.perf_counter() - start)
                peak = max(peak, usage.ru_maxrss)
                if status:
                    raise SystemExit("amp-opt failed on %d nodes" % size)
            print("| %d | %.3f | %.1f | %.0f |" % (size, best, best / size * 1e6, peak / 1024))


if __name__ == "__main__":
    sys.exit(main())
