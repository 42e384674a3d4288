"""Kills amp-opt at random moments: kill.py --amp-opt=PATH [--count=N] [--seed=N] FOLDER

The output file must be the old one or the new one, byte for byte. Beside it
there may be one whole file, named and not yet moved, that the next run replaces.
"""

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import time

parser = argparse.ArgumentParser()
parser.add_argument("--amp-opt", default="amp-opt")
parser.add_argument("--count", type=int, default=60)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--layers", type=int, default=700)
parser.add_argument("folder")
options = parser.parse_args()


def model(layers):
    """Dense layers, one after the other."""
    variables, nodes, value = [], [], "x"
    for i in range(layers):
        variables.append({"name": f"k{i}", "dtype": "float32", "shape": [64, 64],
                          "init": {"glorot_uniform": {"seed": i}}})
        nodes.append({"name": f"product{i}", "op": "matmul", "inputs": [value, f"k{i}"]})
        nodes.append({"name": f"relu{i}", "op": "relu", "inputs": [f"product{i}"]})
        value = f"relu{i}"
    nodes.append({"name": "y", "op": "softmax", "inputs": [value]})
    x = {"name": "x", "dtype": "float32", "shape": ["batch", 64]}
    return {"format": "amp-graph", "version": "1.0", "variables": variables,
            "functions": [{"name": "f", "inputs": [x], "nodes": nodes, "outputs": ["y"]}]}


folder = options.folder
shutil.rmtree(folder, ignore_errors=True)
os.makedirs(os.path.join(folder, "out"))
source = os.path.join(folder, "model.json")
output = os.path.join(folder, "out", "model.json")
with open(source, "w") as file:
    json.dump(model(options.layers), file)


def command(target):
    return [options.amp_opt, source, f"--target={target}", "-o", output]


# What a whole output is, and how long one takes.
whole, took = {}, 0.0
for target in ("float16", "bfloat16", "float16"):
    start = time.monotonic()
    subprocess.run(command(target), check=True, stderr=subprocess.DEVNULL)
    took = time.monotonic() - start
    with open(output, "rb") as file:
        whole[target] = file.read()

rng = random.Random(options.seed)
stands, old, new, ended, left = "float16", 0, 0, 0, 0
for number in range(options.count):
    target = "bfloat16" if stands == "float16" else "float16"
    process = subprocess.Popen(command(target), stderr=subprocess.DEVNULL)
    # Most of the time goes into reading; the end is where files change.
    part = rng.random() if rng.random() < 0.3 else rng.uniform(0.6, 1.1)
    time.sleep(took * part)
    process.kill()
    ended += process.wait() == 0
    with open(output, "rb") as file:
        content = file.read()
    if content == whole[target]:
        stands, new = target, new + 1
    elif content == whole[stands]:
        old += 1
    else:
        sys.exit(f"kill {number} of seed {options.seed} left a torn file of {len(content)} bytes: {output}")
    others = [name for name in os.listdir(os.path.dirname(output))
              if name != os.path.basename(output)]
    for name in others:
        path = os.path.join(os.path.dirname(output), name)
        if re.fullmatch(r"\.amp-\d+-\d+\.tmp", name):
            # No files without a name here.
            os.remove(path)
        elif len(others) > 1 or not re.fullmatch(r"\.amp-[0-9a-f]{16}\.tmp", name):
            sys.exit(f"kill {number} of seed {options.seed} left {others}")
        else:
            with open(path, "rb") as file:
                if file.read() not in whole.values():
                    sys.exit(f"kill {number} of seed {options.seed} left a torn '{name}'")
    left = max(left, len(others))
subprocess.run(command(stands), check=True, stderr=subprocess.DEVNULL)
remains = os.listdir(os.path.dirname(output))
if remains != [os.path.basename(output)]:
    sys.exit(f"a whole run leaves {remains}")
print(f"{options.count} kills, seed {options.seed}: {old} left the old file, {new} the new one "
      f"({ended} came too late), at most {left} files beside it, none after a whole run")
