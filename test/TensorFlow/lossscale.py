# Loss scaling of TensorFlow training graphs. A small interpreter of TensorFlow 1's
# dataflow (dead branches and merges included) runs what amp-opt adds, against
# the sequences that TensorFlow's own tests of its loss scale expect.
#
#   lossscale.py --amp-opt=PATH

import argparse
import base64
import json
import math
import os
import struct
import subprocess
import sys
import tempfile

from graph_json import node

FLT_MAX = 3.4028234663852886e38
DEAD = object()


def f32(value):
    if math.isinf(value) or math.isnan(value):
        return value
    try:
        return struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)


F, I32, I64, RES = ({"type": "DT_" + t} for t in ("FLOAT", "INT32", "INT64", "RESOURCE"))


def const(name, dtype, key, value, *inputs):
    return node(name, "Const", inputs, dtype={"type": dtype},
                value={"tensor": {"dtype": dtype, "tensorShape": {}, key: [value]}})


def variable(name, dtype=F):
    return [node(name, "VarHandleOp", dtype=dtype, shape={"shape": {}}, shared_name={"s": ""}),
            node(name + "/Read", "ReadVariableOp", [name], dtype=dtype),
            node(name + "/Assign", "AssignVariableOp", [name, name + "/initial"], dtype=dtype)]


def training_graph(scope="gradients/", clip=False, loss="loss", suffix=""):
    """loss = x * w; the optimizer subtracts the gradient, which is x."""
    gradient = scope + loss + "_grad/Mul"
    behind = gradient
    nodes = [node(loss, "Mul", ["x", "w/Read"], T=F),
             const(scope + "grad_ys_0/Const", "DT_FLOAT", "floatVal", 1.0),
             const(scope + "Shape", "DT_INT32", "intVal", 0),
             node(scope + "grad_ys_0", "Fill", [scope + "Shape", scope + "grad_ys_0/Const"], T=F, index_type=I32),
             node(gradient, "Mul", [scope + "grad_ys_0", "x"], T=F)]
    if clip:
        nodes += [const("limit", "DT_FLOAT", "floatVal", 0.5), node("clip", "Minimum", [gradient, "limit"], T=F)]
        behind = "clip"
    op = "train_op" + suffix
    nodes += [const(op + "/learning_rate", "DT_FLOAT", "floatVal", 1.0),
              node(op + "/update_w/ResourceApplyGradientDescent", "ResourceApplyGradientDescent",
                   ["w", op + "/learning_rate", behind], T=F),
              node(op + "/update", "NoOp", ["^" + op + "/update_w/ResourceApplyGradientDescent"]),
              const(op + "/Const", "DT_INT64", "int64Val", "1", "^" + op + "/update"),
              node(op, "AssignAddVariableOp", ["global_step", op + "/Const"], dtype=I64)]
    return nodes


def common():
    return ([node("x", "Placeholder", dtype=F)] + variable("w") + variable("global_step", I64) +
            [const("w/initial", "DT_FLOAT", "floatVal", 0.0), const("global_step/initial", "DT_INT64", "int64Val", "0"),
             node("init", "NoOp", ["^w/Assign", "^global_step/Assign"])])


def graph(*nodes):
    return {"node": [n for part in nodes for n in (part if isinstance(part, list) else [part])]}


class Reference:
    """To a variable of TensorFlow 1."""

    def __init__(self, variables, name):
        self.variables, self.name = variables, name


