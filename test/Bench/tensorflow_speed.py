# Time of amp-opt on GraphDefs, whole program and each step, from 10^3 to 10^6
# nodes, and on graphs that are hard for their shape. Where the Python that runs
# this has TensorFlow, TensorFlow's own pass stands beside it, in the same run.
#
#   tensorflow_speed.py --build=build [--sizes=1000,10000,100000,1000000]

import argparse
import os
import subprocess
import sys
import tempfile
import time

import tensorflow_graphs

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "TensorFlow"))
try:
    import real_pass
    from tensorflow.core.framework import graph_pb2
except ImportError:
    real_pass = None

SHAPES = [("list", 100000), ("users", 100000), ("inputs", 10000)]
# TensorFlow's pass takes minutes on tensor lists from here on.
LONGEST_LIST = 2000


def whole(amp_opt, path):
    """Seconds of the processor and of the clock, the least of three."""
    best, clock = 1e30, 1e30
    for _ in range(3):
        start = time.perf_counter()
        child = subprocess.Popen([amp_opt, path, "--fetch=fetch", "--loss-scale=none", "-o", path + ".out.pb"],
                                 stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        clock = min(clock, time.perf_counter() - start)
        best = min(best, usage.ru_utime + usage.ru_stime)
        if status:
            raise SystemExit("amp-opt failed on " + path)
    return best, clock


def tensorflow_seconds(path):
    """Processor seconds of TensorFlow's pass, its cluster and copies included; None where it fails."""
    proto = graph_pb2.GraphDef()
    with open(path, "rb") as f:
        proto.ParseFromString(f.read())
    case = {"fetches": ["fetch"], "mode": "fp16",
            "cluster": {"gpu": True, "arch": "8.0", "cuda": "12030", "cudnn": "8907"}}
    best = 1e30
    for _ in range(3):
        start = time.process_time()
        try:
            real_pass.rewrite(proto, case)
        except MemoryError as error:
            # Its lists of long clusters take more memory than there is.
            print("TensorFlow's pass on %s: %s" % (os.path.basename(path), error), file=sys.stderr)
            return None
        best = min(best, time.process_time() - start)
    return best


def steps(program, path):
    """The cells of a file's row of amp-tensorflow-scaling, by their heads."""
    out = subprocess.run([program, path], check=True, capture_output=True, text=True).stdout
    lines = [[c.strip() for c in line.strip().strip("|").split("|")] for line in out.splitlines()]
    return dict(zip(lines[0], lines[-1]))


def main():
    parser = argparse.ArgumentParser(description="time of amp-opt on GraphDefs")
    parser.add_argument("--build", required=True)
    parser.add_argument("--sizes", default="1000,10000,100000,1000000")
    args = parser.parse_args()
    wanted = [("network", int(s)) for s in args.sizes.split(",")] + SHAPES
    if real_pass:
        wanted.append(("list", LONGEST_LIST))
    program = lambda name: os.path.join(args.build, "bin", name)
    rows = []
    with tempfile.TemporaryDirectory() as directory:
        print("| graph | nodes | amp-opt, s | µs a node | by the clock, s | its pass, s | TensorFlow's pass, s | "
              "times amp-opt's pass | times all of amp-opt |")
        print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |", flush=True)
        for kind, size in wanted:
            path = os.path.join(directory, "%s-%d.pb" % (kind, size))
            nodes = tensorflow_graphs.write(kind, size, path)
            best, clock = whole(program("amp-opt"), path)
            rows.append(steps(program("amp-tensorflow-scaling"), path))
            own = float(rows[-1]["pass"]) * nodes * 1e-9
            theirs = None
            if real_pass and nodes <= 200000 and (kind != "list" or size <= LONGEST_LIST):
                theirs = tensorflow_seconds(path)
            cells = ["%.3f" % theirs, "%.1f" % (theirs / own), "%.1f" % (theirs / best)] if theirs else [""] * 3
            print("| %s | %d | %.3f | %.1f | %.3f | %.3f | %s |" %
                  (kind, nodes, best, best / nodes * 1e6, clock, own, " | ".join(cells)), flush=True)
    print("\nEach step, nanoseconds a node, the least of three runs:\n")
    heads = [h for h in rows[0] if h != "file"]
    for cells in [heads, ["---:"] * len(heads)] + [[row[h] for h in heads] for row in rows]:
        print("| " + " | ".join(cells) + " |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
