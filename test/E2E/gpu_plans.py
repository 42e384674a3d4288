# What is planned for an H200, without one:
#
#   gpu_plans.py golden --amp-opt=… --amp-run=… [--large]
#   gpu_plans.py train --amp-opt=… --amp-run=… [--steps=N] [NAME ...]
#
# `golden` compares the Programs of small networks, as text, with the files of golden/plans,
# with --large also the totals of ResNet-50 and GPT-2; AMP_UPDATE_GOLDEN=1 writes them anew.
#
# `train` runs the Program planned for an H200 on the cpu device beside the one planned for
# the cpu. They round at different places, so their losses differ by no more than rounding
# makes of the cpu's own plan: twice the largest distance so far between its losses in this
# type and in float32, and two units of the type. In float32 only the order of sums differs:
# 1e-5 of the loss. Loss scales and skipped steps are the same. The guide's network learns at
# a tenth of its rate: at its own one, in batches this small, rounding decides which way it goes.

import argparse
import os
import re
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lib")]
import networks  # noqa: E402
from safetensor_files import write_safetensors  # noqa: E402
from training import Programs, check  # noqa: E402

DOCS = os.path.join(HERE, "..", "..", "docs")
GOLDEN = os.path.join(HERE, "golden", "plans")
TYPES = {"float32": "--policy=none", "float16": "--target=float16", "bfloat16": "--target=bfloat16"}
UNIT = {"float16": 2.0**-11, "bfloat16": 2.0**-8}

# name -> an example of docs/ or a network and its parameters, data, batch
TRAINED = {
    "guide": ("mnist_mlp", dict(learning_rate=0.0001), "digits", 32),
    "lenet": ("lenet", {}, "digits", 32),
    "transformer": ("encoder", dict(layers=1, width=64, heads=4, patch=4), "digits", 32),
    "gpt": ("gpt", dict(layers=2, width=64, heads=4, length=64), "text", 8),
}
# name -> the same, types, batch
PLANNED = {
    "digits_mlp": ("digits_mlp", {}, ("float16", "bfloat16"), 128),
    "lenet": ("lenet", {}, ("float16",), 256),
    "transformer": ("encoder", dict(layers=1, width=64, heads=4, patch=4), ("float16",), 64),
    "gpt": ("gpt", dict(layers=1, width=64, heads=4, length=64), ("float16", "bfloat16"), 16),
}
LARGE = {"resnet50": ("resnet50", {}, tuple(TYPES), 256), "gpt2_124m": ("gpt2_124m", {}, tuple(TYPES), 64)}


def rewritten(programs, name, network, parameters, kind):
    source, model = programs.path(name + ".json"), programs.path("%s.%s.json" % (name, kind))
    if not os.path.exists(source):
        if network.endswith("_mlp"):
            with open(os.path.join(DOCS, "examples", network + ".json"), encoding="utf-8") as f:
                text = f.read()
            for key, value in parameters.items():
                text = re.sub('"%s": [0-9.]+' % key, '"%s": %s' % (key, value), text)
        else:
            text = networks.make(network, **parameters).text()
        with open(source, "w", encoding="utf-8") as f:
            f.write(text)
    programs.run([programs.amp_opt, source, TYPES[kind], "-o", model])
    return model


