# The example projects step-loop and own-optimizer, run.
#
#   loops.py step-loop --bin=build/bin       the losses and variables of amp-run, to the bit, in three types
#   loops.py own-optimizer --bin=build/bin   learns in float32 and, with the loss scale, in float16

import argparse
import os
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from training import EXAMPLE, HERE, Programs, check, read_safetensors  # noqa: E402

TYPES = [("float32", "--policy=none"), ("float16", "--target=float16"), ("bfloat16", "--target=bfloat16")]


def read(path):
    with open(path, "rb") as file:
        return file.read()


def step_loop(programs, loop):
    for name, flag in TYPES:
        model = programs.path(name + ".json")
        programs.run([programs.amp_opt, EXAMPLE, flag, "-o", model])
        ours, theirs = programs.path("loop"), programs.path("run")
        programs.run([loop, model, ours + ".jsonl", ours + ".safetensors"])
        programs.run([programs.amp_run, model, "--function=train", "--data=digits", "--batch=128", "--epochs=2",
                      "--seed=1", "--metrics=" + theirs + ".jsonl", "--save=" + theirs + ".safetensors", "--quiet"])
        lines = read(ours + ".jsonl")
        check(lines.count(b"\n") == 158, name + ": 2 epochs of 78 batches and a rest")
        check(lines == read(theirs + ".jsonl"), name + ": the losses are those of amp-run")
        variables = read_safetensors(ours + ".safetensors")
        check(variables == read_safetensors(theirs + ".safetensors"), name + ": the variables are those of amp-run")
        check(len(variables) > 6, name + ": the optimizer's state is among them")
        print("%s: 158 losses and %d variables are the same bits" % (name, len(variables)))


def own_optimizer(programs, loop):
    source = os.path.join(HERE, "..", "..", "docs", "examples", "own-optimizer", "model.json")

    def losses(model, scale):
        text = programs.run([loop, model, scale]).stdout
        print(scale + ":\n" + text)
        found = [float(loss) for loss in re.findall(r"loss ([0-9.]+)", text)]
        check(len(found) == 3, "three epochs")
        return found

    wide, low = programs.path("float32.json"), programs.path("float16.json")
    programs.run([programs.amp_opt, source, "--policy=none", "-o", wide])
    programs.run([programs.amp_opt, source, "-o", low])
    reference = losses(wide, "none")
    check(reference[-1] < 0.5 * reference[0], "float32 learns")
    lost = losses(low, "none")
    check(lost[0] == lost[1] == lost[2] > 2, "float16 without a scale: every gradient is 0")
    for preset in ("tf1", "pytorch"):
        scaled = losses(low, preset)
        check(all(abs(a - b) < 0.02 * b + 0.005 for a, b in zip(scaled, reference)), preset + ": as float32")
    message = programs.refused([loop, low, "tensorflow"])
    check("unknown preset 'tensorflow' of the loss scale" in message, message)


class Loops(Programs):
    def refused(self, command):
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        check(done.returncode == 1, "exit 1")
        return done.stderr


def main():
    parser = argparse.ArgumentParser(description="the loops of docs/examples")
    parser.add_argument("what", choices=["step-loop", "own-optimizer"])
    parser.add_argument("--bin", required=True)
    args = parser.parse_args()
    args.amp_opt, args.amp_run = os.path.join(args.bin, "amp-opt"), os.path.join(args.bin, "amp-run")
    with tempfile.TemporaryDirectory() as directory:
        programs = Loops(args, directory)
        {"step-loop": step_loop, "own-optimizer": own_optimizer}[args.what](programs, os.path.join(args.bin, args.what))


if __name__ == "__main__":
    sys.exit(main())
