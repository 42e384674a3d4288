# Training steps of a convolutional network and of a transformer block beside
# PyTorch's, with the same number of threads, taking turns in one run.
#
#   networks_beside_pytorch.py --bin=build/bin [--opt=build/bin/amp-opt] [--rounds=5] [--threads=2]
#                              [--only=conv|block] [--out=FILE.md]
#
# Needs an interpreter that can import torch (the Python package index has it);
# without it the script says so and ends with status 2. PyTorch runs in float32
# and with bfloat16 autocast; of NCHW and NHWC images it gets the faster, and its
# attention is scaled_dot_product_attention.

import argparse
import datetime
import os
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lib")]
import networks  # noqa: E402
from beside_pytorch import processor  # noqa: E402
from safetensor_files import write_safetensors  # noqa: E402

CONV = dict(size=32, channels=16, filters=64, width=128)
CONV_BATCH = 32
BLOCK = dict(layers=1, width=768, heads=12, length=256, vocabulary=256)
BLOCK_BATCH = 4
TYPES = {"float32": "--policy=none", "float16": "--target=float16", "bfloat16": "--target=bfloat16"}
# Calls of amp-run differ by this many steps; what they share drops out.
STEPS = 6


def parse():
    parser = argparse.ArgumentParser(description="training steps of networks beside PyTorch's")
    parser.add_argument("--bin", default="build/bin")
    parser.add_argument("--opt", help="amp-opt, if it is elsewhere")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--only", choices=("conv", "block"))
    parser.add_argument("--out", help="writes a page of results")
    parser.add_argument("--note", action="append", default=[], help="a line for the head of the page")
    return parser.parse_args()


class Ours:
    """One network of networks.py in each type, on data of its own."""

    def __init__(self, args, folder, name, parameters, batch, entries):
        self.args, self.batch, self.models = args, batch, {}
        self.data = os.path.join(folder, name + ".safetensors")
        write_safetensors(self.data, entries)
        source = os.path.join(folder, name + ".json")
        with open(source, "w", encoding="utf-8") as file:
            file.write(networks.make(name, **parameters).text())
        for kind, flag in TYPES.items():
            self.models[kind] = os.path.join(folder, "%s.%s.json" % (name, kind))
            subprocess.run([args.opt or os.path.join(args.bin, "amp-opt"), source, flag, "-o", self.models[kind]],
                           check=True, stderr=subprocess.DEVNULL)

    def seconds(self, kind, steps):
        command = [os.path.join(self.args.bin, "amp-run"), self.models[kind], "--function=train",
                   "--data=" + self.data, "--batch=%d" % self.batch, "--epochs=100", "--max-steps=%d" % steps,
                   "--threads=%d" % self.args.threads, "--quiet"]
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return time.perf_counter() - start

    def step(self, kind):
        return (self.seconds(kind, STEPS + 1) - self.seconds(kind, 1)) / STEPS


class ConvNet:
    """The same network as networks.py's `cnn`."""

    def __init__(self, torch, channels_last):
        torch.manual_seed(1)
        nn, p = torch.nn, CONV
        self.torch, flat = torch, (p["size"] // 4) ** 2 * 2 * p["filters"]

        def block(before, after):
            return [nn.Conv2d(before, after, 5, padding=2, bias=False), nn.BatchNorm2d(after), nn.ReLU(),
                    nn.MaxPool2d(2)]

        layers = block(p["channels"], p["filters"]) + block(p["filters"], 2 * p["filters"])
        self.net = nn.Sequential(*layers, nn.Flatten(), nn.Linear(flat, p["width"]), nn.ReLU(),
                                 nn.Linear(p["width"], 10))
        self.x = torch.rand(CONV_BATCH, p["channels"], p["size"], p["size"])
        self.y = torch.randint(0, 10, (CONV_BATCH,))
        if channels_last:
            self.net = self.net.to(memory_format=torch.channels_last)
            self.x = self.x.to(memory_format=torch.channels_last)
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=0.002)

    def step(self, autocast):
        torch, start = self.torch, time.perf_counter()
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
            logits = self.net(self.x)
        torch.nn.functional.cross_entropy(logits.float(), self.y).backward()
        self.optimizer.step()
        return time.perf_counter() - start


