# TensorFlow's own pass beside amp-opt, and rewritten graphs run by TensorFlow.
# Runs under a Python that has TensorFlow; tools/check --with-tensorflow makes one.
#
#   with_tensorflow.py --amp-opt=PATH --data=test/data/tensorflow [--count=500] [--seed=N]
#
# 1. The recorded cases and fresh random graphs: the decisions of TensorFlow's pass,
#    called here, against those of amp-opt.
# 2. The cases that have kernels on the CPU: outputs of the rewritten graph against
#    those of the float32 one. The bound is the graph's own: every value that was
#    lowered, and every cast, is disturbed at random by the precision of its type, and
#    the outputs may differ by a small multiple of what that does to them.
#
# 3. The graphs that TensorFlow's pass breaks (hazards.py): the policy `tensorflow` breaks
#    them in the same way, what the default policy makes of them runs.
#
# What could not be compared or run is listed, by node and reason.

import argparse
import collections
import copy
import itertools
import json
import os
import random
import re
import sys
import tempfile

import real_pass  # noqa: I001  (sets the environment before TensorFlow is there)
import numpy as np
import tensorflow as tf
from tensorflow.python.framework import kernels as kernel_registry

import hazards
import painter
import random_graphdefs
import run_random

TRIALS, FACTOR = 6, 2.0
PRECISION = {"half": 2.0**-11, "bfloat16": 2.0**-8}


