# The training step of the guide's network (784-4096-4096-10, RMSprop) beside
# PyTorch's, with the same number of threads, taking turns in one run.
#
#   beside_pytorch.py --bin=build/bin [--batch=8192] [--rounds=3] [--threads=2] [--out=FILE.md]
#
# Needs an interpreter that can import torch (the Python package index has it);
# without it the script says so and ends with status 2. PyTorch runs in float32
# and, on the same weights, with bfloat16 autocast.

import argparse
import datetime
import os
import re
import statistics
import subprocess
import sys
import time


def parse():
    parser = argparse.ArgumentParser(description="a training step beside PyTorch's")
    parser.add_argument("--bin", default="build/bin")
    parser.add_argument("--batch", type=int, default=8192)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--out", help="writes a page of results")
    parser.add_argument("--note", action="append", default=[], help="a line for the head of the page")
    return parser.parse_args()


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        text = file.read()
    model = re.search(r"model name\s*: (.*)", text)
    flags = re.search(r"flags\s*: (.*)", text)
    known = [f for f in ("avx2", "avx512f", "avx512_bf16", "avx512_fp16", "amx_bf16")
             if flags and f in flags.group(1).split()]
    return "%s, %s" % (model.group(1) if model else "unknown processor", " ".join(known))


class PyTorch:
    """One network, its optimizer, and a step in float32 or under autocast."""

    def __init__(self, torch, batch):
        self.torch = torch
        torch.manual_seed(1)
        layer = torch.nn.Linear
        self.net = torch.nn.Sequential(layer(784, 4096), torch.nn.ReLU(), layer(4096, 4096), torch.nn.ReLU(),
                                       layer(4096, 10))
        self.optimizer = torch.optim.RMSprop(self.net.parameters(), lr=1e-3, alpha=0.9, eps=1e-7)
        self.images = torch.rand(batch, 784)
        self.labels = torch.randint(0, 10, (batch,))

    def step(self, autocast):
        torch = self.torch
        start = time.perf_counter()
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
            logits = self.net(self.images)
        torch.nn.functional.cross_entropy(logits.float(), self.labels).backward()
        self.optimizer.step()
        return time.perf_counter() - start


def ours(args):
    """Seconds of a step by type, one warm-up and one timed step each."""
    command = [os.path.join(args.bin, "bench-train-step"), str(args.batch), "1", str(args.threads)]
    text = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return {name: float(seconds) for name, seconds in re.findall(r"train step, (\w+): ([0-9.]+) s", text)}


def main():
    args = parse()
    try:
        import torch
    except ImportError as error:
        print("beside_pytorch.py: PyTorch is not there: %s" % error, file=sys.stderr)
        return 2
    torch.set_num_threads(args.threads)
    peer = PyTorch(torch, args.batch)
    times = {"PyTorch, float32": [], "PyTorch, bfloat16 autocast": []}
    for autocast in (False, True):
        peer.step(autocast)  # warms up
    for _ in range(args.rounds):
        times["PyTorch, float32"].append(peer.step(False))
        times["PyTorch, bfloat16 autocast"].append(peer.step(True))
        for name, seconds in ours(args).items():
            times.setdefault("Amp, " + name, []).append(seconds)
    medians = {name: statistics.median(list_) for name, list_ in times.items()}
    single, low = medians["PyTorch, float32"], medians["PyTorch, bfloat16 autocast"]
    lines = ["# A training step beside PyTorch", "",
             "784-4096-4096-10, RMSprop, batch %d, %d threads, median of %d rounds that take turns. Written by"
             % (args.batch, args.threads, args.rounds), "`test/Bench/beside_pytorch.py`. Read the ratios.", "",
             "- Date: %s" % datetime.date.today().isoformat(),
             "- Machine: %s" % processor(),
             "- PyTorch %s" % torch.__version__]
    lines += ["- " + note for note in args.note]
    lines += ["", "| | seconds | by PyTorch's float32 | by its bfloat16 autocast |", "| --- | ---: | ---: | ---: |"]
    for name, seconds in medians.items():
        lines.append("| %s | %.3f | %.2f | %.2f |" % (name, seconds, seconds / single, seconds / low))
    page = "\n".join(lines) + "\n"
    print(page, end="")
    if args.out:
        with open(args.out, "w", encoding="utf-8") as file:
            file.write(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
