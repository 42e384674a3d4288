# SavedModels that train, given loss scaling by amp-opt and trained by TensorFlow: of a
# script of TensorFlow 1, of tf.function with variables written by hand, and of an
# optimizer of Keras. In float32 a power of two as scale changes no bit of a step; a step
# whose gradients are not finite leaves no trace but in the scale.
#
#   scaled_models.py --amp-opt=PATH

import argparse
import os
import subprocess
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

tf1 = tf.compat.v1
X = np.random.default_rng(2).standard_normal((32, 8)).astype("float32")
Y = np.random.default_rng(3).standard_normal((32, 4)).astype("float32")
FEATURES, LABELS = tf.TensorSpec((None, 8)), tf.TensorSpec((None, 4))
# A label that is infinite makes all gradients of its step so.
GOOD, BAD = [1.0] * 7, [1.0, np.inf, 1.0, 1.0, np.nan, 1.0, 1.0, 1.0, 1.0]


def initial(*shape):
    return np.random.default_rng(1).standard_normal(shape).astype("float32") / 4


def script_of_tensorflow1(folder, resources, main_op):
    with tf1.Graph().as_default(), tf1.Session() as session:
        (tf1.enable_resource_variables if resources else tf1.disable_resource_variables)()
        x, y = tf1.placeholder(tf.float32, (None, 8), name="x"), tf1.placeholder(tf.float32, (None, 4), name="y")
        w = tf1.get_variable("w", initializer=initial(8, 16))
        v = tf1.get_variable("v", initializer=initial(16, 4))
        loss = tf.reduce_mean(tf.square(tf.matmul(tf.nn.relu(tf.matmul(x, w)), v) - y), name="loss")
        tf1.train.MomentumOptimizer(0.125, 0.875).minimize(loss, tf1.train.get_or_create_global_step(), name="train_op")
        session.run(tf1.global_variables_initializer())
        builder = tf1.saved_model.Builder(folder)
        tensors = {k: tf1.saved_model.build_tensor_info(t) for k, t in (("x", x), ("y", y), ("loss", loss))}
        signature = tf1.saved_model.build_signature_def({k: tensors[k] for k in "xy"}, {"loss": tensors["loss"]},
                                                        "train")
        builder.add_meta_graph_and_variables(session, ["train"], {"train": signature},
                                             main_op=tf1.tables_initializer() if main_op else None, strip_default_attrs=True)
        builder.save()


def train_session(folder, factors):
    with tf1.Graph().as_default() as graph, tf1.Session() as session:
        tf1.saved_model.load(session, ["train"], folder)
        for factor in factors:
            session.run(["loss:0", "train_op"], {"x:0": X, "y:0": Y * np.float32(factor)})
        values = {v.op.name: session.run(v) for v in tf1.global_variables()}
        scale = values.pop("current_loss_scale", None)
        values.pop("good_steps", None)
        # Training goes on from a checkpoint of its own.
        saved = tf1.train.Saver().save(session, os.path.join(folder, "variables", "later"))
        names = [name for name, _ in tf.train.list_variables(saved)]
        if (scale is None) == ("current_loss_scale" in names):
            raise RuntimeError("a Saver saves " + str(names))
        del graph
    return values, scale


class ByHand(tf.Module):
    def __init__(self):
        self.w, self.v = tf.Variable(initial(8, 16)), tf.Variable(initial(16, 4))
        self.slots = [tf.Variable(tf.zeros_like(x)) for x in (self.w, self.v)]
        self.steps = tf.Variable(0, dtype=tf.int64)

    @tf.function(input_signature=[FEATURES, LABELS])
    def train(self, x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(tf.matmul(tf.nn.relu(tf.matmul(x, self.w)), self.v) - y))
        gradients = tape.gradient(loss, [self.w, self.v])
        gradients, _ = tf.clip_by_global_norm(gradients, 1.0)
        for variable, slot, gradient in zip((self.w, self.v), self.slots, gradients):
            slot.assign(0.875 * slot + gradient)
            variable.assign_sub(0.125 * slot / tf.cast(self.steps + 1, tf.float32))
        self.steps.assign_add(1)
        return {"loss": loss, "w": self.w.read_value()}


class Classic(tf.Module):
    """The ops of TensorFlow 1's optimizers in a function, inside a loop of four steps."""

    def __init__(self):
        self.w = tf.Variable(initial(8, 4))
        self.m, self.v = tf.Variable(tf.zeros((8, 4))), tf.Variable(tf.zeros((8, 4)))

    @tf.function(input_signature=[FEATURES, LABELS])
    def train(self, x, y):
        loss = tf.zeros(())
        for _ in tf.range(4):
            loss = tf.reduce_mean(tf.square(tf.matmul(x, self.w) - y))
            gradient, = tf.gradients(loss, self.w)
            tf.raw_ops.ResourceApplyAdam(var=self.w.handle, m=self.m.handle, v=self.v.handle, beta1_power=0.9,
                                         beta2_power=0.999, lr=0.01, beta1=0.9, beta2=0.999, epsilon=1e-7, grad=gradient)
        return {"loss": loss}