class Run:
    def __init__(self, args):
        sys.path.insert(0, args.data)
        import compare
        self.compare, self.args = compare, args
        self.opdefs = painter.load_opdefs(os.path.join(args.data, "opdefs.json.gz"))
        self.version = ".".join(tf.__version__.split(".")[:2])
        # The rules changed with 2.20.
        self.rules = "2.19" if tuple(map(int, self.version.split("."))) < (2, 20) else "2.21"
        self.seen, self.skipped, self.failures = collections.Counter(), [], 0

    def fail(self, name, what):
        self.failures += 1
        print("FAILED %s: %s" % (name, what[:500]))

    def skip(self, name, reason):
        self.skipped.append((name, reason))

    # ------------------------------------------------------------ 0. kernels

    def kernels(self):
        """The table of kernels against TensorFlow's registry: all ops, both devices, both types."""
        if not tf.__version__.startswith("2.21."):
            self.skip("the table of kernels", "it is that of TensorFlow 2.21")
            return
        for op, spec in sorted(self.opdefs.items()):
            registered = kernel_registry.get_registered_kernels_for_op(op).kernel
            for key, device, low in (("half_gpu", "GPU", "half"), ("bf16_gpu", "GPU", "bfloat16"),
                                     ("half_cpu", "CPU", "half"), ("bf16_cpu", "CPU", "bfloat16")):
                for attr, answer in spec.get(key, {}).items():
                    allowed = spec["attrs"].get(attr, {}).get("allowed")
                    if allowed and not {"float", low} <= set(allowed):
                        continue
                    entries = []
                    for k in registered:
                        admits = {c.name: constraint_values(c) for c in k.constraint}
                        if k.device_type in (device, "DEFAULT") and not k.label and low in admits.get(attr, [low]):
                            entries.append({n: v for n, v in admits.items() if n != attr})
                    self.seen["kernel facts compared"] += 1
                    if wrong := kernel_difference(spec, answer, entries):
                        self.fail("kernels of %s, %s, %s" % (op, key, attr), "where %s" % wrong)

    # ------------------------------------------------------------ 1. decisions

    def decisions(self, case, before, after):
        changed, ops, casts, _, gone = self.compare.decisions(before, after)
        return changed, ops, self.compare.cast_set(casts, case["mode"] != "cpu_fp16"), gone

    def compare_with_pass(self, name, graph, case, directory):
        """Equal, both an error, or a failure; None where TensorFlow could not say."""
        got, done = run_random.amp_opt(self.args.amp_opt, graph, case, self.rules, directory)
        if "reads elements of type" in done.stderr and got is None:
            self.skip(name, "TensorFlow's process would end: " + done.stderr.partition("error: ")[2].splitlines()[0])
            return None
        try:
            theirs = real_pass.to_json(real_pass.rewrite(real_pass.to_proto(graph), case))
        except Exception as problem:  # TensorFlow's own kinds of errors
            text = str(problem).strip().splitlines()[0] if str(problem).strip() else "no message"
            if got is None:
                self.seen["errors of both"] += 1
                return None
            # Errors of what runs around the pass, or of mode cpu, which wants producers first.
            if re.search("MLIR Graph Optimizer|frame|loop structure|raw_hash_map|Import|import", text):
                self.skip(name, "TensorFlow: " + text[:160])
            else:
                self.fail(name, "TensorFlow says %s, amp-opt nothing" % text)
            return None
        if got is None:
            self.fail(name, "amp-opt says %s, TensorFlow nothing" % done.stderr[-300:])
            return None
        functions = lambda g: {f["signature"]["name"]: f.get("nodeDef", []) for f in g.get("library", {}).get("function", [])}
        before, mine, other = functions(graph), functions(got), functions(theirs)
        parts = [("main", graph["node"], got["node"], theirs["node"])]
        # A function that TensorFlow made anew for one call, or dropped, is not compared.
        parts += [(k, before[k], mine[k], other[k]) for k in before if k in other]
        for where, a, b, c in parts:
            x, y = self.decisions(case, a, b), self.decisions(case, a, c)
            # What runs around TensorFlow's pass drops loops without effect that nothing reads.
            if x[:3] != y[:3] or x[3]:
                self.fail(name, "%s: %s is not TensorFlow's %s" % (where, x, y))
                return None
        self.seen["graphs with equal decisions"] += 1
        return got

    # ------------------------------------------------------------ 2. outputs

    def disturbed(self, graph, rewritten, unit):
        """The float32 graph with noise where the rewritten one rounds; its nodes by name."""
        # Of all outputs of lowered nodes, and of what a cast reads.
        out, noise = copy.deepcopy(graph), {}
        before = {n["name"]: n for n in graph["node"]}
        for n in rewritten["node"]:
            if n["name"] not in before:
                source = n["input"][0]
                noise[source if ":" in source else source + ":0"] = True
                continue
            a, b = self.compare.types(before[n["name"]]), self.compare.types(n)
            if any(a.get(k) != v for k, v in b.items()):
                spec = self.opdefs.get(before[n["name"]]["op"])
                if spec is None:
                    return None
                node = painter.Node(before[n["name"]], spec)
                for port, key in enumerate(node.outputs):
                    name = key[0] + ("[%d]" % key[1] if key[1] >= 0 else "")
                    if node.type_of(key) == "float" and a.get(name) != b.get(name, a.get(name)):
                        noise["%s:%d" % (n["name"], port)] = True
        names = {}
        added = []
        for i, key in enumerate(sorted(noise)):
            source = before.get(key.partition(":")[0])
            if source is None or source["op"] in ("NextIteration", "Merge", "Enter", "Switch", "Exit", "Variable", "VariableV2"):
                continue
            stem = "noise/%d/" % i
            control = ["^" + key.partition(":")[0]]
            shape = {"name": stem + "shape", "op": "Shape", "input": [key], "attr": {
                "T": {"type": "DT_FLOAT"}, "out_type": {"type": "DT_INT32"}}}
            uniform = {"name": stem + "uniform", "op": "RandomUniform", "input": [stem + "shape"], "attr": {
                "T": {"type": "DT_INT32"}, "dtype": {"type": "DT_FLOAT"}}}
            # Half precision has few small numbers, and some kernels round a value near 1 on their way: exp(x) - 1.
            small = unit if source["op"] in ("Elu", "Selu", "EluGrad", "SeluGrad", "LogSoftmax", "Softplus") else 2.0**-24
            const = lambda what, v: {"name": stem + what, "op": "Const", "input": control, "attr": {
                "dtype": {"type": "DT_FLOAT"}, "value": {"tensor": {"dtype": "DT_FLOAT", "tensorShape": {}, "floatVal": [v]}}}}
            two = lambda what, op, x, y: {"name": stem + what, "op": op, "input": [x, y], "attr": {"T": {"type": "DT_FLOAT"}}}
            added += [shape, uniform, const("scale", 2 * unit), const("shift", 1 - unit),
                      two("scaled", "Mul", stem + "uniform", stem + "scale"),
                      two("factor", "AddV2", stem + "scaled", stem + "shift"), two("times", "Mul", key, stem + "factor"),
                      const("small", 2 * small), const("least", -small),
                      two("more", "Mul", stem + "uniform", stem + "small"),
                      two("centred", "AddV2", stem + "more", stem + "least"),
                      two("out", "AddV2", stem + "times", stem + "centred")]
            names[key] = stem + "out"
        for n in out["node"]:
            n["input"] = [names.get(s if ":" in s else s + ":0", s) if not s.startswith("^") else s
                          for s in n.get("input", [])]
        out["node"] += added
        return out

    def evaluate(self, graph, case, feeds, seeded=True):
        """The float outputs of the fetches, or an exception."""
        proto = real_pass.to_proto(graph)
        for n in proto.node:
            n.device = ""
            if seeded and "seed" in n.attr and not n.name.startswith("noise/"):
                n.attr["seed"].i, n.attr["seed2"].i = 3, 5
        values = initializers(proto)
        with tf.Graph().as_default() as g:
            tf.import_graph_def(proto, name="")
            config = tf.compat.v1.ConfigProto(allow_soft_placement=True)
            # Nothing is folded or fused: the graphs are run as they are.
            options = config.graph_options.rewrite_options
            options.disable_meta_optimizer = True
            with tf.compat.v1.Session(graph=g, config=config) as session:
                wanted = []
                for f in case["fetches"]:
                    op = g.get_operation_by_name(f.split(":")[0])
                    wanted += [t for t in op.outputs if t.dtype in (tf.float32, tf.float16, tf.bfloat16, tf.float64)]
                if not wanted:
                    raise ValueError("no fetch has a floating value")
                for name, value in values.items():
                    session.run(g.get_operation_by_name("start/" + name), {g.get_tensor_by_name("value/%s:0" % name): value})
                given = {g.get_tensor_by_name(k): v for k, v in feeds.items()}
                return [np.asarray(v, dtype=np.float64) for v in session.run(wanted, given)]

    def feeds(self, graph):
        rng = np.random.default_rng(11)
        feeds = {}
        for n in graph["node"]:
            if n["op"] != "Placeholder":
                continue
            word = painter.type_word(n["attr"]["dtype"]["type"])
            dims = [max(int(d.get("size", 0)), -1) for d in n["attr"].get("shape", {}).get("shape", {}).get("dim", [])]
            dims = [8 if d < 0 else d for d in dims]
            if word in ("int32", "int64"):
                feeds[n["name"] + ":0"] = rng.integers(0, 2, dims).astype(word)
            elif word == "bool":
                feeds[n["name"] + ":0"] = np.ones(dims, bool)
            elif word in ("float", "double", "half"):
                feeds[n["name"] + ":0"] = rng.uniform(-1, 1, dims).astype(
                    {"float": "float32", "double": "float64", "half": "float16"}[word])
        return feeds

    def check_outputs(self, name, graph, case, got):
        if case["env"].get("LEVEL", "").upper() == "UNSAFE_FORCE_ALL":
            self.skip(name, "the level UNSAFE_FORCE_ALL promises nothing of the outputs")
            return
        unit = PRECISION["bfloat16" if case["mode"] == "bf16" else "half"]
        changed = any(n.get("attr") != m.get("attr") for n, m in zip(
            graph["node"], [x for x in got["node"] if not self.compare.CAST.search(x["name"])]))
        if not changed and not got.get("library"):
            self.skip(name, "nothing was lowered")
            return
        feeds = self.feeds(graph)
        try:
            reference = self.evaluate(graph, case, feeds)
        except Exception as problem:
            self.skip(name, "the float32 graph: " + reason(problem))
            return
        noisy = self.disturbed(graph, got, 2 * unit)
        if noisy is None:
            self.skip(name, "a call of a function was lowered")
            return
        try:
            outputs = self.evaluate(got, case, feeds)
        except Exception as problem:
            self.skip(name, "the rewritten graph: " + reason(problem))
            return
        bounds = [np.zeros_like(r) for r in reference]
        for _ in range(TRIALS):
            for bound, value, r in zip(bounds, self.evaluate(noisy, case, feeds), reference):
                np.maximum(bound, np.abs(value - r).max() if value.size else 0, out=bound)
        worst = 0.0
        for a, r, bound in zip(outputs, reference, bounds):
            if a.shape != r.shape:
                self.fail(name, "an output of shape %s, not %s" % (a.shape, r.shape))
                return
            limit = FACTOR * bound + 4 * unit * np.abs(r) + 1e-6
            if not np.all(np.isfinite(a) == np.isfinite(r)):
                self.fail(name, "outputs that are not finite")
                return
            with np.errstate(invalid="ignore", divide="ignore"):
                ratio = np.nanmax(np.where(np.isfinite(r), np.abs(a - r) / limit, 0)) if a.size else 0
            worst = max(worst, float(ratio))
        self.seen["graphs run"] += 1
        self.seen["outputs compared"] += len(outputs)
        print("ran %s: %d outputs, the largest error is %.3g of its bound" % (name, len(outputs), worst))
        if worst > 1:
            self.fail(name, "an output differs by %.3g of its bound" % worst)

    # ------------------------------------------------------------ all

    def cases(self, directory):
        load = self.compare.load
        for folder, _, files in sorted(os.walk(os.path.join(self.args.data, "cases"))):
            if "case.json" not in files:
                continue
            graph = load(os.path.join(folder, "input.json"))
            if graph is None:
                graph = load(os.path.join(os.path.dirname(os.path.dirname(folder)), "input.json"))
            case = load(os.path.join(folder, "case.json"))
            name = os.path.relpath(folder, os.path.join(self.args.data, "cases"))
            # Read once in a process, so the real pass would keep it.
            if "IGNORE_PERFORMANCE" in case.get("env", {}) or "SIMULATE_GPU" in case.get("env", {}):
                self.skip(name, "an environment variable that TensorFlow reads once in a process")
                continue
            for key in ("fetches", "feeds", "keep"):
                case.setdefault(key, [])
            case.setdefault("env", {})
            case.setdefault("cluster", painter.default_case()["cluster"])
            got = self.compare_with_pass(name, graph, case, directory)
            if got is not None:
                self.check_outputs(name, graph, case, got)

    def random(self, directory):
        for i in range(self.args.count):
            rng = random.Random(self.args.seed * 1000003 + i)
            case, _ = random_graphdefs.random_case(rng)
            graph, found = random_graphdefs.random_graph(rng, self.opdefs, "", case, conditionals=False)
            self.compare_with_pass("random graph %d" % i, graph, dict(case, **found), directory)

    def runnable(self, directory):
        for i in range(self.args.run):
            rng = random.Random(self.args.seed * 1000003 + i)
            graph, case = random_graphdefs.runnable_graph(rng)
            name = "runnable graph %d (%s)" % (i, case["mode"])
            got = self.compare_with_pass(name, graph, case, directory)
            if got is not None:
                self.check_outputs(name, graph, case, got)

    def broken(self, directory):
        for name, (graph, fetches, mode) in hazards.graphs().items():
            case = dict(painter.default_case(), fetches=fetches, feeds=[], keep=[], mode=mode, env={})
            case["cluster"] = dict(case["cluster"], gpu=mode == "fp16")
            self.compare_with_pass(name, graph, case, directory)
            got, done = run_random.amp_opt(self.args.amp_opt, graph, case, self.rules, directory, policy="default")
            if got is None or "warning:" in done.stderr:
                self.fail(name, "the default policy says: " + done.stderr)
                continue
            feeds = self.feeds(graph)
            try:
                reference, outputs = self.evaluate(graph, case, feeds), self.evaluate(got, case, feeds)
            except Exception as problem:
                self.fail(name, "with the default policy: " + str(problem))
                continue
            # A product of small matrices, or several: roundings do not add up to more.
            tolerance = 64 * PRECISION["bfloat16" if mode == "bf16" else "half"]
            error = max(np.max(np.abs(a - b)) / np.max(np.abs(b)) for a, b in zip(outputs, reference))
            self.seen["graphs that TensorFlow's pass breaks, run with the default policy"] += 1
            print("ran %s: the largest error is %.3g" % (name, error))
            if not error <= tolerance:
                self.fail(name, "an output differs by %.3g" % error)