def expect(name, text):
    """That a file of golden/plans holds this text."""
    path = os.path.join(GOLDEN, name)
    if os.environ.get("AMP_UPDATE_GOLDEN"):
        os.makedirs(GOLDEN, exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return
    with open(path, encoding="utf-8") as f:
        expected = f.read().splitlines()
    for number, line in enumerate(text.splitlines()):
        wanted = expected[number] if number < len(expected) else "no more lines"
        check(line == wanted, "%s:%d: the plan has\n  %s\nnot\n  %s\n(AMP_UPDATE_GOLDEN=1 writes it anew)"
              % (name, number + 1, line, wanted))
    check(len(expected) == len(text.splitlines()), "%s: the plan has fewer lines" % name)


def planned(programs, name, network, parameters, kind, batch):
    model = rewritten(programs, name, network, parameters, kind)
    return programs.run([programs.amp_run, model, "--function=train", "--device=cuda", "--assume-device=h200",
                         "--dump-program", "--batch=%d" % batch]).stdout


def golden(programs, args):
    for name, (network, parameters, kinds, batch) in PLANNED.items():
        for kind in kinds:
            expect("%s.%s.txt" % (name, kind), planned(programs, name, network, parameters, kind, batch))
    totals = ""
    for name, (network, parameters, kinds, batch) in (LARGE.items() if args.large else ()):
        for kind in kinds:
            lines = planned(programs, name, network, parameters, kind, batch).splitlines()[:4]
            totals += "\n".join(["%s, %s: %s" % (name, kind, lines[0])] + lines[1:]) + "\n"
    if args.large:
        expect("totals.txt", totals)
        # Half the bytes: twice the batch in the memory of float32.
        for name, kind in [(name, kind) for name in LARGE for kind in ("float16", "bfloat16")]:
            network, parameters, _, batch = LARGE[name]
            wide, low = (int(re.search(r"arena (\d+)", planned(programs, name, network, parameters, *one)).group(1))
                         for one in (("float32", batch), (kind, 2 * batch)))
            check(low <= wide, "%s, %s: %d bytes at twice the batch, float32 %d" % (name, kind, low, wide))


def train(programs, name, steps):
    network, parameters, data, batch = TRAINED[name]
    if data == "text":
        data = programs.path(name + ".safetensors")
        with open(os.path.join(DOCS, "Training.md"), "rb") as f:
            write_safetensors(data, networks.text_examples(f.read(), parameters["length"]))
    reference = None
    for kind in TYPES:
        model = rewritten(programs, name, network, parameters, kind)
        cpu, gpu = (programs.train(model, "--data=" + data, "--batch=%d" % batch, "--epochs=100000", "--quiet",
                                   "--max-steps=%d" % steps, "--seed=1", "--assume-device=" + device)
                    for device in ("cpu", "h200"))
        check(len(cpu) == len(gpu) == steps, "%s, %s: %d steps" % (name, kind, steps))
        reference = reference or cpu
        rounding, worst, at = 0.0, 0.0, 0
        for i, (a, b, exact) in enumerate(zip(cpu, gpu, reference)):
            rounding = max(rounding, abs(a["loss"] - exact["loss"]))
            bound = 1e-5 * a["loss"] if kind == "float32" else 2 * rounding + 2 * UNIT[kind] * a["loss"]
            difference = abs(a["loss"] - b["loss"])
            check(difference <= bound, "%s, %s, step %d: the loss is %.7g, on the cpu's plan %.7g: more than %.2g apart"
                  % (name, kind, i + 1, b["loss"], a["loss"], bound))
            check(all(a[key] == b[key] for key in ("loss_scale", "skipped")),
                  "%s, %s, step %d: the loss scale is another one" % (name, kind, i + 1))
            if difference / bound > worst:
                worst, at = difference / bound, i + 1
        print("%s, %s, %d steps: loss %.4f to %.4f, at most %.2f of the bound (step %d)"
              % (name, kind, steps, gpu[0]["loss"], gpu[-1]["loss"], worst, at), flush=True)


def main():
    parser = argparse.ArgumentParser(description="plans for an H200, compared and executed on the cpu")
    parser.add_argument("mode", choices=("golden", "train"))
    parser.add_argument("names", nargs="*", help="some of " + " ".join(TRAINED))
    parser.add_argument("--amp-opt", required=True)
    parser.add_argument("--amp-run", required=True)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--large", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        programs = Programs(args, directory)
        if args.mode == "golden":
            golden(programs, args)
        for name in (args.names or TRAINED) if args.mode == "train" else ():
            train(programs, name, args.steps)


if __name__ == "__main__":
    sys.exit(main())
