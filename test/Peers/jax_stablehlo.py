"""Programs that nobody here wrote: JAX lowers four models with their gradients to
StableHLO, amp-opt rewrites them by models of that dialect that are data, and XLA
compiles and runs the result.

    jax_stablehlo.py --amp-opt=PROGRAM [--seeds=N] [--write=DIR]

For each model and type: every product is in 16 bits, those of the gradients among
them; softmax is not; a second rewrite changes nothing; and the error, against the
float32 program, is at most twice that of the same program cast by hand. --write
leaves the modules, which test/OpModels holds copies of. Needs jax and jaxlib.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import backend as jax_backend

import jax_models

PRODUCT = re.compile(r'"stablehlo\.(?:dot|dot_general|convolution|dynamic_conv)"\(.*: \((.*)\) -> (tensor<.*>)')


def rewrite(amp_opt, text, target, directory):
    source = os.path.join(directory, "in.mlir")
    result = os.path.join(directory, "out.mlir")
    with open(source, "w") as f:
        f.write(text)
    done = subprocess.run([amp_opt, source, "-o", result, "--op-models=stablehlo.json", "--target=" + target,
                           "--unknown-ops=ignore", "--mlir-print-op-generic"], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit("amp-opt: exit %d\n%s" % (done.returncode, done.stderr))
    with open(result) as f:
        return f.read(), done.stderr.strip().splitlines()[-1]


def check_products(name, target, text):
    """Counts the products, and fails on one in float32."""
    low = {"float16": "xf16>", "bfloat16": "xbf16>"}[target]
    count = 0
    for match in PRODUCT.finditer(text):
        for part in match.group(1).split(", ") + [match.group(2)]:
            if not part.endswith(low):
                raise SystemExit("%s, %s: a product in another type: %s" % (name, target, match.group(0)))
        count += 1
    return count


def check_softmax(name, target, text):
    for line in text.splitlines():
        if '"stablehlo.exponential"' in line and not re.search(r"-> tensor<[0-9x]*f32>", line):
            raise SystemExit("%s, %s: softmax is not float32: %s" % (name, target, line))


class Executable:
    """A module as XLA runs it, on the host's processor."""

    def __init__(self, text):
        device = jax.devices("cpu")[0]
        self.device = device
        self.loaded = device.client.compile_and_load(text, [device])

    def __call__(self, arguments):
        buffers = [jax.device_put(a, self.device) for a in jax.tree.leaves(arguments)]
        return [np.asarray(a[0]) for a in self.loaded.execute_sharded(buffers).disassemble_into_single_device_arrays()]


def errors(results, reference):
    """The relative error of each output, in the 2-norm."""
    return np.array([np.linalg.norm(np.float64(a) - np.float64(b)) / np.linalg.norm(np.float64(b))
                     for a, b in zip(results, reference)])


def main():
    parser = argparse.ArgumentParser(description="JAX models through amp-opt and XLA")
    parser.add_argument("--amp-opt", required=True)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--write")
    args = parser.parse_args()
    jax.config.update("jax_platforms", "cpu")
    failed = False
    for name in jax_models.MODELS:
        text = jax_models.lower(name)
        if args.write:
            with open(os.path.join(args.write, name + ".mlir"), "w") as f:
                f.write(text)
        float32 = jax.jit(jax_models.program(name))
        for target, dtype in (("float16", jnp.float16), ("bfloat16", jnp.bfloat16)):
            with tempfile.TemporaryDirectory() as directory:
                rewritten, summary = rewrite(args.amp_opt, text, target, directory)
                again, _ = rewrite(args.amp_opt, rewritten, target, directory)
            if again != rewritten:
                raise SystemExit("%s, %s: a second rewrite changes something" % (name, target))
            products = check_products(name, target, rewritten)
            if products != len(PRODUCT.findall(text)):
                raise SystemExit("%s: products are missing" % name)
            check_softmax(name, target, rewritten)
            program = Executable(rewritten)
            by_hand = jax.jit(jax_models.program(name, dtype))
            ours, theirs = [], []
            for seed in range(args.seeds):
                data = jax_models.data(name, seed)
                reference = jax.tree.leaves(float32(*data))
                ours.append(errors(program(data), reference))
                theirs.append(errors(jax.tree.leaves(by_hand(*data)), reference))
            # Of all outputs and seeds, since a single one may be right by chance.
            ours, theirs = np.array(ours), np.array(theirs)
            ratio = np.sqrt((ours ** 2).mean()) / np.sqrt((theirs ** 2).mean())
            worst = ours.max() / theirs.max()
            ok = ratio <= 2 and worst <= 2 and np.isfinite(ours).all()
            failed |= not ok
            print("%s, %s: %d products in 16 bits, error %.2g (largest %.2g), by hand %.2g (%.2g), ratio %.2f%s; %s" % (
                name, target, products, np.sqrt((ours ** 2).mean()), ours.max(), np.sqrt((theirs ** 2).mean()),
                theirs.max(), ratio, "" if ok else " FAILED", summary))
    if failed:
        raise SystemExit("an error is more than twice that of a program cast by hand")
    print("%d models, 2 types: right" % len(jax_models.MODELS))


if __name__ == "__main__":
    sys.exit(main())