class Session:
    """Runs nodes. A value is a number or a list of numbers; a resource is its name."""

    def __init__(self, g, variables=None):
        self.nodes = {n["name"]: n for n in g["node"]}
        self.variables = {} if variables is None else variables

    def run(self, *wanted, **feeds):
        self.done, self.feeds = {}, feeds
        return [self.value(name) for name in wanted]

    def value(self, text):
        text = text.lstrip("^")
        name, _, port = text.partition(":")
        if name not in self.done:
            sys.setrecursionlimit(10000)
            self.done[name] = self.compute(self.nodes[name])
        out = self.done[name]
        return out[int(port or 0)] if isinstance(out, tuple) else out

    def compute(self, n):
        op, texts = n["op"], n.get("input", [])
        if op == "Merge":
            data = [self.value(t) for t in texts if t[0] != "^"]
            alive = [d for d in data if d is not DEAD]
            assert len(alive) <= 1, n["name"]
            return (alive[0], 0) if alive else (DEAD, DEAD)
        # Control inputs first, so that updates happen in an order that they allow.
        waits = [self.value(t) for t in texts if t[0] == "^"]
        data = [self.value(t) for t in texts if t[0] != "^"]
        if any(v is DEAD for v in waits + data):
            return (DEAD, DEAD) if op.endswith("Switch") else DEAD
        return self.kernel(n, op, data)

    def kernel(self, n, op, data):
        attr = n.get("attr", {})
        real = attr.get("T", F) == F
        a = data[0] if data else None
        b = data[1] if len(data) > 1 else None
        if op == "Placeholder":
            return self.feeds[n["name"]]
        if op == "Const":
            tensor = attr["value"]["tensor"]
            for key, kind in (("floatVal", lambda v: f32(float(v))), ("intVal", int), ("int64Val", int)):
                if key in tensor:
                    return kind(tensor[key][0])
            return 0
        if op == "VarHandleOp":
            return base64.b64decode(attr["shared_name"]["s"]).decode() or n["name"]
        if op == "ReadVariableOp":
            return self.variables[a]
        if op == "NoOp":
            return True
        if op == "AssignVariableOp":
            self.variables[a] = b
            return True
        if op in ("AssignAddVariableOp", "AssignSubVariableOp"):
            self.variables[a] += b if op == "AssignAddVariableOp" else -b
            return True
        if op == "VarIsInitializedOp":
            return a in self.variables
        if op == "VariableV2":
            return Reference(self.variables, n["name"])
        if op in ("AssignAdd", "AssignSub", "ApplyGradientDescent"):
            change = b if op == "AssignAdd" else -b if op == "AssignSub" else -f32(b * data[2])
            self.variables[a.name] += change
            return a
        if op == "ResourceApplyGradientDescent":
            self.variables[a] = f32(self.variables[a] - f32(b * data[2]))
            return True
        if op in ("Switch", "RefSwitch"):
            return (DEAD, a) if b else (a, DEAD)
        if op == "Identity":
            return a.variables[a.name] if isinstance(a, Reference) else a
        if op == "Fill":
            return b
        if op == "Rank":
            return 1 if isinstance(a, list) else 0
        if op == "Range":
            return list(range(a, b, data[2]))
        if op == "Pack":
            return data
        if op == "All":
            return all(a) if isinstance(a, list) else a
        if op == "IsFinite":
            return math.isfinite(a)
        if op == "RealDiv":
            return f32(a / b)
        result = {"Mul": lambda: a * b, "AddV2": lambda: a + b, "Maximum": lambda: max(a, b), "Neg": lambda: -a,
                  "Minimum": lambda: min(a, b), "GreaterEqual": lambda: a >= b, "Cast": lambda: a}[op]()
        return f32(result) if real and op != "GreaterEqual" else result


# What loss_scale_test.py of TensorFlow expects: steps (T finite, F not), scale after each.
SEQUENCES = [
    ("increase", 1, 2, 2, "TTTTTT", [1, 2, 2, 4, 4, 8]),
    ("capped", f32(FLT_MAX / 4), 2, 2, "TTTTTT",
     [f32(FLT_MAX / 4), f32(FLT_MAX / 2), f32(FLT_MAX / 2), FLT_MAX, FLT_MAX, FLT_MAX]),
    ("decrease", 1024, 2, 2, "FFFFFF", [512, 256, 128, 64, 32, 16]),
    ("until one", 16, 2, 2, "FFFFFF", [8, 4, 2, 1, 1, 1]),
    ("nan clears", 1, 2, 2, "TTTFT", [1, 2, 2, 1, 1]),
    ("period 1", 1, 1, 2, "TTTFTT", [2, 4, 8, 4, 8, 16]),
    ("alternating 1", 1, 1, 2, "TFTFTFTFT", [2, 1, 2, 1, 2, 1, 2, 1, 2]),
    ("alternating 2", 32, 2, 2, "TFTFTFT", [32, 16, 16, 8, 8, 4, 4]),
    ("mix", 4, 2, 2, "FTTTFTFTTTF", [2, 2, 4, 4, 2, 2, 1, 1, 2, 2, 1]),
    # TensorFlow divides by the multiplier, here 3: 12/3 is exact.
    ("multiplier 3", 4, 2, 3, "TTFTT", [4, 12, 4, 4, 12]),
]


def run_program(program, *flags):
    return subprocess.run([program] + list(flags), capture_output=True, text=True, timeout=60)


