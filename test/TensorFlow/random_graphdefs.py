# Random typed GraphDefs, as dicts in proto3 JSON form, over the ops of
# TensorFlow's table: loops of version 1, library functions and what calls them,
# tensor lists, reference and resource variables, devices, control inputs.
#
#   random_graphdefs.py --opdefs=FILE --seed=N    prints that graph and its case
#
# Shapes are not kept: nothing of the pass looks at them. runnable_graph makes
# graphs that TensorFlow can also run.

import argparse
import base64
import json
import random
import sys

import painter

# What is drawn generically: ports and types come from the table.
GENERIC = sorted((painter.ALLOW | painter.ALLOW_BATCH | painter.ALLOW_3D | painter.ALLOW_DEPTHWISE | painter.INFER_BF16 |
                  painter.DENY | painter.CLEAR | painter.CLEAR_BF16 | painter.words(
                      """BlockLSTM CudnnRNNV2 GRUBlockCell LSTMBlockCell LSTMBlockCellGrad FusedPadConv2D
                      FusedBatchNorm FusedBatchNormGrad
                      Cast Cos Sin Rint Atan2 Erfinv DivNoNan SparseMatMul RsqrtGrad Cumsum UnsortedSegmentSum
                      LogMatrixDeterminant RandomUniform BroadcastGradientArgs QuantizeV2 Dequantize L2Loss
                      ResourceApplyGradientDescent AssignVariableOp AssignAddVariableOp AssignSub
                      ApplyGradientDescent MatrixInverse Where TensorListLength TensorListResize""")) - painter.words(
                          """Enter Merge Switch Exit NextIteration While StatelessWhile SaveV2 _FusedBatchNormEx
                          Snapshot2 Einsum"""))
OFTEN = sorted(painter.words("""MatMul Conv2D BatchMatMulV2 Conv3D DepthwiseConv2dNative Relu Add AddV2 Mul BiasAdd Tanh
    Sigmoid Softmax FusedBatchNormV3 FusedBatchNorm Identity Reshape Exp Sum Mean Pow Neg MaxPool Cast ConcatV2 Pack
    StopGradient IdentityN Maximum Floor Abs"""))
NORMS = sorted(painter.words("""FusedBatchNorm FusedBatchNormGrad FusedBatchNormV2 FusedBatchNormGradV2 FusedBatchNormV3
    FusedBatchNormGradV3 _FusedBatchNormEx _FusedBatchNormGradEx"""))
# What lists are edited with, besides the ops on them. Arguments and results of functions are no ops to amp-opt
# (docs/Status.md), so `_Arg` and `_Retval` are left out.
OTHERS = painter.words("""Const Cast ReadVariableOp EmptyTensorList TensorListReserve TensorListResize F0 Rint Atan2
    PartitionedCall Placeholder Cos Cumsum VariableV2 LoopCond FusedBatchNorm NoOp SparseMatMul""")
MADE = painter.words("type list(type) int bool string float shape list(int) list(shape)")
DEVICES = ["", "/gpu:0", "/device:GPU:0", "/cpu:0", "/job:worker/replica:0/task:3/device:GPU:7", "/job:x",
           "/job:gpuworker/replica:0/task:0/device:CPU:0", "/job:localhost/replica:0/task:0/device:TPU:0", "/device:CPU:0",
           "/gpu:*", "/device:XLA_GPU:0", "/GPU:1", "/device:GPU", "/device:cpu:0"]
TYPES = ["float"] * 14 + ["half", "bfloat16", "double", "int32", "int64", "bool"]
EDITS = [("ALLOWLIST_ADD", "Cos"), ("ALLOWLIST_REMOVE", "MatMul"), ("INFERLIST_REMOVE", "Tanh"),
         ("DENYLIST_REMOVE", "Exp"), ("CLEARLIST_ADD", "Cumsum"), ("CLEARLIST_REMOVE", "Relu,Reshape"),
         ("BLACKLIST_ADD", "Sin"), ("WHITELIST_ADD", "Rint"), ("INFERLIST_ADD", "Atan2, Cos"), ("GRAYLIST_REMOVE", "Mul")]


