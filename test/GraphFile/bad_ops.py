# Writes wrong uses of ops as files of test/GraphFile/bad/ops, a file or two per op with a
# wrong node per line:
#
#   bad_ops.py --amp-opt=build/bin/amp-opt OP [OP ...]     or --missing
#
# Starts from a node that is right (test/E2E/op_examples.py; a backward op, from what
# amp-opt makes of that) and changes its operands and attributes one by one: an element
# type, a rank, a size, one operand too few or too many, an attribute out of range, of
# another kind, missing, unknown. What the reader refuses is kept, at most six with
# different messages. The messages are then recorded, and read, by
#
#   AMP_UPDATE_EXPECTED=1 build/bin/GraphFileTests --gtest_filter=BadFilesTest.*
#
# which counts that each op has three.

import argparse
import copy
import json
import os
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "lib"), os.path.join(HERE, "..", "E2E")]
import op_examples  # noqa: E402
from graph_builder import rows  # noqa: E402

FOLDER = os.path.join(HERE, "bad", "ops")
MOST = 6


class Tool:
    def __init__(self, amp_opt, directory):
        self.amp_opt, self.directory = amp_opt, directory

    def run(self, file, *flags):
        path, out = (os.path.join(self.directory, name) for name in ("case.json", "out.json"))
        with open(path, "w", encoding="utf-8") as f:
            json.dump(file, f)
        done = subprocess.run([self.amp_opt, path, "-o", out] + list(flags), capture_output=True, text=True)
        if done.returncode:
            return None, done.stderr
        with open(out, encoding="utf-8") as f:
            return json.load(f), ""

    def messages(self, text):
        """What the reader says of a text, with the lines that it shows."""
        path = os.path.join(self.directory, "case.json")
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return subprocess.run([self.amp_opt, path, "--no-amp", "-o", os.path.join(self.directory, "out.json")],
                              capture_output=True, text=True).stderr

    def refusal(self, case):
        """The reader's first message about the one node of a case; None when it is right."""
        _, text = self.run(file_of(case["node"]["op"], [case]), "--no-amp")
        found = re.search(r"error: (.*)", text)
        return found and found.group(1)


def file_of(op, cases):
    """A file with the nodes of some cases, each with the operands that it names."""
    inputs, variables, nodes = {}, {}, []
    for case in cases:
        for name, (kind, entry) in case["operands"].items():
            (variables if kind == "variable" else inputs)[name] = entry
        nodes.append(case["node"])
    inputs.setdefault("x", {"name": "x", "dtype": "float32", "shape": [4, 4]})
    nodes = [{"name": "fine", "op": "identity", "inputs": ["x"]}] + nodes
    return {"format": "amp-graph", "version": "1.0", "name": op, "variables": list(variables.values()),
            "functions": [{"name": "f", "inputs": list(inputs.values()), "nodes": nodes, "outputs": ["fine"]}]}


def case_of(file, node):
    """A right node of a file as a case: its operands are inputs or variables of their own."""
    function = file["functions"][0]
    entries = {v["name"]: ("variable", v) for v in file.get("variables", [])}
    entries.update({i["name"]: ("input", i) for i in function["inputs"]})
    for other in function["nodes"]:
        for i, result in enumerate(other.get("types", [])):
            name = other["name"] + (":%d" % i if i else "")
            entries[name] = ("input", dict(result, name="v%d" % len(entries)))
    operands, names = {}, []
    for ref in node.get("inputs", []):
        kind, entry = entries[ref]
        operands[entry["name"]] = (kind, {k: v for k, v in entry.items() if k != "trainable"})
        names.append(entry["name"])
    kept = {"name": "node", "op": node["op"]}
    if names:
        kept["inputs"] = names
    if node.get("attrs"):
        kept["attrs"] = node["attrs"]
    return {"operands": operands, "node": kept}


def right_case(tool, op):
    if op in op_examples.UPDATES or op in op_examples.EXAMPLES or op in op_examples.LOSS_SCALE:
        file = op_examples.function_of(op)
        return case_of(file, file["functions"][0]["nodes"][0])
    if op == "sum_to":
        return {"operands": {"g": ("input", {"name": "g", "dtype": "float32", "shape": [3, 4, 4]})},
                "node": {"name": "node", "op": op, "inputs": ["g"], "attrs": {"shape": [4, 4]}}}
    forward = re.sub(r"(_input|_filter)?_grad$", "", op)
    for which in range(4):
        file = op_examples.training_of(forward, which)
        expanded, _ = tool.run(file, "--policy=none") if file else (None, "")
        for node in expanded["functions"][0]["nodes"] if expanded else []:
            if node["op"] == op:
                return case_of(expanded, node)
    raise SystemExit("bad_ops.py: no right node of '%s' is known" % op)


def changed_operand(case, index, **change):
    """The case with another type of one operand, under a name of its own."""
    case = copy.deepcopy(case)
    old = case["node"]["inputs"][index]
    kind, entry = case["operands"][old]
    entry = dict(entry, **change)
    if "init" in entry:
        entry["init"] = {"zeros": {}}
    name = "%s_%s" % (entry["dtype"], "x".join(str(d) for d in entry["shape"]) or "scalar")
    if kind == "variable":
        name = "v_" + name
    entry["name"] = name
    case["operands"][name] = (kind, entry)
    case["node"]["inputs"][index] = name
    return case


def changed_attrs(case, **change):
    case = copy.deepcopy(case)
    attrs = dict(case["node"].get("attrs", {}), **change)
    case["node"]["attrs"] = {k: v for k, v in attrs.items() if v is not None}
    return case


