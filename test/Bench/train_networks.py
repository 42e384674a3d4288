# Trains a CNN on MNIST and two transformers in float32, float16 and bfloat16, and writes
# docs/benchmarks/networks.md:
#
#   train_networks.py --bin=build/bin --mnist=DIR [--out=docs/benchmarks/networks.md]
#
# The CNN: accuracy after three epochs, at least 0.98 in each type. The encoder (on drawn
# digits) and the GPT (on the texts of docs/): five seeds in float32 make a band, at each
# step from the smallest to the largest mean of 20 losses, made half as wide again; the
# 16-bit types, with two of these seeds, stay inside. Exit status 1 where that does not hold.
# Without --mnist the CNN is left out, without --out nothing is written. Python standard
# library only. What is there in --work is not trained again.

import argparse
import datetime
import glob
import json
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lib")]
import networks  # noqa: E402
from guide_network import processor, version  # noqa: E402
from safetensor_files import write_safetensors  # noqa: E402

TYPES = {"float32": "--policy=none", "float16": "--target=float16", "bfloat16": "--target=bfloat16"}
# Of float32, for the band; of the 16-bit types.
SEEDS, LOW_SEEDS = range(1, 6), (1, 2)
WINDOW, ACCURACY = 20, 0.98
# name -> parameters, batch, steps
BANDS = {
    "encoder": (dict(layers=2, width=64, heads=4, patch=4), 64, 300),
    "gpt": (dict(layers=2, width=64, heads=4, length=64), 16, 120),
}


def model_path(args, name, kind, parameters):
    """The rewritten graph file of a network, made if need be."""
    source, model = (os.path.join(args.work, "%s.%s" % (name, end)) for end in ("json", kind + ".json"))
    if not os.path.exists(model):
        with open(source, "w", encoding="utf-8") as f:
            f.write(networks.make(name, **parameters).text())
        subprocess.run([os.path.join(args.bin, "amp-opt"), source, TYPES[kind], "-o", model], check=True)
    return model


def run(args, model, metrics, *flags):
    """The losses of a training and what it printed; those of an earlier run if there are any."""
    log = metrics + ".log"
    if not os.path.exists(log):
        command = [os.path.join(args.bin, "amp-run"), model, "--function=train", "--metrics=" + metrics] + list(flags)
        if args.threads:
            command.append("--threads=%d" % args.threads)
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        with open(log, "w", encoding="utf-8") as f:
            f.write(done.stdout)
    with open(metrics, encoding="utf-8") as f:
        steps = [json.loads(line) for line in f]
    with open(log, encoding="utf-8") as f:
        return steps, f.read()


def train_cnn(args):
    """type -> accuracies after each epoch, skipped steps"""
    results = {}
    for kind in TYPES:
        model = model_path(args, "cnn", kind, {})
        steps, text = run(args, model, os.path.join(args.work, "cnn.%s.jsonl" % kind), "--data=mnist:" + args.mnist,
                          "--batch=64", "--epochs=3", "--seed=1", "--eval=predict")
        accuracies = [float(a) for a in re.findall(r"accuracy ([0-9.]+)", text)]
        results[kind] = accuracies, sum(s["skipped"] for s in steps)
        print("cnn %s: %s" % (kind, accuracies), flush=True)
    return results


def running_means(losses):
    return [sum(losses[i:i + WINDOW]) / WINDOW for i in range(len(losses) - WINDOW + 1)]


def train_band(args, name):
    """type -> one list of running means per seed"""
    parameters, batch, steps = BANDS[name]
    data = "digits"
    if name == "gpt":
        data = os.path.join(args.work, "text.safetensors")
        text = b""
        for path in sorted(glob.glob(os.path.join(ROOT, "docs", "*.md"))):
            with open(path, "rb") as f:
                text += f.read()
        if not os.path.exists(data):
            write_safetensors(data, networks.text_examples(text, parameters["length"]))
    means = {}
    for kind in TYPES:
        model = model_path(args, name, kind, parameters)
        means[kind] = []
        for seed in SEEDS if kind == "float32" else LOW_SEEDS:
            found, _ = run(args, model, os.path.join(args.work, "%s.%s.%d.jsonl" % (name, kind, seed)),
                           "--data=" + data, "--batch=%d" % batch, "--epochs=100", "--max-steps=%d" % steps,
                           "--seed=%d" % seed, "--quiet")
            means[kind].append(running_means([s["loss"] for s in found]))
            print("%s %s seed %d: %.4f" % (name, kind, seed, means[kind][-1][-1]), flush=True)
    return means


