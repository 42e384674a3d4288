# Trains the small example through the two programs and checks what comes out.
#
#   training.py compare --amp-opt=… --amp-run=…   float16 and bfloat16 against float32
#   training.py skip --amp-opt=… --amp-run=…      non-finite gradients leave the state as it was
#
# Python standard library only.

import argparse
import array
import json
import os
import random
import struct
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
from safetensor_files import read_safetensors, write_safetensors  # noqa: E402

EXAMPLE = os.path.join(HERE, "..", "..", "docs", "examples", "digits_mlp.json")


class Programs:
    def __init__(self, args, directory):
        self.amp_opt, self.amp_run, self.directory = args.amp_opt, args.amp_run, directory

    def path(self, name):
        return os.path.join(self.directory, name)

    def run(self, command):
        done = subprocess.run(command, capture_output=True, text=True, timeout=500)
        if done.returncode:
            raise SystemExit("exit %d: %s\n%s" % (done.returncode, " ".join(command), done.stderr[-3000:]))
        return done

    def rewrite(self, name, *flags):
        self.run([self.amp_opt, EXAMPLE, "-o", self.path(name)] + list(flags))
        return self.path(name)

    def train(self, model, *flags):
        metrics = self.path("metrics.jsonl")
        self.run([self.amp_run, model, "--function=train", "--metrics=" + metrics] + list(flags))
        with open(metrics, encoding="utf-8") as f:
            return [json.loads(line) for line in f]


def check(condition, text):
    if not condition:
        raise SystemExit("failed: " + text)


def scalar(entry):
    code = {"F32": "<f", "I32": "<i", "I64": "<q"}[entry[0]]
    return struct.unpack(code, entry[2])[0]


def examples(path, count, seed, bad=None):
    """Random pictures and labels; `bad` is written into one pixel of each."""
    rng = random.Random(seed)
    images = array.array("f", (rng.random() for _ in range(count * 784)))
    if bad is not None:
        for i in range(count):
            images[i * 784 + rng.randrange(784)] = bad
    labels = array.array("i", (rng.randrange(10) for _ in range(count)))
    write_safetensors(path, {"images": ("F32", [count, 784], images.tobytes()),
                             "labels": ("I32", [count], labels.tobytes())})


def compare(programs):
    flags = ["--data=digits", "--batch=128", "--epochs=1", "--seed=3"]
    losses = {}
    for name, options in (("float32", ["--policy=none"]), ("float16", ["--target=float16"]),
                          ("bfloat16", ["--target=bfloat16"])):
        metrics = programs.train(programs.rewrite(name + ".json", *options), *flags)
        check([m["step"] for m in metrics] == list(range(1, len(metrics) + 1)), "steps count from 1")
        check(len(metrics) >= 10, "at least ten steps")
        scale = 32768.0 if name == "float16" else 1.0
        check(all(m["loss_scale"] == scale for m in metrics[:10]), name + ": the loss scale is %g" % scale)
        check(not any(m["skipped"] for m in metrics), name + ": no step is skipped")
        check(all(m["finite"] for m in metrics), name + ": all gradients are finite")
        losses[name] = [m["loss"] for m in metrics]
        check(losses[name][-1] < 0.7 * losses[name][0], name + ": the loss falls")
    # Small batches and RMSprop oscillate; the guide's network has closer limits.
    for name, tolerance in (("float16", 4e-2), ("bfloat16", 2e-1)):
        worst = max(abs(a - b) for a, b in zip(losses["float32"][:10], losses[name][:10]))
        print("%s: the first ten losses differ from float32 by at most %.2g (limit %g)" % (name, worst, tolerance))
        check(worst <= tolerance, name + " is close to float32")
        check(losses[name] != losses["float32"], name + " is not float32 under another name")


def skip(programs):
    good, ckpt1, ckpt2 = programs.path("good.safetensors"), programs.path("1.ckpt"), programs.path("2.ckpt")
    examples(good, 32, 1)
    model = programs.rewrite("model.json", "--loss-scale=dynamic:initial=1024,growth_steps=2")
    metrics = programs.train(model, "--data=" + good, "--batch=8", "--epochs=1", "--seed=1", "--save=" + ckpt1)
    check([m["loss_scale"] for m in metrics] == [1024, 1024, 2048, 2048], "the scale grows every two good steps")
    before = read_safetensors(ckpt1)
    check(scalar(before["optimizer/iterations"]) == 4, "four steps count")
    check(scalar(before["loss_scale/scale"]) == 4096, "the scale after four good steps")

    for bad in (float("inf"), float("-inf"), float("nan")):
        data = programs.path("bad.safetensors")
        examples(data, 24, 2, bad)
        metrics = programs.train(model, "--data=" + data, "--batch=8", "--epochs=1", "--seed=1",
                                 "--load=" + ckpt1, "--restart", "--save=" + ckpt2)
        check([m["skipped"] for m in metrics] == [True] * 3, "%s: every step is skipped" % bad)
        check([m["loss_scale"] for m in metrics] == [4096, 2048, 1024], "%s: the scale halves" % bad)
        after = read_safetensors(ckpt2)
        check(set(after) == set(before), "the same state")
        for name in before:
            if not name.startswith("loss_scale/"):
                check(after[name] == before[name], "%s: %s is bitwise unchanged" % (bad, name))
        check(scalar(after["loss_scale/scale"]) == 512, "the scale after three bad steps")
        check(scalar(after["loss_scale/good_steps"]) == 0, "no good steps")

    # A loss scale far too large: gradients overflow until it has come down.
    huge = programs.rewrite("huge.json", "--loss-scale=dynamic:initial=1e38")
    metrics = programs.train(huge, "--data=" + good, "--batch=8", "--epochs=1", "--seed=1", "--save=" + ckpt2)
    check(all(m["skipped"] for m in metrics), "a scale of 1e38 overflows float16")
    first = metrics[0]["loss_scale"]
    check([m["loss_scale"] for m in metrics] == [first, first / 2, first / 4, first / 8], "and halves each step")
    check(scalar(read_safetensors(ckpt2)["optimizer/iterations"]) == 0, "the step counter stays")
    # The same training without scaling has no such state.
    plain = programs.rewrite("plain.json", "--policy=none")
    programs.train(plain, "--data=" + good, "--batch=8", "--epochs=1", "--seed=1", "--save=" + ckpt2)
    check(not any(k.startswith("loss_scale/") for k in read_safetensors(ckpt2)), "no loss scale, no state")
    print("skipped steps leave %d variables bitwise unchanged"
          % sum(not n.startswith("loss_scale/") for n in before))


def main():
    parser = argparse.ArgumentParser(description="training through amp-opt and amp-run")
    parser.add_argument("what", choices=["compare", "skip"])
    parser.add_argument("--amp-opt", required=True)
    parser.add_argument("--amp-run", required=True)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        {"compare": compare, "skip": skip}[args.what](Programs(args, directory))


if __name__ == "__main__":
    sys.exit(main())