def mutations(case):
    """Changes that may be mistakes, the most telling first."""
    node = case["node"]
    entries = [case["operands"][name][1] for name in node.get("inputs", [])]
    attrs = node.get("attrs", {})
    for i, entry in reversed(list(enumerate(entries))):
        shape = entry["shape"]
        if shape:
            yield changed_operand(case, i, shape=shape[:-1] + [shape[-1] + 3])
            yield changed_operand(case, i, shape=shape[:-1])
        yield changed_operand(case, i, shape=shape + [5])
    for key, value in attrs.items():
        if isinstance(value, bool):
            continue
        for other in (-7, 7, [], [0, 0], [3, 9, 9], 1e9):
            if type(value) in (int, float) and isinstance(other, list):
                continue
            yield changed_attrs(case, **{key: other})
    for i, entry in enumerate(entries):
        for dtype in ("bool", "int32", "float16", "uint8"):
            if dtype != entry["dtype"]:
                yield changed_operand(case, i, dtype=dtype)
    for key in attrs:
        yield changed_attrs(case, **{key: None})
    for key, value in attrs.items():
        yield changed_attrs(case, **{key: "often" if not isinstance(value, str) else 3})
    if entries:
        fewer = copy.deepcopy(case)
        fewer["node"]["inputs"].pop()
        yield fewer
        none = copy.deepcopy(case)
        none["node"]["inputs"] = []
        yield none
    more = copy.deepcopy(case)
    more["operands"].setdefault("x", ("input", {"name": "x", "dtype": "float32", "shape": [4, 4]}))
    more["node"]["inputs"] = more["node"].get("inputs", []) + ["x"] * 3
    yield more
    for key in ("axis", "layout", "training"):
        if key not in attrs:
            yield changed_attrs(case, **{key: 9})
    yield changed_attrs(case, colour=1)
    if entries:
        absent = copy.deepcopy(case)
        absent["node"]["inputs"][0] = "absent"
        yield absent


def same_mistake(message):
    """Messages that differ in names and numbers alone tell of one mistake."""
    return re.sub(r"'[^']*'|-?[0-9.]+|float32|float16|int32|uint8|bool", "_", message)


def write(tool, op):
    case = right_case(tool, op)
    problem = tool.refusal(case)
    if problem:
        raise SystemExit("bad_ops.py: the right node of '%s' is refused: %s" % (op, problem))
    kept, seen = [], set()
    for wrong in mutations(case):
        message = tool.refusal(wrong)
        if not message or same_mistake(message) in seen:
            continue
        seen.add(same_mistake(message))
        wrong["node"]["name"] = "wrong_%d" % (len(kept) + 1)
        used = wrong["node"].get("inputs", [])
        wrong["operands"] = {k: v for k, v in wrong["operands"].items() if k in used}
        kept.append(wrong)
        if len(kept) == MOST:
            break
    # The reader says first what it cannot read at all, and only of a file that it can read
    # what does not fit: a file for each kind.
    waiting, number = kept, 1
    while waiting:
        name = op if number == 1 else "%s-%d" % (op, number)
        text = text_of(op, waiting)
        said = tool.messages(text)
        lines = {re.search(r'"(wrong_\d+)"', line).group(1): i for i, line in enumerate(text.splitlines(), 1)
                 if '"wrong_' in line}
        told = [c for c in waiting if "case.json:%d:" % lines[c["node"]["name"]] in said]
        if not told:
            kept = [c for c in kept if c not in waiting]
            break
        text = text_of(op, told)
        os.makedirs(FOLDER, exist_ok=True)
        with open(os.path.join(FOLDER, name + ".json"), "w", encoding="utf-8") as f:
            f.write(text)
        waiting, number = [c for c in waiting if c not in told], number + 1
    print("%s: %d wrong uses" % (op, len(kept)), flush=True)
    return len(kept)


def text_of(op, cases):
    file = file_of(op, cases)
    function = file["functions"][0]
    lines = ["{", '  "format": "amp-graph",', '  "version": "1.0",', '  "name": "%s",' % op]
    if file["variables"]:
        lines += ['  "variables": ['] + rows(file["variables"], 4) + ["  ],"]
    lines += ['  "functions": [', "    {", '      "name": "f",', '      "inputs": [']
    lines += rows(function["inputs"], 8) + ["      ],", '      "nodes": ['] + rows(function["nodes"], 8)
    return "\n".join(lines + ["      ],", '      "outputs": ["fine"]', "    }", "  ]", "}", ""])


def all_ops():
    """Every op that docs/GraphFile.md lists."""
    with open(os.path.join(HERE, "..", "..", "docs", "GraphFile.md"), encoding="utf-8") as f:
        text = f.read()
    ops = []
    for part in re.findall(r"<!-- generated: (?:forward|backward) ops -->(.*?)<!-- end generated -->", text, re.S):
        ops += re.findall(r"^\| `([a-z0-9_]+)` \|", part, re.M)
    return ops


def main():
    parser = argparse.ArgumentParser(description="wrong uses of ops")
    parser.add_argument("ops", nargs="*")
    parser.add_argument("--amp-opt", required=True)
    parser.add_argument("--missing", action="store_true", help="all ops that have no file")
    args = parser.parse_args()
    ops = args.ops
    if args.missing:
        ops = [op for op in all_ops() if not os.path.exists(os.path.join(FOLDER, op + ".json"))]
    with tempfile.TemporaryDirectory() as directory:
        few = [op for op in ops if write(Tool(args.amp_opt, directory), op) < 3]
    if few:
        raise SystemExit("fewer than three: " + ", ".join(few))


if __name__ == "__main__":
    main()