def all_ops(opdefs, found=[]):
    """Ops that `generic` can make: their attributes are of simple kinds, and nothing is a reference or a function."""
    if not found:
        for op, spec in opdefs.items():
            needed = {a["type"] for a in spec["attrs"].values() if "default" not in a}
            refs = any(a.get("is_ref") for a in spec["inputs"] + spec["outputs"])
            if needed <= MADE and not refs and not op.startswith(("TPU", "Xla", "_")) and op not in (
                    "Placeholder", "Enter", "Exit", "Merge", "Switch", "NextIteration"):
                found.append(op)
        found.sort()
    return found


def dt(word):
    return {"type": "DT_" + word.upper()}


class Builder:
    """The nodes of a graph or of a body, in topological order but for loops."""

    def __init__(self, rng, opdefs, prefix, devices, functions=()):
        self.rng, self.opdefs, self.prefix, self.devices = rng, opdefs, prefix, devices
        self.functions = list(functions)
        self.nodes, self.tensors, self.count = [], [], 0
        # Of the loops around: what is made outside comes in through an Enter for each.
        self.frames, self.loops, self.conditionals = [], 0, True

    def pick(self, odds):
        return self.rng.random() < odds

    def node(self, op, inputs=(), outputs=(), **attrs):
        """Adds a node and returns its outputs, one for each type word."""
        self.count += 1
        data = {"name": "%s%s_%d" % (self.prefix, op.lower(), self.count), "op": op}
        if inputs:
            data["input"] = [t[0] for t in inputs]
        device = self.rng.choice(self.devices)
        if device:
            data["device"] = device
        if attrs:
            data["attr"] = attrs
        self.decorate(data)
        self.nodes.append(data)
        made = [(data["name"] + (":%d" % i if i else ""), t) for i, t in enumerate(outputs)]
        self.tensors += [t for t in made if "_ref" not in t[1]]
        return made

    def decorate(self, data):
        """What does not change anything: spellings, attributes for TensorFlow itself, odd names."""
        if self.pick(0.05):
            odd = "%s%s%d" % (self.prefix, self.rng.choice(["a/b/", "A.", "1x", "x-0-", "x"]), self.count)
            if all(n["name"] != odd for n in self.nodes):
                data["name"] = odd
        if self.pick(0.03):
            data["experimentalDebugInfo"] = {"originalNodeNames": ["o"]}
        if self.pick(0.05):
            data.setdefault("attr", {})["_output_shapes"] = {"list": {"shape": [{"unknownRank": True}]}}
        if self.pick(0.03):
            data.setdefault("attr", {})["_T"] = dt("float")
        if self.pick(0.08) and "input" in data and self.prefix:
            data["input"] = [s if ":" in s else s + ":0" for s in data["input"]]

    def source(self, word):
        """A value from outside of every loop."""
        tensors, frames = self.tensors, self.frames
        if not frames:
            return self.new_source(word)
        self.tensors, self.frames = [], []
        made = self.new_source(word)
        for frame in frames:
            made = self.node("Enter", [made], [made[1]], T=dt(made[1]), frame_name=frame, is_constant={"b": True})[0]
        self.tensors, self.frames = tensors + [made], frames
        return made

    def new_source(self, word):
        rng = self.rng
        if word == "resource":
            return self.node("VarHandleOp", (), ["resource"], dtype=dt("float"), shape={"shape": {}})[0]
        if word.endswith("_ref"):
            base = word[:-4]
            op = rng.choice(["Variable", "VariableV2"])
            return self.node(op, (), [word], dtype=dt(base), shape={"shape": {}})[0]
        if word == "variant":
            return self.tensor_list("float") if self.pick(0.9) else self.node(
                "Placeholder", (), ["variant"], dtype=dt("variant"), shape={"shape": {}})[0]
        kind = rng.random()
        if kind < 0.4 and word in ("float", "int32", "bool"):
            field = {"float": "floatVal", "int32": "intVal", "bool": "boolVal"}[word]
            value = {"float": 1.5, "int32": 2, "bool": True}[word]
            return self.node("Const", (), [word], dtype=dt(word), value={
                "tensor": {"dtype": "DT_" + word.upper(), "tensorShape": {}, field: [value]}})[0]
        if kind < 0.5 and word == "float":
            handle = self.source("resource")
            return self.node("ReadVariableOp", [handle], [word], dtype=dt(word))[0]
        if kind < 0.6 and word == "float":
            variable = self.source("float_ref")
            read = (variable[0], "float")
            return self.node("Identity", [read], [word], T=dt(word))[0] if self.pick(0.7) else read
        return self.node("Placeholder", (), [word], dtype=dt(word), shape={"shape": {"unknownRank": True}})[0]

    def tensor(self, word):
        found = [t for t in self.tensors if t[1] == word]
        if not found or self.pick(0.08):
            return self.source(word)
        return self.rng.choice(found[-8:] if self.pick(0.6) else found)

    def tensor_list(self, word):
        shape = self.tensor("int32")
        if self.pick(0.5):
            return self.node("EmptyTensorList", [shape, self.tensor("int32")], ["variant"], element_dtype=dt(word),
                             shape_type=dt("int32"))[0]
        return self.node("TensorListReserve", [shape, self.tensor("int32")], ["variant"], element_dtype=dt(word),
                         shape_type=dt("int32"))[0]

    def generic(self, op):
        spec, rng = self.opdefs[op], self.rng
        if self.frames and any(a.get("is_ref") for a in spec["inputs"]):
            return None
        attrs, types, numbers = {}, {}, {}
        for name, attr in spec["attrs"].items():
            if name.startswith("_") and op != "_FusedBatchNormEx":
                continue
            kind, allowed = attr["type"], attr.get("allowed")
            if kind in ("type", "list(type)"):
                choices = [t for t in TYPES if not allowed or t in allowed] or allowed
                if "TensorList" in op and name == "element_dtype":
                    choices = ["float"] * 40 + ["int32"]
                if kind == "type":
                    types[name] = [rng.choice(choices)]
                    attrs[name] = dt(types[name][0])
                else:
                    least = max(int(attr.get("min", 1)), 1)
                    types[name] = [rng.choice(choices) for _ in range(rng.randint(least, least + 2))]
                    attrs[name] = {"list": {"type": [dt(t)["type"] for t in types[name]]}}
            elif kind == "int" and "default" not in attr:
                numbers[name] = max(int(attr.get("min", 1)), 1) + rng.randint(0, 2)
                attrs[name] = {"i": str(numbers[name])}
            elif "default" in attr and not self.pick(0.2):
                if kind == "int":
                    numbers[name] = int(attr["default"])
                    if self.pick(0.5):
                        attrs[name] = {"i": str(attr["default"])}
            elif kind == "int":
                numbers[name] = int(attr["default"])
                attrs[name] = {"i": str(attr["default"])}
            elif kind == "bool":
                attrs[name] = {"b": self.pick(0.5)}
            elif kind == "string":
                text = rng.choice(allowed) if allowed else attr.get("default") or "x"
                attrs[name] = {"s": base64.b64encode(text.encode()).decode()}
            elif kind == "float":
                attrs[name] = {"f": 0.5}
            elif kind == "shape":
                attrs[name] = {"shape": {"dim": [{"size": "2"}]}}
            elif kind == "list(int)":
                attrs[name] = {"list": {"i": ["1"] * int(attr.get("min", 2) or 2)}}
            elif kind == "list(shape)":
                attrs[name] = {"list": {"shape": [{"unknownRank": True}]}}
        if op == "GatherNd" and self.pick(0.3):
            attrs["bad_indices_policy"] = {"s": base64.b64encode(
                rng.choice(["", "DEFAULT", "ERROR", "IGNORE"]).encode()).decode()}

        def ports(args):
            for a in args:
                if "type_list_attr" in a:
                    for t in types[a["type_list_attr"]]:
                        yield t
                    continue
                word = types[a["type_attr"]][0] if "type_attr" in a else a["type"]
                for _ in range(numbers[a["number_attr"]] if "number_attr" in a else 1):
                    yield word + ("_ref" if a.get("is_ref") else "")

        inputs = [self.tensor(w) for w in ports(spec["inputs"])]
        return self.node(op, inputs, list(ports(spec["outputs"])), **attrs)

    def list_steps(self):
        """A few operations on one list, its handle through other ops, and a loop or a call now and then."""
        word = "float" if self.pick(0.85) else self.rng.choice(["half", "int32", "variant"])
        element = lambda: self.tensor_list("float") if word == "variant" else self.tensor(word)
        handle = self.tensor_list(word)
        if word == "variant":
            self.node("TensorListPushBack", [handle, element()], ["variant"], element_dtype=dt(word))
            return
        e = dict(element_dtype=dt(word))
        shaped = dict(element_dtype=dt(word), shape_type=dt("int32"))
        for _ in range(self.rng.randint(1, 8)):
            i32 = lambda: self.tensor("int32")
            i64 = lambda: self.tensor("int64")
            step = self.rng.randint(0, 17)
            if step < 3:
                handle = self.node("TensorListPushBack", [handle, element()], ["variant"], **e)[0]
            elif step < 5:
                handle = self.node("TensorListSetItem", [handle, i32(), element()], ["variant"], **e)[0]
            elif step < 7:
                self.node("TensorListGetItem", [handle, i32(), i32()], [word], **e)
            elif step == 7:
                handle = self.node("TensorListPopBack", [handle, i32()], ["variant", word], **e)[0]
            elif step == 8:
                self.node("TensorListStack", [handle, i32()], [word], **e)
            elif step == 9:
                handle = self.node("TensorListFromTensor", [element(), i32()], ["variant"], **shaped)[0]
            elif step == 10:
                self.node("TensorListGather", [handle, i32(), i32()], [word], **e)
            elif step == 11:
                handle = self.node("TensorListScatterIntoExistingList", [handle, element(), i32()], ["variant"], **e)[0]
            elif step == 12:
                self.node("TensorListConcatV2", [handle, i32(), i64()], [word, "int64"], **shaped)
            elif step == 13:
                other = self.node("TensorListSplit", [element(), i32(), i64()], ["variant"], **shaped)[0]
                handle = self.node("TensorListConcatLists", [handle, other], ["variant"], **e)[0]
            elif step == 14:
                handle = self.node("TensorListResize", [handle, i32()], ["variant"])[0]
            elif step == 15:
                handle = self.node("Identity", [handle], ["variant"], T=dt("variant"))[0]
            elif step == 16:
                packed = self.node("Pack", [handle, handle], ["variant"], N={"i": "2"}, T=dt("variant"))[0]
                handle = self.node("Unpack", [packed], ["variant", "variant"], num={"i": "2"}, T=dt("variant"))[1]
            else:
                handle = self.node("AddN", [handle, handle], ["variant"], N={"i": "2"}, T=dt("variant"))[0]
                self.node("TensorListPushBackBatch", [handle, element()], ["variant"], **e)
        if word == "float" and self.pick(0.3):
            self.loop([handle])

    def odd_steps(self):
        """Casts, lists of types, branches, and handles of lists that somebody else holds."""
        kind = self.rng.randint(0, 6)
        if kind == 0:
            word = self.rng.choice(["double", "half", "int32", "float"])
            self.node("Cast", [self.tensor(word)], ["float"], SrcT=dt(word), DstT=dt("float"))
        elif kind == 1:
            word = self.rng.choice(["double", "half", "int32"])
            self.node("Cast", [self.tensor("float")], [word], SrcT=dt("float"), DstT=dt(word))
        elif kind == 2:
            words = [self.rng.choice(["float", "float", "int32", "half", "variant"]) for _ in range(self.rng.randint(1, 4))]
            self.node("IdentityN", [self.tensor(w) for w in words], words, T={"list": {"type": [dt(w)["type"] for w in words]}})
        elif kind == 3 and not self.frames:
            out, other = self.node("Switch", [self.tensor("float"), self.tensor("bool")], ["float", "float"], T=dt("float"))
            out = self.node(self.rng.choice(["Relu", "Tanh", "Exp", "Abs"]), [out], ["float"], T=dt("float"))[0]
            self.node("Merge", [out, other], ["float", "int32"], T=dt("float"), N={"i": "2"})
        elif kind == 4:
            self.node("AssignVariableOp", [self.tensor("resource"), self.tensor("float")], dtype=dt("float"))
        elif kind == 5:
            self.node("TensorListGetItem", [self.tensor("variant"), self.tensor("int32"), self.tensor("int32")], ["float"],
                      element_dtype=dt("float"))
        else:
            self.node("TensorListSetItem", [self.tensor("variant"), self.tensor("int32"), self.tensor("float")], ["variant"],
                      element_dtype=dt("float"))

    def loop(self, more=(), depth=0):
        """Enter, Merge, Switch, body, NextIteration, Exit for a few variables."""
        rng = self.rng
        self.loops += 1
        frame = {"s": base64.b64encode(("%sframe_%d" % (self.prefix, self.count)).encode()).decode()}
        starts = [self.tensor("int32")] + list(more) + [
            self.tensor("float" if self.pick(0.9) else "half") for _ in range(rng.randint(1, 3))]
        bound = self.tensor("int32")
        merges, outside = [], list(self.tensors)
        for start in starts:
            word = dt(start[1])
            entered = self.node("Enter", [start], [start[1]], T=word, frame_name=frame)[0]
            merges.append(self.node("Merge", [entered, entered], [start[1], "int32"], T=word, N={"i": "2"})[0])
        limit = self.node("Enter", [bound], ["int32"], T=dt("int32"), frame_name=frame,
                          is_constant={"b": True})[0]
        less = self.node("Less", [merges[0], limit], ["bool"], T=dt("int32"))[0]
        condition = self.node("LoopCond", [less], ["bool"])[0]
        self.tensors = []
        inner = []
        for merge in merges:
            out, body = self.node("Switch", [merge, condition], [merge[1], merge[1]], T=dt(merge[1]))
            inner.append((out, body))
        constant = self.tensor_outside(outside, "float")
        self.tensors = [b for _, b in inner]
        self.frames.append(frame)
        if constant:
            self.node("Enter", [constant], [constant[1]], T=dt(constant[1]), frame_name=frame, is_constant={"b": True})
        self.steps(rng.randint(1, 8), depth + 1)
        values = []
        for merge, (out, body) in zip(merges, inner):
            found = [t for t in self.tensors if t[1] == merge[1] and t[1] != "variant"]
            if merge[1] == "variant":
                values.append(self.node("TensorListPushBack", [body, self.tensor("float")], ["variant"],
                                        element_dtype=dt("float"))[0])
            else:
                values.append(rng.choice(found[-4:]) if found else body)
        for merge, value in zip(merges, values):
            back = self.node("NextIteration", [value], [merge[1]], T=dt(merge[1]))[0]
            next(n for n in self.nodes if n["name"] == merge[0])["input"][1] = back[0]
            if merge[1] == "float" and self.pick(0.01):
                self.node("Relu", [back], ["float"], T=dt("float"))
        self.tensors = outside
        self.frames.pop()
        for _, (out, _) in zip(merges, inner):
            self.node("Exit", [out], [out[1]], T=dt(out[1]))

    def tensor_outside(self, tensors, word):
        found = [t for t in tensors if t[1] == word]
        return self.rng.choice(found) if found else None

    def call(self):
        """A call of a library function in one of its forms."""
        rng = self.rng
        f = rng.choice(self.functions)
        inputs = [self.tensor(t) for t in f["in"]]
        function = {"func": {"name": f["name"]}}
        tin = {"list": {"type": [dt(t)["type"] for t in f["in"]]}}
        tout = {"list": {"type": [dt(t)["type"] for t in f["out"]]}}
        form = rng.randint(0, 4)
        if form == 1 and not self.conditionals:
            form = 0
        if form == 0:
            self.node(f["name"], inputs, f["out"])
        elif form == 1:
            same = [g for g in self.functions if g["in"] == f["in"] and g["out"] == f["out"]]
            self.node(rng.choice(["If", "StatelessIf"]), [self.tensor("bool")] + inputs, f["out"], Tcond=dt("bool"),
                      Tin=tin, Tout=tout, then_branch=function, else_branch={"func": {"name": rng.choice(same)["name"]}})
        elif form == 2 and f["in"] == f["out"]:
            self.node(rng.choice(["While", "StatelessWhile"]), inputs, f["out"], T=tin, body=function,
                      cond={"func": {"name": f["cond"]}})
        else:
            self.node(rng.choice(["PartitionedCall", "StatefulPartitionedCall"]), inputs, f["out"], Tin=tin, Tout=tout,
                      f=function)

    def steps(self, count, depth=0):
        for _ in range(count):
            kind = self.rng.random()
            if kind < 0.04 and depth < 2:
                self.loop((), depth)
            elif kind < 0.09:
                self.list_steps() if depth < 2 else self.generic("Relu")
            elif kind < 0.14 and self.functions:
                self.call()
            elif kind < 0.55:
                self.generic(self.rng.choice(OFTEN))
            elif kind < 0.6:
                self.generic(self.rng.choice(NORMS))
            elif kind < 0.66:
                self.odd_steps()
            elif kind < 0.72:
                self.generic(self.rng.choice(all_ops(self.opdefs)))
            else:
                self.generic(self.rng.choice(GENERIC))

    def control_inputs(self):
        before = []
        for n in self.nodes:
            # Not into loops, whose nodes run once for each iteration.
            if before and self.pick(0.03) and not self.loops:
                n.setdefault("input", []).append("^" + self.rng.choice(before))
            before.append(n["name"])


