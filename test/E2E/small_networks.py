# Trains the networks of test/lib/networks.py in small forms, through the two programs:
#
#   small_networks.py --amp-opt=… --amp-run=… [NAME ...]
#
# In float32, float16 and bfloat16 the loss falls, and in 16 bits it stays near the one
# of float32. The limits are for the mean of five steps, several times what was measured.

import argparse
import array
import os
import random
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lib")]
import networks  # noqa: E402
from safetensor_files import write_safetensors  # noqa: E402
from training import Programs, check  # noqa: E402

TYPES = [("float32", "--policy=none"), ("float16", "--target=float16"), ("bfloat16", "--target=bfloat16")]
DOCS = os.path.join(HERE, "..", "..", "docs")

# network -> parameters, data, batch, steps, the part of the first losses that the last ones
# may be, and how far float16 and bfloat16 may be from float32 (of five steps' mean).
CASES = {
    "cnn": (dict(filters=8, width=32), "digits", 32, 40, 0.7, 0.1, 0.2),
    "resnet_cifar": (dict(layers=8, size=28, channels=1, width=8), "digits", 32, 30, 0.95, 0.1, 0.1),
    "resnet50": (dict(stages="1,1", size=28, channels=1, width=8, classes=10, learning_rate=0.02), "digits", 32,
                 30, 0.95, 0.05, 0.1),
    "encoder": (dict(layers=1, width=32, heads=2, patch=7, learning_rate=0.005), "digits", 64, 60, 0.8, 0.01, 0.05),
    "gpt": (dict(layers=1, width=32, heads=2, length=32, learning_rate=0.01, warmup=5), "text", 32, 60, 0.7, 0.15, 0.15),
    "bert_base": (dict(layers=1, width=32, heads=2, length=16, vocabulary=256, predictions=4, learning_rate=0.01),
                  "masked", 32, 60, 0.8, 0.02, 0.1),
    "lstm": (dict(width=32, length=14, features=56, learning_rate=0.01), "digits", 64, 40, 0.8, 0.01, 0.05),
}


def docs_text():
    with open(os.path.join(DOCS, "Training.md"), "rb") as f:
        return f.read()


def masked_examples(length, predictions, seed=1):
    """Windows of a text, padded, with the bytes at some positions to be named, half of them hidden."""
    rng, data = random.Random(seed), docs_text()
    tokens, labels, positions, mask = bytearray(), bytearray(), bytearray(), []
    starts = range(0, len(data) - length, length)
    for start in starts:
        window, used = bytearray(data[start:start + length]), rng.randint(length // 2, length)
        asked = rng.sample(range(used), predictions)
        positions += bytes(asked)
        labels += bytes(window[i] for i in asked)
        for i in list(range(used, length)) + asked[::2]:
            window[i] = 0
        tokens += window
        mask += [1.0 if i < used else 0.0 for i in range(length)]
    shape, few = [len(starts), length], [len(starts), predictions]
    return {"mask": ("F32", shape, array.array("f", mask).tobytes()), "tokens": ("U8", shape, bytes(tokens)),
            "labels": ("U8", few, bytes(labels)), "positions": ("U8", few, bytes(positions)),
            "segments": ("U8", shape, bytes(len(tokens)))}


def train(programs, name):
    parameters, data, batch, steps, part, *limits = CASES[name]
    source = programs.path(name + ".json")
    with open(source, "w", encoding="utf-8") as f:
        f.write(networks.make(name, **parameters).text())
    if data != "digits":
        length = parameters["length"]
        arrays = masked_examples(length, parameters["predictions"]) if data == "masked" else networks.text_examples(docs_text(), length)
        data = programs.path(name + ".safetensors")
        write_safetensors(data, arrays)
    losses = {}
    for kind, flag in TYPES:
        model = programs.path("%s.%s.json" % (name, kind))
        programs.run([programs.amp_opt, source, flag, "-o", model])
        metrics = programs.train(model, "--data=" + data, "--batch=%d" % batch, "--epochs=100",
                                 "--max-steps=%d" % steps, "--seed=1", "--quiet")
        check(len(metrics) == steps, "%s, %s: %d steps" % (name, kind, steps))
        check(sum(m["skipped"] for m in metrics) <= 5, "%s, %s: few skipped steps" % (name, kind))
        losses[kind] = [m["loss"] for m in metrics]
    means = {k: [sum(v[i:i + 5]) / 5 for i in range(steps - 4)] for k, v in losses.items()}
    for kind, values in means.items():
        check(values[-1] <= part * values[0], "%s, %s: the loss falls from %.4f to %.4f, not to %g of it"
              % (name, kind, values[0], values[-1], part))
    text = "%s: %.4f to %.4f" % (name, means["float32"][0], means["float32"][-1])
    for (kind, _), limit in zip(TYPES[1:], limits):
        worst = max(abs(a - b) for a, b in zip(means["float32"], means[kind]))
        text += ", %s differs by %.2g (limit %g)" % (kind, worst, limit)
        check(losses[kind] != losses["float32"], name + ": %s is not float32 under another name" % kind)
        check(worst <= limit, text)
    print(text, flush=True)


def main():
    parser = argparse.ArgumentParser(description="small forms of well-known networks, trained")
    parser.add_argument("names", nargs="*", help="some of " + " ".join(CASES))
    parser.add_argument("--amp-opt", required=True)
    parser.add_argument("--amp-run", required=True)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        for name in args.names or CASES:
            train(Programs(args, directory), name)


if __name__ == "__main__":
    sys.exit(main())
