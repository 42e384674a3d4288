"""Checks graph files against docs/amp-graph.schema.json, and that files which
are wrong in one place are refused there. Holds the part of JSON Schema that
the schema uses, so that the test needs no package.

    schema.py SCHEMA FILE…
"""

import copy
import json
import os
import re
import sys

TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
# What a schema may hold without saying anything about a value.
SILENT = {"$schema", "$defs", "title", "description", "default", "then"}


def is_type(value, name):
    if name == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if name == "integer":
        return is_type(value, "number") and value == int(value)
    return isinstance(value, TYPES[name])


class Schema:
    def __init__(self, root):
        self.root = root

    def fits(self, value, schema):
        return not self.errors(value, schema, [])

    def errors(self, value, schema, path):
        """Paths of what does not fit."""
        found = []
        for key, rule in schema.items():
            if key not in SILENT:
                found += getattr(self, "on_" + key.strip("$"))(value, rule, schema, path)
        return found

    def on_ref(self, value, rule, schema, path):
        target = self.root
        for part in rule.split("/")[1:]:
            target = target[part]
        return self.errors(value, target, path)

    def on_type(self, value, rule, schema, path):
        return [] if is_type(value, rule) else [path]

    def on_const(self, value, rule, schema, path):
        return [] if value == rule else [path]

    def on_enum(self, value, rule, schema, path):
        return [] if value in rule else [path]

    def on_pattern(self, value, rule, schema, path):
        return [path] if isinstance(value, str) and not re.search(rule, value) else []

    def on_minLength(self, value, rule, schema, path):
        return [path] if isinstance(value, str) and len(value) < rule else []

    def on_maxLength(self, value, rule, schema, path):
        return [path] if isinstance(value, str) and len(value) > rule else []

    def on_minimum(self, value, rule, schema, path):
        return [path] if is_type(value, "number") and value < rule else []

    def on_maximum(self, value, rule, schema, path):
        return [path] if is_type(value, "number") and value > rule else []

    def on_exclusiveMinimum(self, value, rule, schema, path):
        return [path] if is_type(value, "number") and value <= rule else []

    def on_exclusiveMaximum(self, value, rule, schema, path):
        return [path] if is_type(value, "number") and value >= rule else []

    def on_minItems(self, value, rule, schema, path):
        return [path] if isinstance(value, list) and len(value) < rule else []

    def on_maxItems(self, value, rule, schema, path):
        return [path] if isinstance(value, list) and len(value) > rule else []

    def on_minProperties(self, value, rule, schema, path):
        return [path] if isinstance(value, dict) and len(value) < rule else []

    def on_maxProperties(self, value, rule, schema, path):
        return [path] if isinstance(value, dict) and len(value) > rule else []

    def on_required(self, value, rule, schema, path):
        return [path] if isinstance(value, dict) and not set(rule) <= set(value) else []

    def on_items(self, value, rule, schema, path):
        if not isinstance(value, list):
            return []
        return [e for i, item in enumerate(value) for e in self.errors(item, rule, path + [i])]

    def on_properties(self, value, rule, schema, path):
        if not isinstance(value, dict):
            return []
        return [e for key in value if key in rule for e in self.errors(value[key], rule[key], path + [key])]

    def on_additionalProperties(self, value, rule, schema, path):
        if not isinstance(value, dict):
            return []
        extra = [key for key in value if key not in schema.get("properties", {})]
        if rule is False:
            return [path + [key] for key in extra]
        return [e for key in extra for e in self.errors(value[key], rule, path + [key])]

    def on_allOf(self, value, rule, schema, path):
        return [e for each in rule for e in self.errors(value, each, path)]

    def on_anyOf(self, value, rule, schema, path):
        return [] if any(self.fits(value, each) for each in rule) else [path]

    def on_oneOf(self, value, rule, schema, path):
        return [] if sum(self.fits(value, each) for each in rule) == 1 else [path]

    def on_if(self, value, rule, schema, path):
        return self.errors(value, schema["then"], path) if self.fits(value, rule) else []


def node(op, inputs=(), attrs=None):
    value = {"name": "new", "op": op, "inputs": list(inputs)}
    if attrs is not None:
        value["attrs"] = attrs
    return value


RIGHT = [
    node("mylib.fancy", ["x"], {"anything": [1, {"a": None}]}),
    node("neg", ["x:1"]),
    node("pad", ["x"], {"paddings": [[0, 0], [1, 2]], "value": "-inf"}),
    node("slice", ["x"], {"begin": [0, 1], "end": [None, 5], "strides": 2}),
    node("reshape", ["x"], {"shape": [-1, "batch", 4]}),
    node("constant", [], {"dtype": "float32", "shape": [2, 1], "value": [[1], ["nan"]]}),
    node("constant", [], {"dtype": "float32", "shape": [], "value": {"weights": "w"}}),
    node("conv2d", ["x", "f"], {"strides": [1, 2], "padding": "valid"}),
    node("apply_rmsprop", ["v", "v/rms", "r", "g", "c"]),
    node("add_n", ["a"]),
    node("reduce_sum", ["a"], {"axes": [0, -1]}),
]

