# A SavedModel that Keras makes, rewritten by amp-opt and loaded by TensorFlow:
# the same signatures, the variables untouched, and outputs as near as the target's
# precision lets them be.
#
#   keras_model.py --amp-opt=PATH

import argparse
import os
import subprocess
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402


def models():
    k = tf.keras
    yield "dense", k.Sequential([k.layers.Input((16,)), k.layers.Dense(64, activation="relu"),
                                 k.layers.Dense(64, activation="tanh"), k.layers.Dense(10, activation="softmax")]), (16,)
    yield "convolutions", k.Sequential([
        k.layers.Input((16, 16, 3)), k.layers.Conv2D(8, 3, activation="relu"), k.layers.BatchNormalization(),
        k.layers.MaxPooling2D(), k.layers.Conv2D(16, 3), k.layers.GlobalAveragePooling2D(), k.layers.Dense(5)]), (16, 16, 3)


def signature_text(loaded):
    return {name: (str(f.structured_input_signature), str(f.structured_outputs)) for name, f in loaded.signatures.items()}


def halves(folder):
    """How many nodes of the file compute in 16 bits."""
    from tensorflow.core.protobuf import saved_model_pb2
    model = saved_model_pb2.SavedModel()
    with open(os.path.join(folder, "saved_model.pb"), "rb") as f:
        model.ParseFromString(f.read())
    graph = model.meta_graphs[0].graph_def
    nodes = list(graph.node) + [n for f in graph.library.function for n in f.node_def]
    low = (tf.float16.as_datatype_enum, tf.bfloat16.as_datatype_enum)
    return sum(n.op != "Cast" and any(a.type in low for a in n.attr.values()) for n in nodes)


def check(args, name, model, shape, target, folder):
    source, out = os.path.join(folder, name), os.path.join(folder, name + "-" + target)
    if not os.path.isdir(source):
        model.export(source, verbose=False)
    flags = ["--target=" + target]
    if target == "bfloat16":
        # TensorFlow's pass for bfloat16 is that for CPUs.
        flags += ["--tf-gpu=none"]
    done = subprocess.run([args.amp_opt, source, "-o", out] + flags, capture_output=True, text=True, timeout=300)
    if done.returncode:
        return "exit %d: %s" % (done.returncode, done.stderr)
    before, after = tf.saved_model.load(source), tf.saved_model.load(out)
    if signature_text(before) != signature_text(after):
        return "the signatures differ"
    for kind in ("variables", "assets"):
        for where, _, files in os.walk(os.path.join(source, kind)):
            for f in files:
                a = os.path.join(where, f)
                with open(a, "rb") as x, open(os.path.join(out, os.path.relpath(a, source)), "rb") as y:
                    if x.read() != y.read():
                        return f + " differs"
    lowered = halves(out)
    if not lowered:
        return "nothing was lowered"
    rng = np.random.default_rng(7)
    x = rng.uniform(-1, 1, (32,) + shape).astype("float32")
    key = "serving_default"
    given = next(iter(before.signatures[key].structured_input_signature[1]))
    a = before.signatures[key](**{given: tf.constant(x)})
    b = after.signatures[key](**{given: tf.constant(x)})
    unit = 2.0**-11 if target == "float16" else 2.0**-8
    worst = 0.0
    for k in a:
        if a[k].dtype != b[k].dtype:
            return "an output of type %s" % b[k].dtype
        # A few roundings of values about as large as the largest output, one for each of some ten layers.
        worst = max(worst, float(np.abs(a[k].numpy() - b[k].numpy()).max() / (20 * unit * np.abs(a[k].numpy()).max())))
    if not worst <= 1:
        return "outputs differ by %g of the bound" % worst
    print("%s, %s: %d nodes in 16 bits, outputs within %.3g of the bound" % (name, target, lowered, worst))
    return None


def main():
    parser = argparse.ArgumentParser(description="SavedModels of Keras through amp-opt")
    parser.add_argument("--amp-opt", required=True)
    args = parser.parse_args()
    tf.keras.utils.set_random_seed(3)
    failures = count = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, model, shape in models():
            for target in ("float16", "bfloat16"):
                problem = check(args, name, model, shape, target, folder)
                count += 1
                if problem:
                    failures += 1
                    print("FAILED %s, %s: %s" % (name, target, problem))
    print("%d models of Keras %s, %d failures" % (count, tf.keras.__version__, failures))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
