# Training graphs of TensorFlow 1, four optimizers over both kinds of variables, given
# loss scaling by amp-opt and run by TensorFlow. In float32 a power of two as scale
# changes no bit of a step, so the weights must be those of the graph without it; steps
# whose gradients are not finite must leave no trace but in the scale.
#
#   scaled_training.py --amp-opt=PATH

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
OPTIMIZERS = {"sgd": lambda: tf1.train.GradientDescentOptimizer(0.125),
              "momentum, clipped": lambda: tf1.train.MomentumOptimizer(0.125, 0.875),
              "adam": lambda: tf1.train.AdamOptimizer(0.01),
              "rmsprop": lambda: tf1.train.RMSPropOptimizer(0.01)}
X = np.random.default_rng(2).standard_normal((32, 8)).astype("float32")
Y = np.random.default_rng(3).standard_normal((32, 4)).astype("float32")


def training_graph(name, resources, counts):
    graph = tf1.Graph()
    with graph.as_default():
        (tf1.enable_resource_variables if resources else tf1.disable_resource_variables)()
        x = tf1.placeholder(tf.float32, (None, 8), name="x")
        y = tf1.placeholder(tf.float32, (None, 4), name="y")
        factor = tf1.placeholder(tf.float32, (), name="factor")
        rng = np.random.default_rng(1)
        w = tf1.get_variable("w", initializer=tf.constant(rng.standard_normal((8, 16)).astype("float32") / 4))
        v = tf1.get_variable("v", initializer=tf.constant(rng.standard_normal((16, 4)).astype("float32") / 4))
        out = tf.matmul(tf.nn.relu(tf.matmul(x, w)), v)
        loss = tf.reduce_mean(tf.square(out - y) * factor, name="loss")
        step = tf1.train.get_or_create_global_step()
        optimizer = OPTIMIZERS[name]()
        pairs = optimizer.compute_gradients(loss)
        if "clipped" in name:
            clipped, _ = tf.clip_by_global_norm([g for g, _ in pairs], 1.0)
            pairs = list(zip(clipped, [variable for _, variable in pairs]))
        optimizer.apply_gradients(pairs, global_step=step if counts else None, name="train_op")
        # What is read behind the training.
        for variable in tf1.global_variables():
            tf.identity(variable.read_value() if resources else variable, name="after/" + variable.op.name)
        tf1.global_variables_initializer()
    return graph.as_graph_def()


def train(definition, factors):
    graph = tf1.Graph()
    with graph.as_default():
        tf.import_graph_def(definition, name="")
        with tf1.Session() as session:
            session.run("init")
            for factor in factors:
                session.run(["loss:0", "train_op"], {"x:0": X, "y:0": Y, "factor:0": factor})
            values = {n.name: session.run(n.name + ":0") for n in definition.node if n.name.startswith("after/")}
            state = None
            if any(n.name == "good_steps" for n in definition.node):
                state = tuple(session.run(tf.raw_ops.ReadVariableOp(
                    resource=graph.get_operation_by_name(name).outputs[0], dtype=dtype)).item()
                    for name, dtype in (("current_loss_scale", tf.float32), ("good_steps", tf.int64)))
    return values, state


def main():
    parser = argparse.ArgumentParser(description="loss scaling run by TensorFlow")
    parser.add_argument("--amp-opt", required=True)
    args = parser.parse_args()
    tf1.disable_eager_execution()
    tf1.disable_control_flow_v2()
    failures, count = [], 0
    good, bad = [1.0] * 8, [1.0, np.inf, 1.0, 1.0, np.nan, 1.0]
    with tempfile.TemporaryDirectory() as t:
        source, target = os.path.join(t, "in.pb"), os.path.join(t, "out.pb")

        def rewrite(policy, scale):
            done = subprocess.run([args.amp_opt, source, "-o", target, "--fetch=loss,train_op", "--feed=x,y,factor",
                                   "--policy=" + policy, "--loss-scale=" + scale], capture_output=True, text=True)
            if done.returncode:
                raise RuntimeError(done.stderr)
            definition = tf1.GraphDef()
            with open(target, "rb") as f:
                definition.ParseFromString(f.read())
            return definition

        for name in OPTIMIZERS:
            for resources in (True, False):
                for counts in (True, False):
                    what = "%s, %s variables%s" % (name, "resource" if resources else "reference",
                                                   ", counted" if counts else "")
                    definition = training_graph(name, resources, counts)
                    with open(source, "wb") as f:
                        f.write(definition.SerializeToString())

                    def same(part, a, b):
                        nonlocal count
                        count += 1
                        wrong = [k for k in a if not np.array_equal(a[k], b[k])]
                        if wrong or not a:
                            failures.append("%s, %s: %s differ" % (what, part, wrong))

                    def equal(part, a, b):
                        nonlocal count
                        count += 1
                        if a != b:
                            failures.append("%s, %s: %s for %s" % (what, part, a, b))

                    try:
                        plain, _ = train(definition, good)
                        four, _ = train(definition, [1.0] * 4)
                        dynamic = rewrite("none", "dynamic:growth_steps=3")
                        values, state = train(dynamic, good)
                        same("dynamic", plain, values)
                        equal("dynamic", state, (131072.0, 2))
                        values, state = train(dynamic, bad)
                        same("skipped steps", four, values)
                        equal("skipped steps", state, (8192.0, 1))
                        values, state = train(rewrite("none", "128"), good)
                        same("fixed", plain, values)
                        lowered = rewrite("default", "dynamic:growth_steps=3")
                        values, state = train(lowered, bad)
                        equal("float16", state, (8192.0, 1))
                        equal("float16, finite", all(np.isfinite(v).all() for v in values.values()), True)
                        equal("float16, steps", values["after/global_step"].item(), 4 if counts else 0)
                    except (RuntimeError, tf.errors.OpError) as error:
                        failures.append("%s: %s" % (what, str(error)[:500]))
    for line in failures:
        print("FAILED " + line)
    print("%d checks of scaled trainings, %d failures" % (count, len(failures)))
    return 1 if failures or count < 16 * 8 else 0


if __name__ == "__main__":
    sys.exit(main())
