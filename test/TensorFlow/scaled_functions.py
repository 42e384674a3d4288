# Loss scaling in functions of a library, in SavedModels, and of optimizers that no
# name tells: what amp-opt adds is run by the interpreter of lossscale.py.
#
#   scaled_functions.py --amp-opt=PATH

import argparse
import base64
import copy
import json
import math
import os
import sys
import tempfile

from graph_json import node
from lossscale import (F, I32, I64, RES, SEQUENCES, Session, common, const, f32, graph, rewritten, run_program,
                       training_graph)

# Outputs of ops as functions name them; "output" and the like are the only one.
PORTS = {"output_true": 1, "value_index": 1}


def step_function(name="step", extra=(), returns=None, control=("update", "count"), counts="AssignAddVariableOp"):
    """loss = x * w under a GradientTape; m += gradient; w -= m, as read behind that."""
    nodes = [node("read", "ReadVariableOp", ["w"], dtype=F),
             node("loss", "Mul", ["x", "read:value:0"], T=F),
             const("ones", "DT_FLOAT", "floatVal", 1.0),
             node("gradient_tape/loss/Mul", "Mul", ["ones:output:0", "x"], T=F),
             node("read_step", "ReadVariableOp", ["steps"], dtype=I64),
             node("cast", "Cast", ["read_step:value:0"], SrcT=I64, DstT=F),
             node("none", "Mul", ["cast:y:0", "zero:output:0"], T=F),
             const("zero", "DT_FLOAT", "floatVal", 0.0),
             node("slot", "AssignVariableOp", ["m", "gradient_tape/loss/Mul:z:0"], dtype=F),
             node("slot/Read", "ReadVariableOp", ["m", "^slot"], dtype=F),
             node("sum", "AddV2", ["slot/Read:value:0", "none:z:0"], T=F),
             node("update", "AssignSubVariableOp", ["w", "sum:z:0", "^read"], dtype=F),
             const("one", "DT_INT64", "int64Val", "1"),
             node("count", "AssignAddVariableOp", ["steps", "one:output:0", "^read_step"], dtype=I64),
             node("other", "AssignAddVariableOp", ["calls", "one:output:0"], dtype=I64),
             node("wait", "NoOp", ["^update", "^count", "^other"]),
             node("end", "Identity", ["loss:z:0", "^wait"], T=F)] + list(extra)
    arguments = [{"name": "x", "type": "DT_FLOAT"}] + [{"name": v, "type": "DT_RESOURCE"} for v in ("w", "m", "steps",
                                                                                                    "calls")]
    for n in nodes:
        if n["name"] == "count":
            n["op"] = counts
    returns = returns or {"loss": "end:output:0"}
    return {"signature": {"name": name, "inputArg": arguments, "isStateful": True,
                          "controlOutput": list(control) + ["other"],
                          "outputArg": [{"name": r, "type": "DT_FLOAT"} for r in returns]},
            "nodeDef": nodes, "ret": returns, "controlRet": {c: c for c in list(control) + ["other"]}}


def body_graph(function):
    """The body as a graph for the interpreter, its arguments fed."""
    g = copy.deepcopy(function)
    arguments = {a["name"] for a in g["signature"]["inputArg"]}

    def flat(text):
        if text[0] == "^" or text in arguments:
            return text
        name, output, index = text.split(":")
        assert index == "0" or output in ("output",), text
        return "%s:%d" % (name, PORTS.get(output, int(index)))
    for n in g["nodeDef"]:
        n["input"] = [flat(i) for i in n.get("input", [])]
    ends = [node("return/" + r, "Identity", [flat(v)], T=F) for r, v in g["ret"].items()]
    return {"node": [node(a, "Placeholder") for a in arguments] + g["nodeDef"] + ends}


class Function:
    """Runs the body with variables that outlive the call."""

    def __init__(self, function):
        self.graph, self.function = body_graph(function), function
        self.variables = {"w": 0.0, "m": 0.0, "steps": 0, "calls": 0}

    def __call__(self, x):
        session = Session(self.graph, self.variables)
        wanted = ["return/" + r for r in self.function["ret"]] + sorted(set(self.function["controlRet"].values()))
        return session.run(*wanted, x=x, w="w", m="m", steps="steps", calls="calls")

    def scale(self):
        return [v for k, v in self.variables.items() if k.endswith("/current_loss_scale")]