def place(value, low, high):
    """Where a value lies in a band: -1 and 1 are its ends, widened by half -1.5 and 1.5."""
    half = (high - low) / 2
    return (value - (low + half)) / half if half else 0.0


def band_of(means):
    return [(min(at), max(at)) for at in zip(*means["float32"])]


def worst(means, kind):
    """The place that is farthest out, over all steps and seeds."""
    return max(abs(place(v, *b)) for run in means[kind] for v, b in zip(run, band_of(means)))


def report(args, cnn, bands):
    lines = ["# Networks trained in three types", "", "Written by `test/Bench/train_networks.py`; the networks are those of `test/lib/networks.py`.", "",
             "- Date: %s" % datetime.date.today().isoformat(),
             "- Machine: %s" % processor(),
             "- Versions: %s, %s" % (version([os.path.join(args.bin, "amp-run"), "--version"]), version(["g++", "--version"]))]
    lines += ["- " + note for note in args.note]
    if cnn:
        lines += ["", "## CNN on MNIST", "",
                  "Two 5x5 convolutions (16 and 32 filters) with batch norm and pooling, two dense layers; Adam, batch 64,",
                  "three epochs, seed 1. Asked of each type: an accuracy of %.2f on the 10,000 test images." % ACCURACY, "",
                  "| type | accuracy after each epoch | last | skipped steps |", "| --- | --- | --- | --- |"]
        for kind, (accuracies, skipped) in cnn.items():
            lines.append("| %s | %s | **%.4f** | %d |" % (kind, " ".join("%.4f" % a for a in accuracies),
                                                          accuracies[-1], skipped))
    lines += ["", "## Transformers", "",
              "Five seeds each, which change order and initial values. At each step the float32 runs make a band, from the",
              "smallest to the largest mean of the last %d losses. 1.0 is the edge of that band, 1.5 that of the band made" % WINDOW,
              "half as wide again, which is asked for: the farthest place that the 16-bit runs, of two of these seeds, take.", "",
              "| network | steps | float32, first and last means | float16 | bfloat16 |", "| --- | --- | --- | --- | --- |"]
    for name, means in bands.items():
        band = band_of(means)
        ends = ["%.3f to %.3f" % band[i] for i in (0, -1)]
        lines.append("| %s, %s | %d | %s, then %s | %.2f | %.2f |" % (
            name, ", ".join("%s %s" % p for p in BANDS[name][0].items()), BANDS[name][2], ends[0], ends[1],
            worst(means, "float16"), worst(means, "bfloat16")))
    with open(args.out, "w", encoding="utf-8") as f:
        f.write("\n".join(lines + [""]))


def main():
    parser = argparse.ArgumentParser(description="a CNN and transformers, trained in three types")
    parser.add_argument("--bin", default="build/bin")
    parser.add_argument("--mnist", default=os.environ.get("AMP_MNIST"))
    parser.add_argument("--out", help="the page to write")
    parser.add_argument("--work", default=os.path.join(ROOT, "out", "networks"))
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--note", action="append", default=[], help="a line for the head of the page")
    args = parser.parse_args()
    os.makedirs(args.work, exist_ok=True)
    failures = []
    cnn = train_cnn(args) if args.mnist else {}
    bands = {name: train_band(args, name) for name in BANDS}
    for name, means in bands.items():
        for kind in ("float16", "bfloat16"):
            far = worst(means, kind)
            print("%s %s: at most at %.2f of the float32 band (limit 1.5)" % (name, kind, far))
            if far > 1.5:
                failures.append("%s leaves the band in %s" % (name, kind))
    failures += ["the CNN reaches only %.4f in %s" % (a[-1], kind) for kind, (a, _) in cnn.items() if a[-1] < ACCURACY]
    if args.out:
        report(args, cnn, bands)
    for line in failures:
        print("failed: " + line)
    print("%d trainings, %d failures" % (len(cnn) + sum(len(r) for m in bands.values() for r in m.values()), len(failures)))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