def constraint_values(constraint):
    values = constraint.allowed_values.list
    names = {"float32": "float", "float16": "half", "float64": "double"}
    types = [tf.as_dtype(t).name for t in values.type]
    return ([names.get(t, t) for t in types] or [s.decode() for s in values.s] or [str(i) for i in values.i] or
            [str(b) for b in values.b])


def kernel_difference(spec, answer, entries):
    """The values of other attributes for which the table and the registry disagree, or None."""
    listed = [{}] if answer is True else [] if answer is False else answer
    names = sorted({n for e in list(listed) + entries for n in e})
    domains = []
    for n in names:
        attr = spec["attrs"].get(n, {})
        # Types and strings are what our table can say; no op of a list asks for numbers.
        if attr.get("type") in ("bool", "int"):
            return None
        values = {str(v) for v in attr.get("allowed") or ["another"]}
        values.update(v for e in entries for v in e.get(n, []))
        domains.append(sorted(values))
    for values in itertools.islice(itertools.product(*domains), 5000):
        point = dict(zip(names, values))
        holds = lambda es: any(all(point[n] in map(str, e[n]) for n in e) for e in es)
        if holds(listed) != holds(entries):
            return point
    return None


def initializers(proto):
    """Adds an assignment for each variable; their values, the same for the same names."""
    values = {}
    for n in list(proto.node):
        if n.op not in ("VarHandleOp", "Variable", "VariableV2"):
            continue
        kind = tf.as_dtype(n.attr["dtype"].type)
        shape = [d.size for d in n.attr["shape"].shape.dim]
        rng = np.random.default_rng(sum(map(ord, n.name)))
        if not kind.is_floating:
            values[n.name] = np.ones(shape, kind.as_numpy_dtype)
        elif len(shape) > 1 and not re.search("RMS|Momentum|Adam|accum|slot", n.name):
            values[n.name] = rng.normal(0, np.prod(shape[:-1]) ** -0.5, shape).astype(kind.as_numpy_dtype)
        else:
            # Biases, variances, what an optimizer keeps.
            values[n.name] = rng.uniform(0.05, 0.15, shape).astype(kind.as_numpy_dtype)
        value = proto.node.add(name="value/" + n.name, op="Placeholder")
        value.attr["dtype"].type = n.attr["dtype"].type
        value.attr["shape"].CopyFrom(n.attr["shape"])
        start = proto.node.add(name="start/" + n.name, input=[n.name, value.name])
        start.op = "AssignVariableOp" if n.op == "VarHandleOp" else "Assign"
        start.attr["dtype" if n.op == "VarHandleOp" else "T"].type = n.attr["dtype"].type
    return values