class OfKeras(tf.Module):
    def __init__(self, optimizer):
        k = tf.keras
        k.utils.set_random_seed(4)
        self.model = k.Sequential([k.layers.Input((8,)), k.layers.Dense(16, activation="relu"),
                                   k.layers.BatchNormalization(),
                                   k.layers.Dense(4)])
        self.optimizer = optimizer
        optimizer.build(self.model.trainable_variables)
        # What Keras keeps in wrappers of its own, for the loader.
        self.state = [v.value for v in self.model.trainable_variables + optimizer.variables]

    @tf.function(input_signature=[FEATURES, LABELS])
    def train(self, x, y):
        with tf.GradientTape() as tape:
            loss = tf.keras.losses.MeanSquaredError()(y, self.model(x, training=True))
        gradients = tape.gradient(loss, self.model.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.model.trainable_variables))
        return {"loss": loss}


def train_function(folder, factors):
    """The variables behind the steps, by the number of their node, and the last loss."""
    model = tf.saved_model.load(folder)
    step = model.signatures["train"]
    for factor in factors:
        result = step(x=tf.constant(X), y=tf.constant(Y * np.float32(factor)))
    kept = getattr(model, "state", None)
    if kept is None:
        kept = [v for name in ("w", "v", "m", "steps", "slots") if (v := getattr(model, name, None)) is not None]
    return {str(i): v.numpy() for i, v in enumerate(tf.nest.flatten([list(v) if hasattr(v,
                                                                                        "__len__") else v for v in kept]))
            }, float(result["loss"])


def main():
    parser = argparse.ArgumentParser(description="SavedModels that train, with loss scaling")
    parser.add_argument("--amp-opt", required=True)
    args = parser.parse_args()
    failures, count = [], 0
    k = tf.keras.optimizers

    def check(what, holds, more=""):
        nonlocal count
        count += 1
        if not holds:
            failures.append("%s: %s" % (what, more))

    def same(what, a, b):
        wrong = [key for key in a if not np.array_equal(a[key], b.get(key))]
        check(what, a and not wrong, "%s differ" % wrong)

    with tempfile.TemporaryDirectory() as t:
        def rewrite(source, name, *flags):
            out = os.path.join(t, name)
            done = subprocess.run([args.amp_opt, source, "-o", out] + list(flags), capture_output=True, text=True,
                                  timeout=300)
            if done.returncode:
                raise RuntimeError(done.stderr)
            return out

        for resources in (True, False):
            for main_op in (True, False):
                what = "script, %s variables%s" % ("resource" if resources else "reference",
                                                   ", main op" if main_op else "")
                source = os.path.join(t, what)
                script_of_tensorflow1(source, resources, main_op)
                scaled = rewrite(source, what + " scaled", "--policy=none", "--loss-scale=dynamic:growth_steps=3")
                plain, _ = train_session(source, GOOD)
                values, scale = train_session(scaled, GOOD)
                same(what, plain, values)
                check(what + ", scale", scale == 131072, scale)
                values, scale = train_session(scaled, BAD)
                same(what + ", skipped steps", plain, values)
                check(what + ", scale behind skipped steps", scale == 16384, scale)
                lowered = rewrite(source, what + " low", "--policy=default", "--loss-scale=dynamic", "--target=float16")
                values, scale = train_session(lowered, BAD)
                check(what + ", float16", all(np.isfinite(v).all() for v in values.values()) and scale == 8192, scale)
        modules = [("by hand", ByHand(), True), ("classic", Classic(), True),
                   ("Keras's SGD", OfKeras(k.SGD(0.125, momentum=0.875)), False),
                   ("Keras's Adam", OfKeras(k.Adam(0.01)), True),
                   ("Keras's Adam, clipped", OfKeras(k.Adam(0.01, clipnorm=1.0)), True)]
        for what, module, counts in modules:
            source = os.path.join(t, what)
            tf.saved_model.save(module, source, signatures={"train": module.train})
            scaled = rewrite(source, what + " scaled", "--policy=none", "--loss-scale=dynamic:growth_steps=3")
            plain, loss = train_function(source, GOOD)
            values, scaled_loss = train_function(scaled, GOOD)
            same(what, plain, values)
            check(what + ", loss", loss == scaled_loss, (loss, scaled_loss))
            values, scaled_loss = train_function(scaled, BAD)
            if not counts:
                # Its counter is none of what the updates read.
                values = {key: GOOD_STEPS if v.dtype.kind == "i" else v for key, v in values.items()}
                plain = {key: GOOD_STEPS if v.dtype.kind == "i" else v for key, v in plain.items()}
            same(what + ", skipped steps", plain, values)
            fixed = rewrite(source, what + " fixed", "--policy=none", "--loss-scale=128")
            values, _ = train_function(fixed, GOOD)
            if counts:
                same(what + ", fixed", plain, values)
            lowered = rewrite(source, what + " low", "--policy=default",
                              "--loss-scale=dynamic:initial=1e30,growth_steps=3")
            values, low = train_function(lowered, [1.0] * 120)
            check(what + ", float16", np.isfinite(low) and all(np.isfinite(v).all() for v in values.values()) and
                  any(not np.array_equal(values[key], plain[key]) for key in plain), low)
    for line in failures:
        print("FAILED " + line)
    print("%d checks of SavedModels that train, %d failures" % (count, len(failures)))
    return 1 if failures or count < 40 else 0


GOOD_STEPS = np.int64(len(GOOD))

if __name__ == "__main__":
    sys.exit(main())
