# Wrong GraphDefs and wrong uses, each with its exit code and message, and no
# output left behind.
#
#   messages.py --amp-opt=PATH

import argparse
import base64
import json
import os
import subprocess
import sys
import tempfile

import hazards
from graph_json import node

T = {"type": "DT_FLOAT"}
X = node("x", "Placeholder", dtype=T)
M = node("m", "MatMul", ["x", "x"], T=T)


I, V = {"type": "DT_INT32"}, {"type": "DT_VARIANT"}
S = node("s", "Placeholder", dtype=I)
CAST = node("c", "Cast", ["s"], SrcT=I, DstT=T)
CASTED = node("m", "MatMul", ["c", "c"], T=T)
F = node("f", "Identity", ["m"], T=T)
LIST = node("l", "EmptyTensorList", ["s", "s"], element_dtype=T, shape_type=I)
PUSH = node("p", "TensorListPushBack", ["l", "m"], element_dtype=T)
NESTED = [node("l2", "EmptyTensorList", ["s", "s"], element_dtype=V, shape_type=I),
          node("p2", "TensorListPushBack", ["l2", "p"], element_dtype=V),
          node("g", "TensorListGetItem", ["p2", "s", "s"], element_dtype=V),
          node("g2", "TensorListGetItem", ["g", "s", "s"], element_dtype=T), node("f", "Identity", ["g2"], T=T)]


def graph(*nodes, **more):
    return json.dumps(dict({"node": list(nodes)}, **more))


def recursive(name, other):
    """A library function that calls another with its argument."""
    return {"signature": {"name": name, "inputArg": [{"name": "a", "type": "DT_FLOAT"}],
                          "outputArg": [{"name": "r", "type": "DT_FLOAT"}]},
            "nodeDef": [node("again", other, ["a"])], "ret": {"r": "again:r:0"}}