def rewritten(program, folder, g, *flags):
    """What amp-opt said of the graph, and what it made of it: None where it wrote nothing."""
    source, out = os.path.join(folder, "in.json"), os.path.join(folder, "out.json")
    if os.path.exists(out):
        os.remove(out)
    with open(source, "w", encoding="utf-8") as f:
        json.dump(g, f)
    done = run_program(program, source, "-o", out, *flags)
    if not os.path.exists(out):
        return done, None
    with open(out, encoding="utf-8") as f:
        return done, json.load(f)


def main():
    parser = argparse.ArgumentParser(description="loss scaling of GraphDefs")
    parser.add_argument("--amp-opt", required=True)
    args = parser.parse_args()
    failures = []
    count = 0

    def check(what, holds, more=""):
        nonlocal count
        count += 1
        if not holds:
            failures.append("%s: %s" % (what, more))

    with tempfile.TemporaryDirectory() as t:
        def rewrite(g, *flags):
            return rewritten(args.amp_opt, t, g, "--feed=x", *flags)

        for name, initial, period, factor, steps, expected in SEQUENCES:
            for clip in (False, True):
                spec = "--loss-scale=dynamic:initial=%r,growth_steps=%d,growth=%d" % (initial, period, factor)
                backoff = 1 / factor
                done, g = rewrite(graph(common(), training_graph(clip=clip)), "--policy=none", "--fetch=loss,train_op",
                                  spec + ",backoff=%r" % backoff)
                if g is None:
                    check(name, False, done.stderr)
                    continue
                check(name + " says what it found",
                      "loss scale: loss 'loss', found by its gradients in 'gradients/': 1 gradient" in done.stderr and
                      "the loss scale is initialized by 'init'" in done.stderr, done.stderr)
                session = Session(g)
                session.run("init")
                w = good = 0
                scales = []
                for step in steps:
                    x = 0.25 if step == "T" else math.nan
                    loss, end = session.run("loss", "train_op", x=x)
                    check(name + " ends", end is True)
                    w, good = (w - x, good + 1) if step == "T" else (w, good)
                    scales.append(session.variables["current_loss_scale"])
                    check(name + " applies", session.variables["w"] == w, "%r for %r" % (session.variables["w"], w))
                    check(name + " counts", session.variables["global_step"] == good)
                wanted = [f32(v) for v in expected]
                near = all(abs(a - b) <= 1e-6 * b for a, b in zip(scales, wanted))
                check(name, near and len(scales) == len(wanted), "%r for %r" % (scales, wanted))
                if factor == 2:
                    check(name + " to the bit", scales == wanted, scales)

        # A fixed scale: no check, no variables, and a gradient that is not finite is applied.
        done, g = rewrite(graph(common(), training_graph()), "--policy=none", "--fetch=loss,train_op", "--loss-scale=8")
        session = Session(g)
        session.run("init")
        session.run("loss", "train_op", x=2.0)
        check("fixed", session.variables["w"] == -2 and "current_loss_scale" not in session.variables)
        session.run("loss", "train_op", x=math.inf)
        check("fixed applies", session.variables["w"] == -math.inf and session.variables["global_step"] == 2)
        check("fixed has no conditional", not any(n["op"] in ("Switch", "IsFinite") for n in g["node"]))

        # What is added stays float32 whatever the policy lowers around it.
        matrix = graph(common(), training_graph())
        for n in matrix["node"]:
            if n["name"] in ("loss", "gradients/loss_grad/Mul"):
                n["op"] = "MatMul"
        for policy in ("tensorflow", "default"):
            done, g = rewrite(matrix, "--policy=" + policy, "--fetch=loss,train_op", "--loss=loss")
            check(policy, done.returncode == 0 and "loss scale: loss 'loss': 1 gradient" in done.stderr, done.stderr)
            text = json.dumps([n for n in g["node"] if n["name"].startswith("loss_scale/")])
            check(policy + " leaves it float32", "DT_HALF" not in text and len(g["node"]) > 80, text)
            after = {n["name"]: n for n in g["node"]}
            check(policy + " lowers the gradient",
                  after["gradients/loss_grad/Mul"]["attr"]["T"] == {"type": "DT_HALF"} and
                  "CastToFp32" in after["loss_scale/unscale/mul"]["input"][0], after["loss_scale/unscale/mul"])

        # Two losses: one must be named, and only its gradients change.
        two = graph(common(), training_graph(), training_graph("gradients_1/", loss="other", suffix="_1"))
        done, g = rewrite(two, "--policy=none", "--fetch=loss,other", "--loss=other", "--loss-scale=8")
        after = {n["name"]: n for n in g["node"]}
        check("one of two", after["gradients/loss_grad/Mul"]["input"][0] == "gradients/grad_ys_0" and
              after["gradients_1/other_grad/Mul"]["input"][0].startswith("gradients_1/loss_scale_grad/Mul"))

        one = graph(common(), training_graph())
        done, scaled = rewrite(one, "--policy=none", "--fetch=loss,train_op", "--loss-scale=dynamic")
        reads = graph(common(), training_graph(), node("late", "Neg", ["train_op/scaled_w"], T=F),
                      node("train_op/scaled_w", "Neg", ["train_op/read_w"], T=F),
                      node("train_op/read_w", "ReadVariableOp",
                           ["w", "^train_op/update_w/ResourceApplyGradientDescent"], dtype=F))
        half = graph(common(), training_graph())
        half["node"] += [node("half", "Cast", ["gradients/loss_grad/Mul"], SrcT=F, DstT={"type": "DT_HALF"})]
        half["node"][-1]["name"] = "gradients/half"
        half["node"] += [node("reads_half", "Identity", ["gradients/half"], T={"type": "DT_HALF"})]
        idle = graph(common(), training_graph()[:5], node("reads", "Identity", ["gradients/loss_grad/Mul"], T=F))
        unread = graph(common(), training_graph()[:5])
        taken = graph(common(), training_graph(), node("good_steps", "NoOp"))
        uninitialized = graph([n for n in common() if n["name"] != "init"], training_graph())
        double = graph(common(), training_graph())
        for n in double["node"]:
            if n["name"] == "gradients/grad_ys_0":
                n["attr"]["T"] = {"type": "DT_DOUBLE"}
        plain = {"node": common()}
        for name, g, flags, code, message in (
                ("loss", one, ["--loss=lose"], 1, "error: --loss: no node 'lose'"),
                ("no gradients", plain, ["--loss-scale=dynamic"], 1, "error: no gradients to scale"),
                ("several", two, ["--loss-scale=dynamic"], 1,
                 "error: the graph computes gradients of several losses: name one with --loss: 'loss' (gradients/) "
                 "'other' (gradients_1/)"),
                ("scaled", scaled, ["--loss-scale=dynamic"], 0,
                 "loss scale: the graph has a loss scale already, 'current_loss_scale': nothing is added"),
                ("value", reads, ["--loss-scale=dynamic"], 1,
                 "error: 'late' reads the value of 'train_op/scaled_w', which a skipped step does not have"),
                ("half", half, ["--loss-scale=dynamic"], 1, "error: gradient 'gradients/half' is half"),
                ("no optimizer", idle, ["--loss-scale=dynamic"], 1, "error: no optimizer takes the gradients"),
                ("no reader", unread, ["--loss-scale=dynamic"], 1, "error: no gradient leaves 'gradients/'"),
                ("name taken", taken, ["--loss-scale=dynamic"], 1,
                 "error: the graph has a node 'good_steps' that is no loss scale of TensorFlow's"),
                ("seed", double, ["--loss-scale=8"], 1, "error: 'gradients/grad_ys_0' is not float32"),
                ("no init", uninitialized, ["--loss-scale=dynamic"], 0,
                 "run 'current_loss_scale/Assign' and 'good_steps/Assign' before the first step"),
                ("bfloat16", one, ["--loss=loss", "--target=bfloat16"], 0, "note: --loss: bfloat16 needs no loss scale"),
                ("missing", one, [], 0, "warning: the graph trains in float16 without loss scaling"),
                ("none", one, ["--loss-scale=none"], 0, "lowered 0 of"),
                ("max", one, ["--loss-scale=dynamic:initial=4,max=8"], 2, "TensorFlow's loss scale knows no max"),
                ("syntax", one, ["--loss-scale=dynamite"], 2, "error: --loss-scale: "),
                ("no-amp", one, ["--loss=loss", "--no-amp"], 2, "--no-amp rewrites nothing"),
        ):
            wanted = [] if "--no-amp" in flags else ["--fetch=x"]
            done, out = rewrite(g, *(wanted + flags))
            check(name, done.returncode == code and message in done.stderr,
                  "exit %d: %s" % (done.returncode, done.stderr))
            check(name + " output", (out is None) == (code != 0))
            if "none" in str(flags):
                check("none is silent", "loss scal" not in done.stderr, done.stderr)
    for line in failures:
        print(line)
    print("%d checks, %d failures" % (count, len(failures)))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
