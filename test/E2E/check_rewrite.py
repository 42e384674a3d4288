# Compares a rewritten graph file with what the naive painter says it must be:
# every node, every operand, every type, every cast. Used by run_random.py.

import math
import re
import struct

from naive_painter import Function, LOW, paint, retargeted_casts, split_ref
from op_table import (DEFAULTS, LOSSES, Bad, Policy, forward_of, operand_in_group,
                      result_in_group)

LARGEST = {"float16": 65504.0, "bfloat16": 3.3895313892515355e38, "float32": 3.4028234663852886e38}
SMALLEST = {"float16": 2.0 ** -24, "bfloat16": 2.0 ** -133}


def number(value):
    return float(value) if isinstance(value, str) else value


def to_low(value, dtype):
    """A number in a 16-bit type: nearest even, finite overflow saturates, nonzero stays nonzero."""
    x = number(value)
    if isinstance(x, bool) or math.isnan(x) or math.isinf(x) or x == 0:
        return x
    # The literal is a float32 first.
    x = struct.unpack("f", struct.pack("f", x))[0]
    if dtype == "float16":
        y = math.copysign(LARGEST[dtype], x) if abs(x) > 65504 else struct.unpack("e", struct.pack("e", x))[0]
    else:
        bits = struct.unpack("I", struct.pack("f", x))[0]
        bits = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000
        y = struct.unpack("f", struct.pack("I", bits & 0xFFFFFFFF))[0]
        if math.isinf(y):
            y = math.copysign(LARGEST[dtype], x)
    if y == 0:
        y = math.copysign(SMALLEST[dtype], x)
    return y


def flat(value):
    if isinstance(value, list):
        return [x for v in value for x in flat(v)]
    return [value]


def same_number(a, b, tolerance=1e-7):
    a, b = number(a), number(b)
    if isinstance(a, float) and isinstance(b, float) and math.isnan(a) and math.isnan(b):
        return True
    return a == b or abs(a - b) <= tolerance * max(abs(a), abs(b))