def random_function(rng, opdefs, name, devices, functions, conditionals=True):
    """A FunctionDef with inputs as bodies write them, and what calls of it need."""
    words = ["float" if rng.random() < 0.8 else rng.choice(["int32", "half", "variant"])
             for _ in range(rng.randint(1, 3))]
    b = Builder(rng, opdefs, "", devices, functions)
    b.conditionals = conditionals
    b.tensors = [("a%d" % i, w) for i, w in enumerate(words)]
    b.steps(rng.randint(2, 12))
    outs = list(words) if rng.random() < 0.4 else ["float"] * rng.randint(1, 2)
    ret_tensors = [b.tensor(w) for w in outs]
    b.control_inputs()
    library = {f["name"]: painter.signature_of(f["def"]) for f in functions}
    spelling = {}
    for n in b.nodes:
        spec = opdefs.get(n["op"]) or library[n["op"]]
        port = 0
        for out in spec["outputs"]:
            for i in range(len(painter.expand(n, [out], spec))):
                spelling[n["name"], port] = "%s:%s:%d" % (n["name"], out["name"], i)
                port += 1

    def spelled(text):
        if text.startswith("^"):
            return text
        source, _, port = text.partition(":")
        return spelling.get((source, int(port or 0)), source)

    for n in b.nodes:
        if "input" in n:
            n["input"] = [spelled(t) for t in n["input"]]
    function = {"signature": {"name": name, "inputArg": [{"name": "a%d" % i, "type": dt(w)["type"]}
                                                         for i, w in enumerate(words)],
                              "outputArg": [{"name": "r%d" % i, "type": dt(w)["type"]} for i, w in enumerate(outs)]},
                "nodeDef": b.nodes, "ret": {"r%d" % i: spelled(t[0]) for i, t in enumerate(ret_tensors)}}
    if rng.random() < 0.3:
        function["signature"]["controlOutput"] = ["c"]
        function["controlRet"] = {"c": rng.choice(b.nodes)["name"]}
    if rng.random() < 0.2:
        function["attr"] = {"_implements": {"s": base64.b64encode(b"x").decode()}}
    condition = {"signature": {"name": name + "_cond", "inputArg": function["signature"]["inputArg"],
                               "outputArg": [{"name": "r", "type": "DT_BOOL"}]},
                 "nodeDef": [{"name": "c", "op": "Const", "attr": {"dtype": dt("bool"), "value": {
                     "tensor": {"dtype": "DT_BOOL", "tensorShape": {}, "boolVal": [False]}}}}],
                 "ret": {"r": "c:output:0"}}
    return {"name": name, "in": words, "out": outs, "cond": name + "_cond", "def": function, "defs": [condition, function]}