def library(*functions, nodes=()):
    return {"node": list(nodes) or [node("n", "NoOp")], "library": {"function": list(functions)}}


def main():
    parser = argparse.ArgumentParser(description="loss scaling in functions and SavedModels")
    parser.add_argument("--amp-opt", required=True)
    args = parser.parse_args()
    failures, count = [], 0

    def check(what, holds, more=""):
        nonlocal count
        count += 1
        if not holds:
            failures.append("%s: %s" % (what, more))

    with tempfile.TemporaryDirectory() as t:
        def run(*flags):
            return run_program(args.amp_opt, *flags)

        def rewrite(g, *flags):
            return rewritten(args.amp_opt, t, g, *flags)

        # TensorFlow's sequences, in a function that reads its slot again behind the slot's update.
        for name, initial, period, factor, steps, expected in SEQUENCES:
            flag = "--loss-scale=dynamic:initial=%r,growth_steps=%d,growth=%d,backoff=%r" % (
                initial, period, factor, 1 / factor)
            done, g = rewrite(library(step_function()), "--policy=none", flag)
            check(name + " says what it found", "loss scale: function 'step': loss 'loss', found by its gradients in "
                  "'gradient_tape/': 1 gradient, scaled by a variable" in done.stderr, done.stderr)
            if g is None:
                continue
            function = Function(g["library"]["function"][0])
            w, good, scales = 0.0, 0, []
            for call, step in enumerate(steps):
                x = 0.25 if step == "T" else math.inf
                results = function(x)
                check(name + " ends", True in results[1:] and len(results) == 3, results)
                if step == "T":
                    w, good = w - x, good + 1
                v = function.variables
                check(name + " applies", abs(v["w"] - w) <= -1e-6 * w and
                      abs(v["m"] - (0.25 if good else 0.0)) <= 1e-6, v)
                check(name + " counts", v["steps"] == good and v["calls"] == call + 1, v)
                scales += function.scale()
            wanted = [f32(v) for v in expected]
            check(name, len(scales) == len(wanted) and all(abs(a - b) <= 1e-6 * b for a, b in zip(scales, wanted)),
                  "%r for %r" % (scales, wanted))

        # The same function twice shares one scale; another model has another.
        done, g = rewrite(library(step_function(), step_function("again")), "--policy=none", "--loss-scale=dynamic")
        names = [base64.b64decode(n["attr"]["shared_name"]["s"]).decode() for f in g["library"]["function"]
                 for n in f["nodeDef"] if n["op"] == "VarHandleOp"]
        check("one state", len(names) == 4 and len(set(names)) == 2 and done.stderr.count("loss scale: function") == 2,
              names)
        _, other = rewrite(library(step_function("third")), "--policy=none", "--loss-scale=dynamic")
        check("another state", not set(names) & {base64.b64decode(n["attr"]["shared_name"]["s"]).decode()
                                                 for n in other["library"]["function"][0]["nodeDef"]
                                                 if n["op"] == "VarHandleOp"})

        # A fixed scale, a variable that is returned, one of two functions by name, a counter that is assigned.
        done, g = rewrite(library(step_function(), step_function("again")), "--policy=none", "--loss-scale=8",
                          "--loss=again:loss")
        first, second = g["library"]["function"]
        function = Function(second)
        function(math.inf)
        check("fixed", len(first["nodeDef"]) == 17 and function.variables["w"] == -math.inf and
              "loss scale: function 'again': loss 'loss': 1 gradient, scaled by a constant" in done.stderr, done.stderr)
        reads = step_function(returns={"loss": "end:output:0", "slot": "slot/Read:value:0"})
        _, g = rewrite(library(reads), "--policy=none", "--loss-scale=dynamic:initial=4,growth_steps=1")
        function = Function(g["library"]["function"][0])
        check("read behind the step",
              function(0.5)[1] == 0.5 and function(math.nan)[1] == 0.5 and function.scale() == [4])
        assigns = step_function(extra=[node("next", "AddV2", ["read_step:value:0", "one:output:0"], T=I64)],
                                counts="AssignVariableOp")
        for n in assigns["nodeDef"]:
            if n["name"] == "count":
                n["input"][1] = "next:z:0"
        _, g = rewrite(library(assigns), "--policy=none", "--loss-scale=dynamic")
        function = Function(g["library"]["function"][0])
        function(math.inf)
        function(1.0)
        check("assigned counter", function.variables["steps"] == 1, function.variables)

        # What is added stays float32 among products in 16 bits.
        matrix = step_function()
        for n in matrix["nodeDef"]:
            if n["name"] in ("loss", "gradient_tape/loss/Mul"):
                n["op"] = "MatMul"
                n["name"] = n["name"].replace("loss/Mul", "loss/MatMul")
            n["input"] = [i.replace("loss:z", "loss:product").replace("tape/loss/Mul:z", "tape/loss/MatMul:product")
                          for i in n.get("input", [])]
        caller = [node("x", "Placeholder", dtype=F)] + [node(v, "VarHandleOp", dtype=F, shape={"shape": {}})
                                                         for v in ("w", "m", "steps", "calls")]
        caller.append(node("call", "StatefulPartitionedCall", ["x", "w", "m", "steps", "calls"],
                           f={"func": {"name": "step"}},
                           Tin={"list": {"type": ["DT_FLOAT"] + ["DT_RESOURCE"] * 4}}, Tout={"list": {"type": ["DT_FLOAT"]}}))
        for policy in ("tensorflow", "default"):
            done, g = rewrite(library(matrix, nodes=caller), "--fetch=call", "--loss=loss", "--policy=" + policy)
            nodes = {n["name"]: n for n in g["library"]["function"][0]["nodeDef"]}
            low = [k for k, n in nodes.items() if n.get("attr", {}).get("T") == {"type": "DT_HALF"}] if g else []
            check(policy, low == ["loss", "gradient_tape/loss/MatMul", "end"] and
                  "CastToFp32" in nodes["loss_scale/unscale/mul"]["input"][0], "%s %s" % (low, done.stderr))

        # Optimizers that no name tells, in a graph: found by what they write.
        def unnamed(reference):
            g = graph(common(), training_graph())
            for n in g["node"]:
                n["name"] = n["name"].replace("train_op/update_w/", "apply/")
                n["input"] = [i.replace("train_op/update_w/", "apply/") for i in n.get("input", [])]
                if reference and n["name"].startswith("apply/"):
                    n["op"], n["input"][0] = "ApplyGradientDescent", "v"
            g["node"].append(node("v", "VariableV2", dtype=F, shape={"shape": {}}))
            return g
        for reference in (False, True):
            g = unnamed(reference)
            if reference:
                g["node"].append(node("late", "Neg", ["apply/ResourceApplyGradientDescent"], T=F))
            done, g = rewrite(g, "--policy=none", "--fetch=loss,train_op", "--feed=x", "--loss-scale=dynamic:initial=4")
            check("unnamed", g is not None, done.stderr)
            if g is None:
                continue
            session = Session(g)
            session.variables["v"] = 0.0
            session.run("init")
            session.run("loss", "train_op", x=0.5)
            session.run("loss", "train_op", x=math.nan)
            trained = session.variables["v" if reference else "w"]
            check("unnamed skips", trained == -0.5 and session.variables["current_loss_scale"] == 2, session.variables)
            if reference:
                check("value read behind the step", session.run("late", x=0.5)[0] == 1.0)
        # One that is run by its own name, and a gradient that is.
        alone = graph(common(), [n for n in training_graph() if n["name"] not in
                                 ("train_op", "train_op/Const", "train_op/update")])
        done, g = rewrite(alone, "--policy=none", "--feed=x", "--loss-scale=dynamic:initial=4",
                          "--fetch=train_op/update_w/ResourceApplyGradientDescent,gradients/loss_grad/Mul:0")
        session = Session(g)
        session.run("init")
        check("fetched gradient", session.run("gradients/loss_grad/Mul", x=0.5) == [0.5])
        session.run("train_op/update_w/ResourceApplyGradientDescent", x=math.nan)
        check("run by name", session.variables == {"w": 0.0, "global_step": 0, "current_loss_scale": 2.0,
                                                   "good_steps": 0},
              session.variables)

        # Errors.
        compiled = step_function()
        compiled["attr"] = {"_XlaMustCompile": {"b": True}}
        value = step_function(extra=[node("negative", "Neg", ["sum:z:0"], T=F)],
                              returns={"loss": "end:output:0", "n": "negative:y:0"})
        twice = step_function(extra=[node("between", "AssignAddVariableOp", ["m", "sum:z:0"], dtype=F)],
                              returns={"loss": "end:output:0", "slot": "slot/Read:value:0"})
        half = step_function(extra=[node("gradient_tape/half", "Cast", ["gradient_tape/loss/Mul:z:0"], SrcT=F,
                                         DstT={"type": "DT_HALF"}),
                                    node("use", "Neg", ["gradient_tape/half:y:0"], T={"type": "DT_HALF"})])
        two = step_function(extra=[const("more/ones", "DT_FLOAT", "floatVal", 1.0),
                                   node("gradient_tape/more/Mul", "Mul", ["more/ones:output:0", "x"], T=F),
                                   node("more", "AssignAddVariableOp", ["w", "gradient_tape/more/Mul:z:0"], dtype=F)])
        only = step_function()
        only["nodeDef"] = [n for n in only["nodeDef"] if n["name"] in ("read", "loss", "ones",
                                                                       "gradient_tape/loss/Mul")]
        only.update(ret={"g": "gradient_tape/loss/Mul:z:0"}, controlRet={})
        only["signature"].update(outputArg=[{"name": "g", "type": "DT_FLOAT"}], controlOutput=[])
        loop = unnamed(False)
        loop["node"] += [node("turn", "NextIteration", ["again"], T=F), node("again", "Merge", ["turn", "start"], T=F,
                                                                             N={"i": "2"}),
                         node("start", "ReadVariableOp", ["w", "^apply/ResourceApplyGradientDescent"], dtype=F),
                         node("behind", "AssignVariableOp", ["w", "again"], dtype=F)]
        for name, g, flags, message in (
                ("compiled", library(compiled), [],
                 "error: function 'step' trains and is compiled by XLA (_XlaMustCompile)"),
                ("value", library(value), [],
                 "error: function 'step': 'negative' reads the value of 'sum', which a skipped "
                 "step does not have"),
                ("returned", library(step_function(returns={"loss": "end:output:0", "sum": "sum:z:0"})), [],
                 "error: function 'step': result 'sum' is the value of 'sum', which"),
                ("between", library(twice), [], "error: function 'step': result 'slot' is the value of 'slot/Read'"),
                ("half", library(half), [], "error: function 'step': gradient 'gradient_tape/half' is half"),
                ("two", library(two), [], "error: function 'step' computes gradients of several losses: name one with "
                 "--loss: 'loss' (ones) 'more' (more/ones)"),
                ("only gradients", library(only), [],
                 "error: no gradients to scale: no node 'gradients/grad_ys_0' starts "
                 "any, and no function of the library updates variables by a GradientTape's"),
                ("no update", library(only), ["--loss=loss"],
                 "error: function 'step': no optimizer takes the gradients"),
                ("no loss", library(step_function()), ["--loss=step:lose"], "error: --loss: no node 'step:lose'"),
                ("value fetched", unnamed(True), ["--fetch=apply/ResourceApplyGradientDescent:0,x,loss"], ""),
                ("loop", loop, ["--fetch=x"], "(NextIteration) is part of a loop around the updates of variables"),
        ):
            done, out = rewrite(g, "--loss-scale=dynamic", *flags)
            if message:
                check(name, done.returncode == 1 and message in done.stderr and out is None,
                      "exit %d: %s" % (done.returncode, done.stderr))
            else:
                fetched = {n["name"]: n for n in out["node"]}["apply/ResourceApplyGradientDescent"] if out else {}
                check(name, fetched.get("op") == "Identity" and fetched["input"][0] == "v", "%s %s" % (fetched,
                                                                                                       done.stderr))
        for g, flags, warns in ((library(step_function()), [], True), (library(only), [], False),
                                (library(step_function()), ["--loss-scale=none"], False)):
            done, out = rewrite(g, *flags)
            check("warning", ("the graph trains in float16 without loss scaling" in done.stderr) == warns, done.stderr)
        check_models(t, run, check)
    for line in failures:
        print(line)
    print("%d checks, %d failures" % (count, len(failures)))
    return 1 if failures else 0