def reason(problem):
    text = " ".join(str(problem).split())
    found = re.search(r"(No OpKernel was registered.{0,60}|uninitialized.{0,80}|\{\{node [^}]*\}\}.{0,120})", text)
    return (text[:120] + ' … ' + found.group(0) if found else text)[:300]


def main():
    parser = argparse.ArgumentParser(description="amp-opt beside TensorFlow")
    parser.add_argument("--amp-opt", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--count", type=int, default=500, help="random graphs")
    parser.add_argument("--run", type=int, default=100, help="random graphs that are also run")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    args = parser.parse_args()
    run = Run(args)
    print("TensorFlow %s, rules of %s, seed %d" % (tf.__version__, run.rules, args.seed))
    with tempfile.TemporaryDirectory() as directory:
        run.kernels()
        run.cases(directory)
        run.random(directory)
        run.runnable(directory)
        run.broken(directory)
    for name, why in run.skipped:
        print("not compared or run: %s: %s" % (name, why))
    print("%s, %d not compared or run, %d failures" %
          (", ".join("%d %s" % (v, k) for k, v in sorted(run.seen.items())), len(run.skipped), run.failures))
    enough = run.seen["graphs with equal decisions"] >= args.count // 2 and run.seen["graphs run"] >= 8
    return 1 if run.failures or not enough else 0


if __name__ == "__main__":
    sys.exit(main())