def random_case(rng):
    """How the pass is called: everything but the names of nodes."""
    case = painter.default_case()
    kind = rng.random()
    case["mode"] = "fp16" if kind < 0.65 else "bf16" if kind < 0.88 else "cpu_fp16"
    if case["mode"] != "fp16":
        case["cluster"]["gpu"] = rng.random() < 0.05
    elif rng.random() < 0.3:
        case["cluster"].update(arch=rng.choice(["8.0", "7", "12", "10.0", "6.1"]),
                               cuda=rng.choice(["12030", "9010", "9000", "10000"]),
                               cudnn=rng.choice(["8907", "8000", "7602", "7600", "7000"]))
    if rng.random() < 0.15:
        case["env"]["LEVEL"] = rng.choice(["TREAT_INFER_AS_DENY", "tensor_cores_only", "UNSAFE_FORCE_ALL"])
        if case["env"]["LEVEL"] == "UNSAFE_FORCE_ALL" and case["mode"] == "bf16":
            del case["env"]["LEVEL"]
    for _ in range(rng.choice([0, 0, 0, 1, 2])):
        key, ops = rng.choice(EDITS)
        case["env"][key] = ops
    if rng.random() < 0.25:
        move_ops(rng, case)
    if case["mode"] == "cpu_fp16" and rng.random() < 0.4:
        case["env"]["EMULATE_FP16"] = "0"
    if not case["cluster"]["gpu"] and rng.random() < 0.1:
        case["env"]["SIMULATE_GPU"] = "1"
    return case, rng.choice(["2.21", "2.21", "2.19"])


