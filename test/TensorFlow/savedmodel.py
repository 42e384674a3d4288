# SavedModel folders: every meta graph is rewritten, signatures are its fetches,
# the rest goes along byte for byte, and the folder appears whole or not at all.
#
#   savedmodel.py --amp-opt=PATH

import argparse
import json
import os
import struct
import subprocess
import sys
import tempfile

NODES = """
    node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } }
    node { name: "w" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } }
    node { name: "hidden" op: "MatMul" input: "x" input: "w" attr { key: "T" value { type: DT_FLOAT } } }
    node { name: "relu" op: "Relu" input: "hidden" attr { key: "T" value { type: DT_FLOAT } } }
    node { name: "pool" op: "MaxPool" input: "relu" attr { key: "ksize" value { list { i: 1 i: 1 i: 1 i: 1 } } }
           attr { key: "strides" value { list { i: 1 i: 1 i: 1 i: 1 } } } attr { key: "padding" value { s: "SAME" } } }
    node { name: "logits" op: "MatMul" input: "pool" input: "w" attr { key: "T" value { type: DT_FLOAT } } }
    node { name: "out" op: "Identity" input: "logits" attr { key: "T" value { type: DT_FLOAT } } }
"""
SIGNATURE = """
  signature_def { key: "serving_default" value {
    inputs { key: "x" value { name: "x:0" dtype: DT_FLOAT } }
    outputs { key: "y" value { name: "%s" dtype: DT_FLOAT } } method_name: "tensorflow/serving/predict" } }
"""
META = ('meta_graphs { meta_info_def { tags: "%s" stripped_op_list { op { name: "MatMul" } op { name: "Const" } } }\n'
        "  graph_def {" + NODES + "}" + SIGNATURE + "}\n")


