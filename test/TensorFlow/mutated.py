# Cut and changed GraphDefs through the whole of amp-opt: a message or a graph, no
# crash, and no output beside a message.
#
#   mutated.py --amp-opt=PATH --graphs=FOLDER [--seed=1] [--count=300]

import argparse
import os
import random
import subprocess
import sys
import tempfile


def mutate(rng, data):
    """A few changes: bytes, runs of bytes, lengths."""
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4, 16))):
        at = rng.randrange(len(data))
        kind = rng.randrange(5)
        if kind == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        elif kind == 2:
            del data[at:at + rng.randint(1, 8)]
        elif kind == 3:
            data[at:at] = bytes(rng.randrange(256) for _ in range(rng.randint(1, 8)))
        else:
            size, to = rng.randint(1, 40), rng.randrange(len(data))
            data[to:to] = data[at:at + size]
        if not data:
            data = bytearray(b"\n")
    return bytes(data)


def main():
    parser = argparse.ArgumentParser(description="mutated GraphDefs")
    parser.add_argument("--amp-opt", required=True)
    parser.add_argument("--graphs", required=True, help="folder with graphs in JSON, whose binary forms are changed")
    parser.add_argument("--training", nargs="*", default=[], help="training graphs, which also get loss scaling")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=300)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    failures, codes = [], {0: 0, 1: 0}
    with tempfile.TemporaryDirectory() as t:
        path, out = os.path.join(t, "in.pb"), os.path.join(t, "out.pb")
        whole = []
        names = sorted(n for n in os.listdir(args.graphs) if os.path.exists(os.path.join(args.graphs, n, "input.json")))
        for name in names[::max(1, len(names) // 8)]:
            source = os.path.join(args.graphs, name, "input.json")
            subprocess.run([args.amp_opt, source, "--no-amp", "-o", path], check=True, capture_output=True)
            with open(path, "rb") as f:
                whole.append((name, f.read()))
        for source in args.training:
            subprocess.run([args.amp_opt, source, "--no-amp", "-o", path], check=True, capture_output=True)
            with open(path, "rb") as f:
                whole.append((os.path.basename(source), f.read()))
        for i in range(args.count):
            name, data = whole[i % len(whole)]
            # Every third one is cut.
            data = data[:rng.randrange(len(data))] if i % 3 == 0 else mutate(rng, data)
            with open(path, "wb") as f:
                f.write(data)
            policy = rng.choice(("tensorflow", "default"))
            flags = ["--policy=" + policy, "-o", out]
            if i % len(whole) >= len(whole) - len(args.training):
                flags.append("--loss-scale=dynamic")
            done = subprocess.run([args.amp_opt, path] + flags, capture_output=True, timeout=120)
            codes[done.returncode] = codes.get(done.returncode, 0) + 1
            text = done.stderr.decode("utf-8", "replace")
            wrong = None
            if done.returncode not in (0, 1):
                wrong = "exit %d" % done.returncode
            elif done.returncode and "error:" not in text:
                wrong = "no message"
            elif os.path.exists(out) != (done.returncode == 0):
                wrong = "an output beside exit %d" % done.returncode
            if wrong:
                failures.append("seed %d, graph %d (%s): %s\n%s" % (args.seed, i, name, wrong, text[-400:]))
            if os.path.exists(out):
                os.remove(out)
    for line in failures[:10]:
        print(line)
    print("%d graphs from seed %d: %d rewritten, %d errors, %d failures" %
          (args.count, args.seed, codes[0], codes[1], len(failures)))
    return 1 if failures or not codes[0] or not codes[1] else 0


if __name__ == "__main__":
    sys.exit(main())