# name, file ending, contents, flags, exit code, a part of the message
CASES = [
    ("syntax", "json", '{"node": [', [], 1, "1:11: error: invalid JSON"),
    ("unknown key", "json", '{"node": [{"name": "a", "op": "NoOp", "inputs": []}]}', [], 1,
     "1:39: error: unknown key 'inputs' in NodeDef, did you mean 'input'?"),
    ("key twice", "json", '{"node": [{"name": "a", "name": "b", "op": "NoOp"}]}', [], 1,
     "1:25: error: key 'name' stands twice"),
    ("attribute twice", "json", '{"node": [{"name": "a", "op": "NoOp", "attr": {"k": {"b": true}, "k": {"b": true}}}]}',
     [], 1, "1:66: error: key 'k' stands twice in 'attr' of NodeDef"),
    ("two values", "json", '{"node": [{"name": "a", "op": "NoOp", "attr": {"k": {"b": true, "i": 1}}}]}', [], 1,
     "1:65: error: 'i' beside another value of AttrValue"),
    ("wrong kind", "json", '{"node": [{"name": 1, "op": "NoOp"}]}', [], 1,
     "1:20: error: 'name' of NodeDef is a string"),
    ("no list", "json", '{"node": {"name": "a"}}', [], 1, "1:10: error: 'node' of GraphDef is an array"),
    ("no object", "json", '{"node": ["a"]}', [], 1, "1:11: error: an entry of 'node' of GraphDef is an object"),
    ("unknown type", "json", '{"node": [{"name": "a", "op": "NoOp", "attr": {"T": {"type": "DT_FLOATS"}}}]}', [], 1,
     "1:62: error: unknown DataType 'DT_FLOATS'"),
    ("too large", "json", '{"node": [], "versions": {"producer": 4294967296}}', [], 1,
     "1:39: error: the number does not fit 'producer' of VersionDef"),
    ("no base64", "json", '{"node": [{"name": "a", "op": "NoOp", "attr": {"s": {"s": "*"}}}]}', [], 1,
     "1:59: error: 's' of AttrValue is no base64"),
    ("float too large", "json", '{"node": [{"name": "a", "op": "NoOp", "attr": {"f": {"f": 1e39}}}]}', [], 1,
     "1:59: error: the number does not fit 'f' of AttrValue"),
    ("deep", "json", '{"node": [{"name": "a", "op": "NoOp", "attr": ' + '{"f": {"func": {"attr": ' * 120 + "{}" +
     "}}}" * 120 + "}]}", [], 1, "error: nesting is deeper than 256"),
    ("text syntax", "pbtxt", 'node { name: "a" op: }', [], 1, "1:22: error: expected string, got: }"),
    ("text field", "pbtxt", 'node {\n  nom: "a"\n}', [], 1,
     '2:6: error: message type "NodeDef" has no field named "nom"'),
    ("binary cut", "pb", base64.b64decode("CgkKAWESBE5vT3A=")[:7], [], 1, "error: not a whole GraphDef"),
    ("no name", "json", graph(node("", "NoOp")), [], 1, "error: a node without a name"),
    ("no op", "json", graph(node("a", "")), [], 1, "error: node 'a' has no op"),
    ("name twice", "json", graph(X, X), [], 1, "error: two nodes have the name 'x'"),
    ("missing input", "json", graph(X, node("r", "Relu", ["y"], T=T)), [], 1,
     "error: input 'y' of node 'r' is not in the graph"),
    ("no such port", "json", graph(X, node("r", "Relu", ["x:1"], T=T)), [], 1,
     "error: input 'x:1' of node 'r' names an output that 'x' has not"),
    ("too few inputs", "json", graph(X, node("r", "Relu", T=T)), [], 1,
     "error: node 'r' (Relu) has 0 inputs, but the op takes 1"),
    ("missing type", "json", graph(X, node("r", "Relu", ["x"])), [], 1,
     "error: type attribute 'T' of node 'r' (Relu) is missing or no type"),
    ("type of wrong kind", "json", graph(X, node("r", "Relu", ["x"], T={"i": "1"})), [], 1,
     "error: type attribute 'T' of node 'r' (Relu) is missing or no type"),
    ("list for a type", "json", graph(X, node("r", "Relu", ["x"], T={"list": {"type": ["DT_FLOAT"]}})), [], 1,
     "error: type attribute 'T' of node 'r' (Relu) is missing or no type"),
    ("unknown attribute", "json", graph(X, node("r", "Relu", ["x"], T=T, Tfoo=T)), ["--fetch=r"], 1,
     "error: AttrDef not found for attribute Tfoo of node r"),
    ("unknown attribute, other policy", "json", graph(X, node("r", "Relu", ["x"], T=T, Tfoo=T)),
     ["--fetch=r", "--policy=default"], 0, "(policy default)"),
    ("circle", "json", graph(X, node("a", "AddV2", ["x", "b"], T=T), node("b", "Relu", ["a"], T=T)), ["--fetch=b"], 1,
     "error: node 'a' waits for itself: the graph couldn't be sorted in topological order"),
    ("circle of control", "json", graph(X, node("a", "Relu", ["x", "^a"], T=T)), ["--fetch=a", "--policy=default"], 1,
     "error: node 'a' waits for itself: the graph couldn't be sorted in topological order"),
    ("missing number", "json", graph(X, node("c", "AddN", ["x"], T=T)), [], 1,
     "error: attribute 'N' of node 'c' (AddN) is missing or no number of values"),
    ("absurd number", "json", graph(X, node("c", "AddN", ["x"], T=T, N={"i": "99999999999"})), [], 1,
     "error: attribute 'N' of node 'c' (AddN) is missing or no number of values"),
    ("control first", "json", graph(X, node("r", "Relu", ["^x", "x"], T=T)), [], 1,
     "error: node 'r' has a control input before input 'x'"),
    ("device", "json", graph(X, dict(M, device="gpu")), ["--fetch=m"], 1,
     "error: Unable to parse gpu as a device name"),
    ("loop", "json", graph(X, M, node("n", "NextIteration", ["m"], T=T), node("i", "Identity", ["n"], T=T)),
     ["--fetch=i"], 1, "error: Expected Merge node after NextIteration, got Identity"),
    ("loop with nothing to lower", "json",
     graph(X, node("n", "NextIteration", ["x"], T=T), node("i", "Identity", ["n"], T=T)), ["--fetch=i"], 0, ""),
    ("list of two types", "json",
     graph(X, node("s", "Placeholder", dtype={"type": "DT_INT32"}),
           node("l", "EmptyTensorList", ["s", "s"], element_dtype={"type": "DT_INT32"}, shape_type={"type": "DT_INT32"}),
           node("w", "TensorListPushBack", ["l", "s"], element_dtype={"type": "DT_INT32"}),
           node("r", "TensorListGetItem", ["w", "s", "s"], element_dtype=T)), ["--fetch=x"], 1,
     "error: node 'r' reads elements of type float from a list"),
    ("recursive function", "json", graph(X, node("c", "f", ["x"]), library={"function": [recursive("f", "f")]}),
     ["--fetch=c"], 1, "error: node 'again' calls function 'f', in which it stands: that never ends"),
    ("functions that call each other", "json",
     graph(X, node("c", "f", ["x"]), library={"function": [recursive("f", "g"), recursive("g", "f")]}), ["--fetch=c"], 1,
     "error: node 'again' calls function 'f', from which it is called: that never ends"),
    ("absurd shape", "json", graph(dict(X, attr={"dtype": T, "shape": {"shape": {"dim": [{"size": "-9000000000000000000"}]}}}),
                                   M), ["--fetch=m"], 0, ""),
    ("attribute of the wrong kind", "json", graph(X, node("c", "ConcatV2", ["x", "x", "x"], T=T, N={"f": 2.0})), [], 1,
     "error: node 'c' (ConcatV2) has 3 inputs, but the op takes 1"),
    ("fetch", "json", graph(X, M), ["--fetch=n"], 1, "error: --fetch: no node 'n'"),
    ("fetch misspelt", "json", graph(X, node("logits", "MatMul", ["x", "x"], T=T)), ["--fetch=logit"], 1,
     "error: --fetch: no node 'logit', did you mean 'logits'?"),
    ("no fetch", "json", graph(X, M), [], 0, "warning: no --fetch: nothing is known to be wanted"),
    ("unknown op", "json", graph(X, node("q", "NoSuchOp", ["x"]), M), ["--fetch=m"], 0,
     "warning: unknown op 'NoSuchOp'"),
    ("version", "json", graph(X, M), ["--tf-version=1.15"], 2, "error: --tf-version is 2.21, 2.20 or 2.19, not '1.15'"),
    ("mode", "json", graph(X, M), ["--tf-mode=tpu"], 2, "error: --tf-mode is cuda, bf16 or cpu, not 'tpu'"),
    ("mode and target", "json", graph(X, M), ["--tf-mode=cuda", "--target=bfloat16"], 2,
     "error: --tf-mode=cuda contradicts --target=bfloat16"),
    ("gpu", "json", graph(X, M), ["--tf-gpu=8.0,new"], 2, "error: --tf-gpu is ARCH[,CUDA[,CUDNN]] or none"),
    ("no gpu", "json", graph(X, M), ["--tf-gpu=none"], 0, "warning: No (suitable) GPUs detected"),
    ("policy", "json", graph(X, M), ["--fetch=x", "--policy=tensorflw"], 1,
     "error: unknown policy 'tensorflw'; did you mean 'tensorflow'?"),
    ("move", "json", graph(X, M), ["--fetch=x", "--allow=Matmul"], 1,
     "error: --allow: unknown op 'Matmul'; did you mean 'MatMul'?"),
    ("move of no op", "json", graph(X, M), ["--fetch=x", "--policy=default", "--deny="], 1,
     "error: --deny: an op name is missing"),
    # What TensorFlow's pass breaks: the same painting, and a warning.
    ("cast wanted", "json", graph(S, CAST, CASTED, F), ["--fetch=c,f"], 0,
     "warning: cast 'c' is wanted and gives float16 now, not float32, as with TensorFlow's pass: what is beyond 65504 "
     "becomes infinite"),
    ("cast elsewhere", "json", graph(S, dict(CAST, device="/cpu:0"), CASTED, F), ["--fetch=f"], 0,
     "warning: cast 'c' is on another device and gives float16 now all the same"),
    ("list handle", "json", graph(X, S, M, LIST, PUSH, node("f", "Identity", ["p"], T=V)), ["--fetch=f"], 0,
     "warning: node 'f' hands out a tensor list whose elements are float16 now: reading them as float32 fails"),
    ("list of lists", "json", graph(X, S, M, LIST, PUSH, *NESTED), ["--fetch=f"], 0,
     "warning: node 'p2' has a tensor list as an element of another, and the elements of 'l' are float16 now"),
    ("no kernel", "json", graph(X, M, node("f", "FusedBatchNormV3", ["x", "m", "m", "m", "m"], T=T, U=T)),
     ["--fetch=x", "--target=bfloat16"], 0,
     "warning: node 'f' (FusedBatchNormV3) has bfloat16 in type attribute 'U', for which TensorFlow has no CPU kernel: "
     "it fails when the node runs"),
]
BROKEN = CASES[-5:] + [
    (name, "json", json.dumps(g), ["--fetch=" + ",".join(fetches)] + (["--target=bfloat16"] if mode == "bf16" else []),
     int(hazards.WARNINGS[name].startswith("error")), hazards.WARNINGS[name]) for name, (g, fetches, mode) in hazards.graphs().items()]