# The node and where, below the node, the schema points.
WRONG = [
    (node("matmull", ["a", "b"]), ["op"]),
    (node("matmul", ["a"]), ["inputs"]),
    (node("matmul", ["a", "b", "c"]), ["inputs"]),
    (node("add_n", []), ["inputs"]),
    (node("matmul", ["a", "b"], {"transpose": True}), ["attrs", "transpose"]),
    (node("matmul", ["a", "b"], {"transpose_a": 1}), ["attrs", "transpose_a"]),
    (node("softmax", ["a"], {"axis": 0.5}), ["attrs", "axis"]),
    (node("softmax", ["a"], {"axis": [1]}), ["attrs", "axis"]),
    (node("cast", ["a"], {"to": "half"}), ["attrs", "to"]),
    (node("cast", ["a"], {}), ["attrs"]),
    (node("cast", ["a"]), []),
    (node("dropout", ["a"], {"rate": 1, "seed": 1}), ["attrs", "rate"]),
    (node("dropout", ["a"], {"rate": "inf", "seed": 1}), ["attrs", "rate"]),
    (node("conv2d", ["a", "b"], {"padding": "full"}), ["attrs", "padding"]),
    (node("conv2d", ["a", "b"], {"strides": 0}), ["attrs", "strides"]),
    (node("pad", ["a"], {"paddings": [0, 0]}), ["attrs", "paddings", 0]),
    (node("pad", ["a"], {"paddings": [[0]]}), ["attrs", "paddings", 0]),
    (node("slice", ["a"], {"begin": [0], "end": [-1]}), ["attrs", "end", 0]),
    (node("slice", ["a"], {"begin": [0], "end": ["n"]}), ["attrs", "end", 0]),
    (node("broadcast_to", ["a"], {"shape": [-1]}), ["attrs", "shape", 0]),
    (node("reshape", ["a"], {"shape": [-2]}), ["attrs", "shape", 0]),
    (node("constant", [], {"dtype": "int32", "shape": ["n"], "value": 1}), ["attrs", "shape", 0]),
    (dict(node("neg", ["a"]), name="a:1"), ["name"]),
    (dict(node("neg", ["a"]), name=""), ["name"]),
    (dict(node("neg", ["a"]), precision="float64"), ["precision"]),
    (dict(node("neg", ["a"]), note="x"), ["note"]),
    (dict(node("neg", ["a"]), types=[{"dtype": "float32"}]), ["types", 0]),
]

# Changes of an example, by path, and where the schema points.
CHANGES = [
    (["extra"], 1, ["extra"]),
    (["version"], "2.0", ["version"]),
    (["format"], "other", ["format"]),
    (["variables", 0, "weights"], "w", ["variables", 0]),
    (["variables", 0, "shape"], ["n"], ["variables", 0, "shape", 0]),
    (["variables", 0, "init"], {"zeros": {}, "ones": {}}, ["variables", 0, "init"]),
    (["variables", 0, "init"], {"normal": {"low": 1}}, ["variables", 0, "init", "normal", "low"]),
    (["functions", -1, "training", "optimizer"], {"adam": {"beta_1": 1}},
     ["functions", -1, "training", "optimizer", "adam", "beta_1"]),
    (["functions", -1, "training", "optimizer"], {"lion": {}}, ["functions", -1, "training", "optimizer", "lion"]),
    (["functions", -1, "training", "clip_norm"], 0, ["functions", -1, "training", "clip_norm"]),
]


def main(schema_file, *files):
    with open(schema_file, encoding="utf-8") as f:
        root = json.load(f)
    schema = Schema(root)
    failures = []

    def expect(what, value, wanted):
        found = schema.errors(value, root, [])
        if wanted is None and found:
            failures.append(f"{what}: refused at {found}")
        elif wanted is not None and wanted not in found:
            failures.append(f"{what}: expected an error at {wanted}, found {found}")

    documents = []
    for name in files:
        with open(name, encoding="utf-8") as f:
            text = f.read()
        documents.append(json.loads(text))
        expect(name, documents[-1], None)
        # An editor finds the schema from the example.
        named = os.path.join(os.path.dirname(name), documents[-1].get("$schema", ""))
        if os.path.realpath(named) != os.path.realpath(schema_file) and "types" not in text:
            failures.append(f"{name}: names no schema, or another one")

    example = documents[0]
    last = len(example["functions"]) - 1
    position = ["functions", last, "nodes", len(example["functions"][last]["nodes"])]
    for new, wanted in [(each, None) for each in RIGHT] + WRONG:
        changed = copy.deepcopy(example)
        changed["functions"][last]["nodes"].append(new)
        expect(json.dumps(new), changed, wanted if wanted is None else position + wanted)
    for path, new, wanted in CHANGES:
        changed = copy.deepcopy(example)
        target = changed
        for key in path[:-1]:
            target = target[key]
        target[path[-1]] = new
        expect(json.dumps({"/".join(map(str, path)): new}), changed, [last if key == -1 else key for key in wanted])

    print("\n".join(failures) or "ok")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