def field(number, payload):
    def varint(n):
        out = b""
        while n > 127:
            out += bytes([n & 127 | 128])
            n >>= 7
        return out + bytes([n])
    if isinstance(payload, int):
        return varint(number << 3) + varint(payload)
    if isinstance(payload, str):
        payload = payload.encode()
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def main():
    parser = argparse.ArgumentParser(description="SavedModel folders")
    parser.add_argument("--amp-opt", required=True)
    args = parser.parse_args()
    failures = []
    count = 0

    def check(what, holds, more=""):
        nonlocal count
        count += 1
        if not holds:
            failures.append("%s: %s" % (what, more))

    def run(*flags):
        return subprocess.run([args.amp_opt] + list(flags), capture_output=True, text=True, timeout=60)

    def write(path, data):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(data.encode() if isinstance(data, str) else data)

    def read(path):
        with open(path, "rb") as f:
            return f.read()

    with tempfile.TemporaryDirectory() as t:
        model, out = os.path.join(t, "model"), os.path.join(t, "out")
        text = "saved_model_schema_version: 1\n" + META % ("serve", "out:0") + META % ("train", "logits:0")
        write(os.path.join(model, "saved_model.pbtxt"), text)
        weights = bytes(range(256)) * 999
        write(os.path.join(model, "variables", "variables.data-00000-of-00001"), weights)
        write(os.path.join(model, "assets", "vocabulary.txt"), "a\nb\n")
        write(os.path.join(model, "assets.extra", "deep", "more"), "x")
        write(os.path.join(model, "fingerprint.pb"), b"\x08\x01")
        os.symlink("vocabulary.txt", os.path.join(model, "assets", "link.txt"))

        report = os.path.join(t, "report.json")
        done = run(model, "-o", out, "--report=" + report)
        check("text", done.returncode == 0, done.stderr)
        # The signature of the second graph fetches the product itself.
        lines = done.stderr.splitlines()
        check("one line a graph", len(lines) == 2 and lines[0].startswith("amp-opt: serve: lowered ") and
              lines[1].startswith("amp-opt: train: lowered "), done.stderr)
        written = read(os.path.join(out, "saved_model.pbtxt")).decode()
        first, second = written.split("meta_graphs {")[1:]
        check("types", first.count("DT_HALF") > second.count("DT_HALF") > 0, written)
        check("default type", 'op: "MaxPool"' in first and "pool-0-Cast" not in first, first)
        for part in (first, second):
            names = [line.split('"')[1] for line in part.split("graph_def {")[0].splitlines() if "name:" in line]
            check("op list", names[:1] + names[-1:] and "Cast" in names and "MatMul" in names, names)
        with open(report, encoding="utf-8") as f:
            functions = {node["function"] for node in json.load(f)["nodes"]}
        check("report", functions == {"serve/main", "train/main"}, functions)
        check("variables", read(os.path.join(out, "variables", "variables.data-00000-of-00001")) == weights)
        check("assets", read(os.path.join(out, "assets", "link.txt")) == b"a\nb\n")
        check("extra", read(os.path.join(out, "assets.extra", "deep", "more")) == b"x")
        check("fingerprint of another model", not os.path.exists(os.path.join(out, "fingerprint.pb")))
        check("rights", os.stat(out).st_mode == os.stat(model).st_mode, oct(os.stat(out).st_mode))

        # Nothing changes without the rewrite, and then the fingerprint holds.
        same = os.path.join(t, "same")
        done = run(os.path.join(model, "saved_model.pbtxt"), "-o", same, "--no-amp")
        check("no-amp", done.returncode == 0, done.stderr)
        for name in ("saved_model.pbtxt", "fingerprint.pb"):
            check("no-amp " + name, read(os.path.join(same, name)) == read(os.path.join(model, name)))

        # A folder that is there.
        before = read(os.path.join(out, "saved_model.pbtxt"))
        done = run(model, "-o", out)
        check("exists", done.returncode == 2 and "exists: remove it, or add --overwrite" in done.stderr, done.stderr)
        write(os.path.join(out, "old"), "left from before")
        done = run(model, "-o", out, "--overwrite")
        check("overwrite", done.returncode == 0 and not os.path.exists(os.path.join(out, "old")), done.stderr)
        check("same bytes", read(os.path.join(out, "saved_model.pbtxt")) == before)
        empty = os.path.join(t, "empty")
        os.mkdir(empty)
        done = run(model, "-o", empty + "/")
        check("empty folder", done.returncode == 0 and os.path.exists(os.path.join(empty, "saved_model.pbtxt")),
              done.stderr)

        # Binary: what is opaque, and what nobody knows, survives; functions of
        # the object graph are rewritten although no node calls them.
        body = run_graph(t, run, args.amp_opt)
        objects = field(1, field(1, "root")) + field(2, field(1, "__inference_f") + field(2, b"\x0a\x01\x07"))
        meta = (field(1, field(4, "serve")) + field(2, body) + field(7, objects) +
                field(99, b"of a later version"))
        binary = os.path.join(t, "binary")
        write(os.path.join(binary, "saved_model.pb"), field(1, 1) + field(2, meta))
        os.mkdir(os.path.join(binary, "variables"))
        target = os.path.join(t, "binary_out")
        done = run(binary, "-o", target)
        check("binary", done.returncode == 0, done.stderr)
        check("binary summary", "lowered 3 of 4 nodes" in done.stderr, done.stderr)
        data = read(os.path.join(target, "saved_model.pb"))
        check("object graph", field(7, objects) in data)
        check("unknown field", field(99, b"of a later version") in data)
        check("casts in the body", b"x-0-CastToFp16-0-AutoMixedPrecision" in data)
        check("empty folder goes along", os.path.isdir(os.path.join(target, "variables")))

        # In text, an object graph is text, and what it says of functions counts.
        objects = """object_graph_def {
    nodes { children { node_id: 1 local_name: "a } \\" {" } }  # } not one
    concrete_functions {
      key: "__inference_f" value { bound_inputs: 7 } }
    concrete_functions < key: 'none' value < > >
  }"""
        with open(os.path.join(t, "graph.pb"), "rb") as f:
            graph_bytes = f.read()
        run(os.path.join(t, "graph.pb"), "-o", os.path.join(t, "graph.pbtxt"), "--no-amp")
        graph_text = read(os.path.join(t, "graph.pbtxt")).decode()
        model_text = "meta_graphs {\n  %s\n  graph_def {\n%s  }\n}\n" % (objects, graph_text)
        write(os.path.join(t, "objects", "saved_model.pbtxt"), model_text)
        target = os.path.join(t, "objects_out")
        done = run(os.path.join(t, "objects"), "-o", target)
        check("text with objects", graph_bytes and done.returncode == 0 and "lowered 3 of 4 nodes" in done.stderr, done.stderr)
        once = read(os.path.join(target, "saved_model.pbtxt")).decode()
        check("objects in text", objects.replace("def {", "def: {") in once, once[-1500:])
        done = run(target, "-o", os.path.join(t, "objects_again"), "--target=bfloat16")
        again = read(os.path.join(t, "objects_again", "saved_model.pbtxt")).decode()
        check("objects in text, again", done.returncode == 0 and objects.replace("def {", "def: {") in again, done.stderr)
        done = run(os.path.join(t, "objects"), "-o", os.path.join(t, "objects_same"), "--no-amp")
        check("objects in text, --no-amp", read(os.path.join(t, "objects_same", "saved_model.pbtxt")).decode() == model_text)
        write(os.path.join(t, "late", "saved_model.pbtxt"), model_text.replace("  graph_def {\n", "  graph_def {\n  nodde { }\n"))
        write(os.path.join(t, "open", "saved_model.pbtxt"), "meta_graphs {\n  object_graph_def {\n    nodes {\n}\n")

        # Wrong uses.
        write(os.path.join(t, "cut", "saved_model.pb"), read(os.path.join(binary, "saved_model.pb"))[:60])
        write(os.path.join(t, "bare", "other.pb"), "x")
        write(os.path.join(t, "none", "saved_model.pb"), field(1, 1))
        write(os.path.join(t, "signature", "saved_model.pbtxt"), META % ("serve", "nothing:0"))
        write(os.path.join(t, "syntax", "saved_model.pbtxt"), "meta_graphs {\n  graph {\n")
        write(os.path.join(t, "twice", "saved_model.pbtxt"),
              (META % ("serve", "out:0")).replace('name: "pool"', 'name: "relu"'))
        os.mkfifo(os.path.join(t, "syntax", "pipe"))
        write(os.path.join(t, "pipe", "saved_model.pbtxt"), META % ("serve", "out:0"))
        os.mkfifo(os.path.join(t, "pipe", "pipe"))
        write(os.path.join(t, "circle", "saved_model.pbtxt"), META % ("serve", "out:0"))
        os.symlink(".", os.path.join(t, "circle", "again"))
        new = os.path.join(t, "new")
        for name, source, flags, code, message in (
                ("no output", "model", [], 2, "a SavedModel is written as a folder: name it with -o"),
                ("file", "model", ["-o", new + ".pb"], 2, "a SavedModel is written as a folder, and -o"),
                ("inside", "model", ["-o", os.path.join(model, "variables", "amp")], 2,
                 "lies in the SavedModel that is read"),
                ("no folder", "model", ["-o", report], 2, "names a file"),
                ("other folder", "model", ["-o", os.path.join(t, "bare"), "--overwrite"], 2,
                 "exists and is no SavedModel"),
                ("no model", "bare", ["-o", new], 1, "is a folder without saved_model.pb and saved_model.pbtxt"),
                ("cut", "cut", ["-o", new], 1, "error: not a whole SavedModel"),
                ("no graph", "none", ["-o", new], 1, "holds no meta graph"),
                ("signature", "signature", ["-o", new], 1,
                 "output 'y' of signature 'serving_default' names 'nothing:0', which is not in the graph"),
                ("syntax", "syntax", ["-o", new], 1,
                 'saved_model.pbtxt:2:9: error: message type "MetaGraphDef" has no field named "graph"'),
                ("behind objects", "late", ["-o", new], 1,
                 'saved_model.pbtxt:9:9: error: message type "GraphDef" has no field named "nodde"'),
                ("open objects", "open", ["-o", new], 1, "saved_model.pbtxt:2:20: error: "),
                ("node", "twice", ["-o", new], 1, "error: two nodes have the name 'relu'"),
                ("flag", "model", ["-o", new, "--fetch=nothing"], 1, "--fetch: no node 'nothing' in any meta graph"),
                ("loss", "model", ["-o", new, "--loss=out"], 1, "error: no gradients to scale"),
                ("pipe", "pipe", ["-o", new], 4, "it is neither file nor folder"),
                ("circle", "circle", ["-o", new], 4, "more than 32 folders deep"),
                ("parent", "model", ["-o", os.path.join(t, "nowhere", "new")], 4, "cannot write"),
        ):
            done = run(os.path.join(t, source), *flags)
            check(name, done.returncode == code and message in done.stderr,
                  "exit %d: %s" % (done.returncode, done.stderr))
            check(name + " leaves nothing", not os.path.exists(new))
        left = [name for name in os.listdir(t) if name.startswith(".amp")]
        check("temporary folders", not left, left)
    for line in failures:
        print(line)
    print("%d checks, %d failures" % (count, len(failures)))
    return 1 if failures else 0


def run_graph(t, run, amp_opt):
    """A GraphDef in binary with a function that no node calls."""
    typed = {"T": {"type": "DT_FLOAT"}}
    function = {
        "signature": {"name": "__inference_f", "inputArg": [{"name": "x", "type": "DT_FLOAT"}],
                      "outputArg": [{"name": "y", "type": "DT_FLOAT"}]},
        "nodeDef": [{"name": "a", "op": "MatMul", "input": ["x", "x"], "attr": typed},
                    {"name": "b", "op": "MatMul", "input": ["a:product:0", "x"], "attr": typed},
                    {"name": "c", "op": "Identity", "input": ["b:product:0"], "attr": typed}],
        "ret": {"y": "c:output:0"}}
    path = os.path.join(t, "graph.json")
    with open(path, "w", encoding="utf-8") as f:
        json.dump({"node": [{"name": "n", "op": "NoOp"}], "library": {"function": [function]}}, f)
    done = run(path, "-o", os.path.join(t, "graph.pb"), "--no-amp")
    assert done.returncode == 0, done.stderr
    with open(os.path.join(t, "graph.pb"), "rb") as f:
        return f.read()


if __name__ == "__main__":
    sys.exit(main())