def check_models(t, run, check):
    """SavedModels: of a graph of TensorFlow 1, with and without an op that the loader runs."""
    source = os.path.join(t, "graph.json")
    with open(source, "w", encoding="utf-8") as f:
        json.dump(graph(common(), training_graph()), f)
    done = run(source, "-o", os.path.join(t, "graph.pbtxt"), "--no-amp")
    check("model's graph", done.returncode == 0, done.stderr)
    with open(os.path.join(t, "graph.pbtxt"), encoding="utf-8") as f:
        text = f.read()
    tensor = '{ key: "%s" value { name: "%s" dtype: DT_FLOAT } }'
    signature = ('signature_def { key: "train" value { inputs ' + tensor % ("x", "x:0") + " outputs " +
                 tensor % ("loss", "loss:0") + " } }\n")
    train = 'signature_def { key: "__saved_model_train_op" value { outputs ' + tensor % ("op", "train_op") + " } }\n"
    loads = {"none": "",
             "signature": 'signature_def { key: "__saved_model_init_op" value { outputs ' + tensor % ("op",
                                                                                                      "main") + " } }\n"
                          'collection_def { key: "saved_model_main_op" value { node_list { value: "main" } } }\n',
             "collection": 'collection_def { key: "saved_model_main_op" value { node_list { value: "init" } } }\n',
             "legacy": 'collection_def { key: "legacy_init_op" value { node_list { value: "global_step/Assign" } } }\n'}
    for what, more in loads.items():
        model = os.path.join(t, what)
        os.mkdir(model)
        main = 'node { name: "main" op: "NoOp" }\n' if what == "signature" else ""
        with open(os.path.join(model, "saved_model.pbtxt"), "w", encoding="utf-8") as f:
            f.write('meta_graphs { meta_info_def { tags: "train" stripped_op_list { op { name: "Mul" } op { name: "NoOp" } } }\n'
                    "graph_def {\n" + text + main + '}\nsaver_def { restore_op_name: "init" }\n' + signature + train + more +
                    'collection_def { key: "variables" value { bytes_list { value: "\\n\\003w:0" } } }\n}\n'
                    'meta_graphs { meta_info_def { tags: "serve" } graph_def { node { name: "x" op: "Placeholder" '
                    'attr { key: "dtype" value { type: DT_FLOAT } } } } }\n')
        out = os.path.join(t, what + "_out")
        done = run(model, "-o", out, "--policy=none", "--loss-scale=dynamic")
        wanted = {"none": "loss_scale/init_op", "signature": "main", "collection": "init",
                  "legacy": "loss_scale/init_op"}[what]
        check(what,
              done.returncode == 0 and "loss scale: train: the loader initializes it by '%s'" % wanted in done.stderr,
              done.stderr)
        with open(os.path.join(out, "saved_model.pbtxt"), encoding="utf-8") as f:
            written = f.read()
        # The graph again, alone, for the interpreter.
        lines = written.split("  graph_def {\n")[1].split("\n  }\n")[0]
        with open(os.path.join(t, "again.pbtxt"), "w", encoding="utf-8") as f:
            f.write(lines)
        run(os.path.join(t, "again.pbtxt"), "-o", os.path.join(t, "again.json"), "--no-amp")
        with open(os.path.join(t, "again.json"), encoding="utf-8") as f:
            session = Session(json.load(f))
        session.variables.update(w=0.0, global_step=0)
        session.run(wanted)
        check(what + " initializes", session.variables.get("current_loss_scale") == 32768 and
              session.variables.get("good_steps") == 0, session.variables)
        session.run("loss", "train_op", x=math.inf)
        session.run("loss", "train_op", x=0.5)
        check(what + " trains", session.variables["w"] == -0.5 and session.variables["current_loss_scale"] == 16384 and
              session.variables["global_step"] == 1, session.variables)
        squeezed = " ".join(written.split())
        check(what + " variables", "current_loss_scale/Read/ReadVariableOp:0" in written and
              "good_steps/Assign" in squeezed.split('key: "variables"')[1].split("collection_def")[0], written[-2000:])
        if what in ("none", "signature"):
            check(what + " is found", '__saved_model_init_op' in written and 'value: "%s"' % wanted in written,
                  written[-2000:])
        check(what + " listed", all('op { name: "%s"' % op in squeezed for op in
                                    ("IsFinite", "Merge", "Switch", "RealDiv")), squeezed[:2000])


if __name__ == "__main__":
    sys.exit(main())