CASES += BROKEN[5:]
# And other policies keep out of it.
CASES += [(name + ", avoided", ending, contents, flags + ["--policy=default"], 0, "(policy default)")
          for name, ending, contents, flags, code, message in BROKEN]


def is_broken(before, after):
    """Whether a node has changed that should not: what only computes may."""
    if before["op"] in ("MatMul", "Conv2D", "Einsum", "Const"):
        return False
    if before["op"] == "FusedBatchNormV3":
        return before["attr"]["U"] != after["attr"]["U"]
    return before.get("attr") != after.get("attr")


def main():
    parser = argparse.ArgumentParser(description="messages about GraphDefs")
    parser.add_argument("--amp-opt", required=True)
    args = parser.parse_args()
    failures = []
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TF_AUTO_MIXED")}
    with tempfile.TemporaryDirectory() as t:
        for name, ending, contents, flags, code, message in CASES:
            path, out = os.path.join(t, "in." + ending), os.path.join(t, "out.json")
            with open(path, "wb") as f:
                f.write(contents if isinstance(contents, bytes) else contents.encode())
            done = subprocess.run([args.amp_opt, path, "-o", out] + flags, capture_output=True, text=True, timeout=60,
                                  env=environment)
            if done.returncode != code or message not in done.stderr:
                failures.append("%s: exit %d for %d, wanted %r in\n%s" %
                                (name, done.returncode, code, message, done.stderr))
            if name.endswith(", avoided"):
                with open(out, encoding="utf-8") as f:
                    after = {n["name"]: n for n in json.load(f)["node"]}
                kept = [n["name"] for n in json.loads(contents)["node"] if is_broken(n, after[n["name"]])]
                if kept or "warning:" in done.stderr:
                    failures.append("%s: %s changed: %s" % (name, kept, done.stderr))
            if os.path.exists(out):
                os.remove(out)
                if code:
                    failures.append(name + ": an output was left")
    for line in failures:
        print(line)
    print("%d messages, %d failures" % (len(CASES), len(failures)))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