class Checker:
    def __init__(self, policy, target):
        self.policy = Policy(policy, target)
        self.preset = policy
        self.target = target
        self.errors = []
        self.lowered = 0
        self.casts = 0

    def error(self, where, text):
        self.errors.append("%s: %s" % (where, text))

    def check_file(self, original, none, rewritten):
        """Returns {(function, node): type} of what was lowered."""
        found = {}
        for key in original:
            if key != "functions" and original[key] != rewritten.get(key) and key != "variables":
                self.error(key, "changed")
        kept = [v for v in rewritten["variables"] if v in original["variables"]]
        if kept != original["variables"] or rewritten["variables"] != none["variables"]:
            self.error("variables", "changed")
        names = [f["name"] for f in original["functions"]]
        if names != [f["name"] for f in rewritten["functions"]]:
            self.error("functions", "names or order changed")
            return found
        for o, n, r in zip(original["functions"], none["functions"], rewritten["functions"]):
            base = Function(none, n) if "training" in o else Function(original, o)
            try:
                result = Function(rewritten, r)
            except (Bad, KeyError, IndexError) as problem:
                self.error(o["name"], "does not type-check: %r" % problem)
                continue
            if "training" in r:
                self.error(o["name"], "the training section is still there")
            if o["inputs"] != r["inputs"]:
                self.error(o["name"], "inputs changed")
            for name, dtype in self.check_function(o["name"], base, result).items():
                found[(o["name"], name)] = dtype
        return found

    def check_function(self, title, base, result):
        lowered = paint(base, self.policy, self.target)
        casts = retargeted_casts(base, lowered, self.target)
        self.lowered += len(lowered)
        at = lambda name: "%s/%s" % (title, name)

        order = [n["name"] for n in result.json["nodes"] if n["name"] in base.nodes]
        if order != [n["name"] for n in base.json["nodes"]]:
            self.error(title, "nodes are missing or in another order")
            return {}
        for name, node in base.nodes.items():
            self.check_node(at(name), base, result, node, result.nodes[name], lowered, casts)
        self.check_generated(title, base, result)
        for (name, index), (dtype, shape) in result.types.items():
            if name in result.nodes:
                self.check_types(at(name), result.nodes[name], index, dtype, shape)
        self.check_outputs(title, base, result)
        self.check_groups(title, result)
        # What a reader of the file sees as lowered.
        seen = {n: result.group_dtype(n) for n in base.nodes
                if base.group_dtype(n) == "float32" and result.group_dtype(n) in LOW}
        if seen != lowered:
            for n in sorted(set(seen) | set(lowered)):
                if seen.get(n) != lowered.get(n):
                    self.error(at(n), "%s is %s, the naive painter says %s" % (
                        base.nodes[n]["op"], seen.get(n, "float32"), lowered.get(n, "float32")))
        return seen

    def check_node(self, where, base, result, node, new, lowered, casts):
        name = node["name"]
        for key in ("op", "precision", "doc", "origin"):
            if node.get(key) != new.get(key):
                self.error(where, "%s changed" % key)
        low = lowered.get(name)
        attrs, got = dict(node.get("attrs", {})), dict(new.get("attrs", {}))
        if node["op"] == "cast":
            wanted = self.target if casts.get(name) == "retarget" else attrs["to"]
            if got.get("to") != wanted:
                self.error(where, "casts to %s, not to %s" % (got.get("to"), wanted))
            attrs.pop("to"), got.pop("to", None)
        if node["op"] == "one_hot" and low:
            if got.pop("dtype", "float32") != low:
                self.error(where, "one_hot keeps its dtype")
            attrs.pop("dtype", None)
        for key in ("min", "max", "alpha", "value"):
            if low and key in attrs and key in got and node["op"] != "constant":
                a, b = attrs.pop(key), got.pop(key)
                if not same_number(to_low(a, low), to_low(b, low)) or abs(number(b)) > LARGEST[low]:
                    self.error(where, "attribute %s became %r" % (key, b))
        if node["op"] == "constant" and attrs["dtype"] in LOW:
            # A number of a 16-bit constant may be written as what it becomes.
            rounded = [[to_low(x, attrs["dtype"]) for x in flat(a.pop("value"))] for a in (attrs, got)]
            if len(rounded[0]) != len(rounded[1]) or not all(map(same_number, *rounded)):
                self.error(where, "the value changed")
        if normal_attrs(node["op"], attrs) != normal_attrs(node["op"], got):
            self.error(where, "attributes changed: %r to %r" % (attrs, got))

        types = base.operand_types(node)
        for i, ref in enumerate(node.get("inputs", [])):
            source = split_ref(ref)
            grouped = operand_in_group(node["op"], i, types[i][0], len(types))
            wanted = low if low and grouped else types[i][0]
            self.check_operand(where, base, result, source, split_ref(new["inputs"][i]), wanted,
                               node["op"] == "cast", casts)

    def check_operand(self, where, base, result, source, got, wanted, is_cast, casts):
        """The operand reads `source` in type `wanted`, directly where it can."""
        if is_cast:
            if got != source:
                self.error(where, "an existing cast reads %s:%d, not its operand" % got)
            return
        direct = [source]
        # A cast of the user's from the low type: its operand may be read instead.
        node = base.nodes.get(source[0])
        if node is not None and node["op"] == "cast":
            behind = split_ref(result.nodes[source[0]]["inputs"][0])
            if result.types[behind][0] == wanted and wanted in LOW:
                if casts.get(source[0]) == "bypass":
                    direct = []
                direct.append(behind)
        for ref in direct:
            if result.types[ref][0] == wanted:
                if got == ref:
                    return
        if result.types[source][0] == wanted and casts.get(source[0]) != "bypass":
            self.error(where, "reads %s:%d, not %s:%d" % (got + source))
            return
        generated = result.nodes.get(got[0])
        if generated is None or got[0] in base.nodes:
            self.error(where, "reads %s:%d instead of a cast of %s to %s" % (got + (source[0], wanted)))
            return
        stem = source[0] + ("/%d" % source[1] if source[1] else "") + "/cast_" + wanted
        if not re.fullmatch(re.escape(stem) + r"(_\d+)?", got[0]):
            self.error(where, "reads %s, expected %s" % (got[0], stem))
        elif generated["op"] == "cast":
            if split_ref(generated["inputs"][0]) != source or generated["attrs"] != {"to": wanted}:
                self.error(where, "%s is another cast" % got[0])
        elif generated["op"] == "constant" and node is not None and node["op"] == "constant":
            self.check_constant(where, node, generated, wanted)
        else:
            self.error(where, "%s is no cast" % got[0])

    def check_constant(self, where, node, twin, dtype):
        if twin["attrs"]["dtype"] != dtype or twin["attrs"].get("shape") != node["attrs"].get("shape"):
            self.error(where, "converted constant of another type")
        a, b = flat(node["attrs"]["value"]), flat(twin["attrs"]["value"])
        if len(set(map(str, a))) == 1 and len(b) == 1:
            a = a[:1]
        if len(a) != len(b) or not all(same_number(to_low(x, dtype), y) for x, y in zip(a, b)):
            self.error(where, "converted constant %r became %r" % (a[:4], b[:4]))

    def check_generated(self, title, base, result):
        seen = {}
        for name, node in result.nodes.items():
            if name in base.nodes:
                continue
            if node["op"] not in ("cast", "constant"):
                self.error(title, "new node %s of op %s" % (name, node["op"]))
                continue
            used = result.uses.get((name, 0)) or any(r == (name, 0) for _, r in result.outputs())
            if not used:
                self.error(title, "%s is not used" % name)
            if node["op"] != "cast":
                continue
            self.casts += 1
            source = split_ref(node["inputs"][0])
            if result.types[source][0] == node["attrs"]["to"]:
                self.error(title, "%s casts to the type its operand has" % name)
            key = (source, node["attrs"]["to"])
            if key in seen:
                self.error(title, "%s and %s are the same cast" % (name, seen[key]))
            seen[key] = name

    def check_types(self, where, node, index, dtype, shape):
        types = node.get("types")
        if not types or index >= len(types):
            self.error(where, "no types for result %d" % index)
        elif types[index]["dtype"] != dtype or types[index]["shape"] != shape:
            self.error(where, "types say %r, inference says %s %r" % (types[index], dtype, shape))

    def check_outputs(self, title, base, result):
        before, after = base.outputs(), result.outputs()
        if [n for n, _ in before] != [n for n, _ in after]:
            self.error(title, "outputs changed names")
            return
        for (name, source), (_, got) in zip(before, after):
            dtype = base.types[source][0]
            if result.types[got][0] != dtype:
                self.error(title, "output %s is %s" % (name, result.types[got][0]))
            self.check_operand("%s output %s" % (title, name), base, result, source, got, dtype,
                               False, {})

    def check_groups(self, title, result):
        for name, node in result.nodes.items():
            op, dtypes = node["op"], set()
            types = result.operand_types(node)
            for i, (dtype, _) in enumerate(types):
                if operand_in_group(op, i, dtype, len(types)):
                    dtypes.add(dtype)
            for i, (dtype, _) in enumerate(result.result_types(name)):
                if result_in_group(op, i, dtype):
                    dtypes.add(dtype)
            if len(dtypes) > 1:
                self.error("%s/%s" % (title, name), "mixed types in a group: %s" % sorted(dtypes))
            loss = forward_of(op) in LOSSES
            soft = forward_of(op) in ("softmax", "log_softmax") and self.preset == "default"
            pinned = node.get("precision") in LOW
            generated_from_low = node.get("origin") and result.nodes.get(
                node["origin"], {}).get("precision") in LOW
            if dtypes & set(LOW) and (loss or soft) and not pinned and not generated_from_low:
                if not any(self.user_low(result, node, i) for i in range(len(types))):
                    self.error("%s/%s" % (title, name), "%s in 16 bits" % op)

    def user_low(self, result, node, index):
        """Whether the operand is of a 16-bit type by the user's own choice, not ours."""
        todo, seen = [split_ref(node["inputs"][index])], set()
        while todo:
            ref = todo.pop()
            if ref in seen or result.types[ref][0] not in LOW:
                continue
            seen.add(ref)
            source = result.nodes.get(ref[0])
            if source is None:
                return True
            if source["op"] in ("cast", "constant") and "/cast_" not in ref[0]:
                return True
            todo += [split_ref(r) for r in source.get("inputs", [])]
        return False


def normal_attrs(op, attrs):
    """Attributes with defaults filled in and the ways to write them made one."""
    out = {}
    filled = dict(DEFAULTS.get(op, {}))
    filled.update(attrs)
    for key, value in filled.items():
        if value is None or filled.get(key) == "absent":
            continue
        if key in ("strides", "dilations", "window") and isinstance(value, int):
            value = [value]
        if key in ("strides", "dilations", "window") and len(set(value)) == 1:
            value = value[:1]
        if isinstance(value, (list, int, float)) and not isinstance(value, bool):
            out[key] = [str(float(x)) if isinstance(x, (int, float)) else str(x) for x in flat(value)]
        else:
            out[key] = value
    if op in ("max_pool2d", "avg_pool2d"):
        out.setdefault("strides", out["window"])
    return out