def move_ops(rng, case):
    """A few ops to other lists, without a conflict."""
    case["env"] = {k: v for k, v in case["env"].items() if k == "LEVEL"}
    lists = painter.op_lists(dict(case, env={}))
    moved = {}
    for _ in range(rng.randint(1, 4)):
        op, to = rng.choice(GENERIC + sorted(OTHERS)), rng.choice(sorted(lists))
        # TensorFlow starts from an allowed op of a list that stays float32 all the same; amp-opt does not.
        if to != "ALLOW" or "TensorList" not in op:
            moved[op] = to
    for key, ops in lists.items():
        old = {"ALLOW": "WHITE", "INFER": "GRAY", "DENY": "BLACK"}
        name = lambda: rng.choice([key, key, old.get(key, key)])
        if add := sorted(op for op, to in moved.items() if to == key and op not in ops):
            case["env"][name() + "LIST_ADD"] = ",".join(add)
        if remove := sorted(op for op, to in moved.items() if to != key and op in ops):
            case["env"][name() + "LIST_REMOVE"] = ",".join(remove)


def random_graph(rng, opdefs, prefix, case, conditionals=True):
    """A graph, and what is fetched, fed and kept in it."""
    devices = [""] if rng.random() < 0.6 else [""] * rng.randint(1, 10) + rng.sample(DEVICES, 2)
    functions = []
    for i in range(rng.choice([0, 0, 0, 1, 2, 3])):
        name = "%sF%d" % (prefix.replace("/", "_"), i)
        functions.append(random_function(rng, opdefs, name, devices, functions, conditionals))
    b = Builder(rng, opdefs, prefix, devices, functions)
    b.conditionals = conditionals
    b.steps(rng.randint(2, 30))
    if rng.random() < 0.3:
        b.loop()
    b.control_inputs()
    # A name that a cast wants.
    if rng.random() < 0.1:
        victim = rng.choice(b.nodes)["name"]
        b.nodes.append({"name": victim + "-0-CastToFp16-0-AutoMixedPrecision", "op": "NoOp"})
    for n in b.nodes:
        if rng.random() < 0.01:
            n.setdefault("attr", {})["_grappler_do_not_remove"] = {"b": True}
    nodes = b.nodes
    if rng.random() < 0.35:
        nodes = list(nodes)
        rng.shuffle(nodes)
    graph = {"node": nodes}
    if functions:
        graph["library"] = {"function": [d for f in functions for d in f["defs"]]}
    used = {s.partition(":")[0] for n in nodes for s in n.get("input", [])}
    leaves = [n["name"] for n in nodes if n["name"] not in used]
    names = [n["name"] for n in nodes]
    fetches = [n for n in leaves if rng.random() < 0.7] + [n for n in names if rng.random() < 0.04]
    found = {"fetches": sorted(set(fetches)) or [names[-1]], "feeds": [], "keep": []}
    if rng.random() < 0.1:
        found["fetches"][0] = rng.choice(["%s:0", "^%s"]) % found["fetches"][0]
    if rng.random() < 0.2:
        found["feeds"] = [rng.choice(names)]
    if rng.random() < 0.2:
        found["keep"] = [rng.choice(names)]
    # No dict stands in two places.
    return json.loads(json.dumps(graph)), found