class Block:
    """The same network as networks.py's `gpt` with one layer."""

    def __init__(self, torch):
        torch.manual_seed(1)
        nn, p = torch.nn, BLOCK
        self.torch, width = torch, p["width"]
        self.parts = nn.ModuleDict({
            "embedding": nn.Embedding(p["vocabulary"], width), "position": nn.Embedding(p["length"], width),
            "norm_1": nn.LayerNorm(width), "qkv": nn.Linear(width, 3 * width), "out": nn.Linear(width, width),
            "norm_2": nn.LayerNorm(width), "up": nn.Linear(width, 4 * width), "down": nn.Linear(4 * width, width),
            "norm": nn.LayerNorm(width)})
        for name in ("embedding", "position"):
            nn.init.normal_(self.parts[name].weight, std=0.02)
        self.tokens = torch.randint(0, p["vocabulary"], (BLOCK_BATCH, p["length"]))
        self.optimizer = torch.optim.AdamW(self.parts.parameters(), lr=0.001, weight_decay=0.01)

    def logits(self):
        functional, parts, p = self.torch.nn.functional, self.parts, BLOCK
        x = parts["embedding"](self.tokens) + parts["position"].weight
        qkv = parts["qkv"](parts["norm_1"](x))
        q, k, v = (t.view(BLOCK_BATCH, p["length"], p["heads"], -1).transpose(1, 2)
                   for t in qkv.split(p["width"], dim=2))
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + parts["out"](y.transpose(1, 2).reshape(x.shape))
        x = x + parts["down"](functional.gelu(parts["up"](parts["norm_2"](x)), approximate="tanh"))
        return functional.linear(parts["norm"](x), parts["embedding"].weight)

    def step(self, autocast):
        torch, start = self.torch, time.perf_counter()
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
            logits = self.logits()
        torch.nn.functional.cross_entropy(logits.float().flatten(0, 1), self.tokens.flatten()).backward()
        torch.nn.utils.clip_grad_norm_(self.parts.parameters(), 1.0)
        self.optimizer.step()
        return time.perf_counter() - start


def compare(args, peers, ours):
    """Median seconds of a step; of several peers the faster."""
    times = {}
    for peer in peers:
        for autocast in (False, True):
            peer.step(autocast)  # warms up
    for _ in range(args.rounds):
        for name, autocast in (("PyTorch, float32", False), ("PyTorch, bfloat16 autocast", True)):
            times.setdefault(name, []).append(min(min(peer.step(autocast) for _ in range(3)) for peer in peers))
        for kind in TYPES:
            times.setdefault("Amp, " + kind, []).append(ours.step(kind))
    return {name: statistics.median(list_) for name, list_ in times.items()}


def table(title, medians):
    single, low, own = (medians[n] for n in ("PyTorch, float32", "PyTorch, bfloat16 autocast", "Amp, float32"))
    lines = ["", "## " + title, "",
             "| | seconds | by PyTorch's float32 | by its bfloat16 autocast | by our float32 |",
             "| --- | ---: | ---: | ---: | ---: |"]
    for name, seconds in medians.items():
        lines.append("| %s | %.4f | %.2f | %.2f | %.2f |" % (name, seconds, seconds / single, seconds / low,
                                                          seconds / own))
    return lines


def main():
    args = parse()
    try:
        import torch
    except ImportError as error:
        print("networks_beside_pytorch.py: PyTorch is not there: %s" % error, file=sys.stderr)
        return 2
    torch.set_num_threads(args.threads)
    lines = ["# Training steps of networks beside PyTorch", "",
             "%d threads, median of %d rounds that take turns. Written by" % (args.threads, args.rounds),
             "`test/Bench/networks_beside_pytorch.py`. Read the ratios.", "",
             "- Date: %s" % datetime.date.today().isoformat(),
             "- Machine: %s" % processor(),
             "- PyTorch %s" % torch.__version__]
    lines += ["- " + note for note in args.note]
    with tempfile.TemporaryDirectory() as folder:
        if args.only != "block":
            count, p = 4 * CONV_BATCH, CONV
            entries = {"images": ("F32", [count, p["size"], p["size"], p["channels"]],
                                  torch.rand(count * p["size"] ** 2 * p["channels"]).numpy().tobytes()),
                       "labels": ("I32", [count], torch.randint(0, 10, (count,), dtype=torch.int32).numpy().tobytes())}
            ours = Ours(args, folder, "cnn", CONV, CONV_BATCH, entries)
            medians = compare(args, [ConvNet(torch, last) for last in (False, True)], ours)
            lines += table("Convolutions: 16 → 64 → 128 channels of 5x5, batch norm, pooling, 32x32, batch %d"
                           % CONV_BATCH, medians)
        if args.only != "conv":
            count = 4 * BLOCK_BATCH
            tokens = os.urandom(count * BLOCK["length"])
            shape = [count, BLOCK["length"]]
            ours = Ours(args, folder, "gpt", BLOCK, BLOCK_BATCH, {"tokens": ("U8", shape, tokens),
                                                                 "labels": ("U8", shape, tokens)})
            lines += table("One transformer block: width %d, %d heads, %d tokens, batch %d"
                           % (BLOCK["width"], BLOCK["heads"], BLOCK["length"], BLOCK_BATCH),
                           compare(args, [Block(torch)], ours))
    page = "\n".join(lines) + "\n"
    print(page, end="")
    if args.out:
        with open(args.out, "w", encoding="utf-8") as file:
            file.write(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
