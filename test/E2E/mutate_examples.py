# Structured mutations of the example graphs through the amp-opt binary: a wrong
# file ends with a documented exit status and a message, never with a crash, and
# leaves no output file behind; a file that is accepted gives one that is read
# again. (amp-mutate-test does the same in one process, many more times.)
#
#   mutate_examples.py --amp-opt=build/bin/amp-opt --seed=1 --count=300

import argparse
import collections
import glob
import json
import os
import random
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
NUMBERS = [0, -1, 1, 2, 3, 7.5, -0.0, 1e308, -1e308, 2**31, 2**63, -2**63 - 1, 10**30, 1e-320]
STRINGS = ["", "float16", "int32", "float99", "relu", "matmul", "batch", "nan", "inf", ":", "a:1",
           "loss:1", "\u0000", "\u00e9", "x" * 2000, "../../etc/passwd", "mylib.fancy", "softmx"]
FLAGS = [[], [], ["--policy=none"], ["--policy=tensorflow"], ["--target=bfloat16"], ["--no-amp"],
         ["--explain"], ["--emit=mlir"], ["--emit=dot"], ["--loss-scale=none"],
         ["--policy=minimal", "--target=bfloat16"], ["--loss-scale=128"]]


def places(value, path=()):
    """All (container, key) pairs of a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in items:
        yield value, key
        yield from places(child)


def scalars(rng, file):
    return [c[k] for c, k in places(file) if isinstance(c[k], (str, int, float))]


def mutate_tree(rng, file):
    found = list(places(file))
    # Variables and nodes are most of a file; the rest is as interesting.
    container, key = rng.choice(found)
    kind = rng.randrange(9)
    if kind == 0:
        del container[key]
    elif kind == 1:
        container[key] = rng.choice(NUMBERS)
    elif kind == 2:
        container[key] = rng.choice(STRINGS)
    elif kind == 3:
        container[key] = rng.choice([None, True, False, [], {}, [[]], {"a": 1}, [1, "x", None]])
    elif kind == 4:
        container[key] = rng.choice(scalars(rng, file))
    elif kind == 5:
        other, k = rng.choice(found)
        container[key] = json.loads(json.dumps(other[k]))
    elif kind == 6 and isinstance(container, list):
        container.insert(rng.randrange(len(container) + 1), json.loads(json.dumps(container[key])))
    elif kind == 7 and isinstance(container, list):
        rng.shuffle(container)
    elif isinstance(container, dict):
        container[rng.choice(STRINGS + ["attrs", "inputs", "precision", "types", "origin", "doc"])] = \
            rng.choice(STRINGS + NUMBERS)
    else:
        container[key] = [container[key]]


def mutate_bytes(rng, data):
    at = rng.randrange(len(data) + 1)
    kind = rng.randrange(6)
    if kind == 0:
        return data[:at]
    if kind == 1:
        return data[:at] + bytes([rng.randrange(256)]) + data[at + 1:]
    if kind == 2:
        return data[:at] + rng.choice([b"[" * 200, b"{\"a\":" * 70, b"\xff\xfe", b"\xc0\x80", b"\x00"]) + data[at:]
    if kind == 3:
        end = min(len(data), at + rng.randrange(80))
        return data[:at] + data[end:]
    if kind == 4:
        end = min(len(data), at + rng.randrange(80))
        return data[:end] + data[at:]
    return data + rng.choice([b"{}", b"x", b"\x00", b"  \n\n", b"]"])


def mutated(rng, texts):
    data = rng.choice(texts)
    if rng.random() < 0.75:
        file = json.loads(data)
        for _ in range(rng.choice([1, 1, 1, 2, 5])):
            mutate_tree(rng, file)
        data = json.dumps(file, indent=1).encode("utf-8", "surrogatepass")
    else:
        for _ in range(rng.choice([1, 1, 3])):
            data = mutate_bytes(rng, data)
    return data


def main():
    parser = argparse.ArgumentParser(description="mutations of the examples through amp-opt")
    parser.add_argument("--amp-opt", required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=300)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    pattern = os.path.join(HERE, "..", "..", "docs", "examples", "*.json")
    texts = [open(p, "rb").read() for p in sorted(glob.glob(pattern))]
    codes, failed = collections.Counter(), 0
    with tempfile.TemporaryDirectory() as directory:
        source, out = os.path.join(directory, "in.json"), os.path.join(directory, "out")
        for i in range(args.count):
            data, flags = mutated(rng, texts), rng.choice(FLAGS)
            with open(source, "wb") as f:
                f.write(data)
            problem = None
            try:
                done = subprocess.run([args.amp_opt, source, "-o", out] + flags,
                                      capture_output=True, timeout=60)
                code = done.returncode
                if code not in (0, 1, 2, 3, 4):
                    problem = "exit status %d: %s" % (code, done.stderr[-500:].decode("utf-8", "replace"))
                elif code and b"error" not in done.stderr:
                    problem = "exit status %d without a message" % code
                elif code and os.listdir(directory) != ["in.json"]:
                    problem = "exit status %d left files: %s" % (code, sorted(os.listdir(directory)))
                elif code == 3:
                    problem = "verification failed: %s" % done.stderr[-500:].decode("utf-8", "replace")
                elif not code and not any(f.startswith("--emit") for f in flags):
                    again = subprocess.run([args.amp_opt, out, "--no-amp", "-o", source],
                                           capture_output=True, timeout=60)
                    if again.returncode:
                        problem = "its own output is refused: %s" % again.stderr[:500].decode("utf-8", "replace")
            except subprocess.TimeoutExpired:
                code, problem = -1, "more than 60 s"
            codes[code] += 1
            if problem:
                failed += 1
                kept = os.path.join(tempfile.gettempdir(), "amp-mutation-%d-%d.json" % (args.seed, i))
                with open(kept, "wb") as f:
                    f.write(data)
                print("mutation %d of seed %d, flags %s, kept as %s:\n  %s" % (i, args.seed, flags, kept, problem))
            for name in os.listdir(directory):
                os.remove(os.path.join(directory, name))
    print("%d mutations from seed %d, exit statuses %s, %d wrong"
          % (args.count, args.seed, dict(sorted(codes.items())), failed))
    return 1 if failed or not texts else 0


if __name__ == "__main__":
    sys.exit(main())