# Ops whose outputs have the shape of their inputs, [8, 8], and change smoothly.
SMOOTH = {1: painter.words("""Tanh Sigmoid Softplus Softsign Elu Selu Relu LeakyRelu Neg Identity StopGradient Square Sin Cos
                           Erf Softmax LogSoftmax Snapshot PreventGradient Abs Exp Relu6"""),
          2: painter.words("Add AddV2 Sub Mul Maximum Minimum SquaredDifference"), 3: {"MatMul", "BatchMatMulV2"}}


def runnable_graph(rng):
    """A graph that TensorFlow runs on a CPU: values of shape [8, 8], kept below one or so."""
    case = painter.default_case()
    case["mode"] = "bf16" if rng.random() < 0.4 else "fp16"
    case["cluster"]["gpu"] = case["mode"] == "fp16"
    shape = {"shape": {"dim": [{"size": "8"}, {"size": "8"}]}}
    value = {"tensor": {"dtype": "DT_FLOAT", "tensorShape": {}, "floatVal": [0.125]}}
    nodes = [{"name": "x%d" % i, "op": "Placeholder", "attr": {"dtype": dt("float"), "shape": shape}} for i in range(2)]
    nodes.append({"name": "eighth", "op": "Const", "attr": {"dtype": dt("float"), "value": value}})
    values = ["x0", "x1"]
    for i in range(rng.randint(4, 25)):
        kind = rng.choice([1, 1, 1, 2, 2, 3])
        op = rng.choice(sorted(SMOOTH[kind]))
        name = "%s_%d" % (op.lower(), i)
        inputs = [rng.choice(values[-6:]) for _ in range(min(kind, 2))]
        nodes.append({"name": name, "op": op, "input": inputs, "attr": {"T": dt("float")}})
        # Of values that may be large, an eighth, and then what is below one.
        if op not in ("Tanh", "Sigmoid", "Softsign", "Erf", "Sin", "Cos", "Softmax", "Identity", "Neg"):
            nodes.append({"name": name + "/scaled", "op": "Mul", "input": [name, "eighth"], "attr": {"T": dt("float")}})
            nodes.append({"name": name + "/bounded", "op": "Tanh", "input": [name + "/scaled"], "attr": {"T": dt("float")}})
            name += "/bounded"
        values.append(name)
    used = {s for n in nodes for s in n.get("input", [])}
    case["fetches"] = [v for v in values[2:] if v not in used]
    return json.loads(json.dumps({"node": nodes})), case


def batch(seed, opdefs, size):
    """A case, and graphs with their own prefixes that run under it."""
    rng = random.Random(seed)
    case, version = random_case(rng)
    graphs = [random_graph(rng, opdefs, "g%d/" % i, case) for i in range(size)]
    return case, version, graphs


def main():
    parser = argparse.ArgumentParser(description="prints a batch of random GraphDefs")
    parser.add_argument("--opdefs", required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--size", type=int, default=1)
    args = parser.parse_args()
    case, version, graphs = batch(args.seed, painter.load_opdefs(args.opdefs), args.size)
    json.dump({"case": case, "version": version, "graphs": graphs}, sys.stdout, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
