"""Random modules of ops that nothing registers, with a models file made for each,
against a painter that asks what the rules say of paths, one vertex at a time.

    random_modules.py --amp-opt=PROGRAM --seed=N --count=N

Checks of each module: which type groups are lowered; that every op has the types that
follow from it, region and all; that a value has at most one cast to a type; that the
signature stands; and that a second rewrite changes nothing. The contract is verified by
amp-opt itself. A failure prints its seed; --keep=DIR leaves its files.
"""

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile

from naive_painter import Graph

LISTS = ("allow", "infer", "clear", "deny", "keep")
LOW = {"float16": "f16", "bfloat16": "bf16"}
LINE = re.compile(r'^\s*(?:(%[\w:]+) = )?"([\w.]+)"\(([^)]*)\)(.*)$')
TYPES = re.compile(r": \(([^()]*)\) -> (\(?[^()]*\)?)$")


class OpKind:
    """An op name of the models file."""

    def __init__(self, rng, name):
        self.name = name
        self.list = rng.choice(LISTS[:4] + ("infer", "clear", "allow", "keep"))
        self.groups = rng.choice(["all", "all", "all", "first", "two", "none", "f16 only"])
        self.region = rng.choice([None] * 5 + ["max", "add", "other"])
        if self.region:
            self.groups = "all"

    def description(self):
        op = {"list": self.list}
        if self.groups == "none":
            op["groups"] = "none"
        elif self.groups == "first":
            op["groups"] = [{"operands": [0], "results": [0]}]
        elif self.groups == "two":
            op["groups"] = [{"operands": [0], "results": [0]}, {"operands_from": 1, "results": [1]}]
        elif self.groups == "f16 only":
            op["groups"] = [{"operands_from": 0, "results": [0], "types": ["float16"]}]
        if self.region:
            op["regions"] = "retype"
            op["bodies"] = {"r.max": {"list": "clear"}}
        return op

    def effective_list(self):
        return "clear" if self.region == "max" else self.list

    def group_of(self, kind, i, is_float):
        """The group of an operand or result, or None."""
        if self.groups == "none" or self.region == "other":
            return None
        if self.groups == "all":
            return 0 if is_float else None
        if self.groups == "first":
            return 0 if i == 0 else None
        if self.groups == "two":
            return (0 if i == 0 else 1) if kind == "operand" or i < 2 else None
        return 0 if kind == "operand" or i == 0 else None

    def supports(self, target):
        return self.groups != "f16 only" or target == "float16"


class Module:
    """A function of random ops. Values are (op, result), or ('arg', i)."""

    def __init__(self, seed):
        rng = self.rng = random.Random(seed)
        self.kinds = [OpKind(rng, "r.op%d" % i) for i in range(rng.randint(4, 10))]
        self.args = ["f32"] * rng.randint(1, 3) + ["i32", "f64"]
        self.ops = []
        values = [(("arg", i), t) for i, t in enumerate(self.args)]
        for index in range(rng.randint(3, 30)):
            kind = rng.choice(self.kinds)
            floats = [v for v in values if v[1] == "f32"][-8:]
            operands = [rng.choice(floats) for _ in range(rng.randint(1, 3))]
            # Ops with one group for all may read other types; those are in none.
            if kind.groups == "all" and not kind.region and rng.random() < 0.2:
                operands.append((("arg", self.args.index("i32")), "i32"))
            results = ["f32"] * (2 if kind.groups == "two" else 1)
            self.ops.append((kind, [v for v, _ in operands], [t for _, t in operands], results))
            values += [((index, i), t) for i, t in enumerate(results)]
            # A constant now and then, as any value.
            if rng.random() < 0.15:
                values.append((("const", index), "f32"))
        self.constants = {v[1] for v, _ in values if v[0] == "const"}
        made = [v for v, t in values if v[0] != "arg"]
        self.outputs = rng.sample(made, min(len(made), rng.randint(1, 4)))

    def models(self):
        ops = {kind.name: kind.description() for kind in self.kinds}
        ops["r.max"] = ops["r.add"] = {"list": "keep"}
        ops["r.return"] = {"list": "keep", "groups": "none"}
        return {"dialects": {"r": {"cast": "cast", "constant": {"op": "const", "attribute": "value"}}}, "ops": ops}

    @staticmethod
    def name(value):
        return "%%%s%d" % ("a" if value[0] == "arg" else "c", value[1]) if isinstance(value[0], str) else \
            "%%v%d#%d" % value

    def text(self):
        args = ", ".join("%%a%d: tensor<4x%s>" % (i, t) for i, t in enumerate(self.args))
        outs = ", ".join("tensor<4xf32>" for _ in self.outputs)
        lines = ["func.func @f(%s) -> (%s) {" % (args, outs)]
        for index, (kind, operands, types, results) in enumerate(self.ops):
            region = ""
            if kind.region:
                region = (' ({\n  ^bb0(%%p: tensor<f32>, %%q: tensor<f32>):\n    %%t = "r.%s"(%%p, %%q) : '
                          '(tensor<f32>, tensor<f32>) -> tensor<f32>\n    "r.return"(%%t) : (tensor<f32>) -> ()\n  })'
                          % kind.region)
            lines.append('  %%v%d:%d = "%s"(%s)%s {id = %d : i32} : (%s) -> (%s)' % (
                index, len(results), kind.name, ", ".join(map(self.name, operands)), region, index,
                ", ".join("tensor<4x%s>" % t for t in types), ", ".join("tensor<4x%s>" % t for t in results)))
            if index in self.constants:
                lines.append('  %%c%d = "r.const"() {value = dense<[1.0, 2.0, 1.0e30, -0.0]> : tensor<4xf32>} : () -> '
                             "tensor<4xf32>" % index)
        lines.append("  return %s : %s\n}\n" % (", ".join(map(self.name, self.outputs)), outs))
        return "\n".join(lines)

    def paint(self, target, follow):
        """The (op, group) pairs that run in 16 bits."""
        graph, source = Graph(), {}
        for index, (kind, operands, types, results) in enumerate(self.ops):
            for i, t in enumerate(types):
                g = kind.group_of("operand", i, t[0] == "f")
                if g is not None:
                    graph.add((index, g), kind.effective_list(), t == "f32", kind.supports(target))
                    if operands[i] in source:
                        graph.edges.add((source[operands[i]], (index, g)))
            for i, t in enumerate(results):
                g = kind.group_of("result", i, True)
                if g is not None:
                    graph.add((index, g), kind.effective_list(), supported=kind.supports(target))
                    source[(index, i)] = (index, g)
        return graph.paint(follow)


def split_types(text):
    return re.findall(r"tensor<[^>]*>", text)


def check_output(module, text, target, lowered):
    low = LOW[target]
    seen, casts, inner = set(), set(), None
    if "(%s) ->" % ", ".join("%%arg%d: tensor<4x%s>" % a for a in enumerate(module.args)) not in text:
        return "the signature has changed"
    pending = []
    for line in text.splitlines():
        if line.strip().startswith("^bb0(%") and pending:
            inner = re.findall(r"tensor<(\w+)>", line)
        match = LINE.match(line)
        closing = re.match(r"^\s*}\) (\{.*)$", line)
        if match and match.group(2).startswith("r.op") and line.rstrip().endswith("({"):
            pending.append(match.group(2))
            continue
        if closing and pending:
            name, rest = pending.pop(), closing.group(1)
        elif match and not pending:
            name, rest = match.group(2), match.group(4)
        else:
            continue
        types = TYPES.search(rest)
        if name == "r.cast":
            operand = match.group(3)
            key = (operand, types.group(2))
            if key in casts:
                return "two casts of %s to %s" % key
            casts.add(key)
            continue
        if not name.startswith("r.op"):
            continue
        index = int(re.search(r"\bid = (\d+) : i32", rest).group(1))
        kind, _, before, results = module.ops[index]
        seen.add(index)
        wanted = []
        for role, old in (("operand", before), ("result", results)):
            for i, t in enumerate(old):
                g = kind.group_of(role, i, t[0] == "f")
                wanted.append("tensor<4x%s>" % (low if t == "f32" and g is not None and (index, g) in lowered else t))
        found = split_types(types.group(1)) + split_types(types.group(2))
        if found != wanted:
            return "%s, id %d, on %s: has %s, the rules say %s" % (name, index, kind.effective_list(), found, wanted)
        if closing:
            body = low if (index, 0) in lowered else "f32"
            if inner != [body, body]:
                return "%s, id %d: its region is %s, not %s" % (name, index, inner, body)
    if seen != set(range(len(module.ops))):
        return "ops are missing"
    return None


def arguments(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--amp-opt", required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--keep")
    return parser.parse_args()


def rewritten(args, make, check):
    """Rewrites `make(seed)` to each type, for each seed, and yields what is lowered:
    `check(module, text, target)` gives that, and what is wrong with the text, if anything."""
    with tempfile.TemporaryDirectory() as directory:
        if args.keep:
            os.makedirs(args.keep, exist_ok=True)
            directory = args.keep
        path = lambda name: os.path.join(directory, name)
        policy = {"lists": {name: ["some.%s" % name] for name in LISTS},
                  "infer_rule": {"float16": "between", "bfloat16": "follow"}}
        with open(path("policy.json"), "w", encoding="utf-8") as f:
            json.dump(policy, f)
        for seed in range(args.seed, args.seed + args.count):
            module = make(seed)
            with open(path("in.mlir"), "w", encoding="utf-8") as f:
                f.write(module.text())
            with open(path("models.json"), "w", encoding="utf-8") as f:
                json.dump(module.models(), f)
            for target in LOW:
                def rewrite(source, result):
                    done = subprocess.run([args.amp_opt, path(source), "-o", path(result), "--target=" + target,
                                           "--op-models=" + path("models.json"), "--policy=" + path("policy.json"),
                                           "--unknown-ops=ignore"], capture_output=True, text=True)
                    if done.returncode:
                        raise SystemExit("seed %d, %s: exit %d\n%s\n%s" % (seed, target, done.returncode, done.stderr,
                                                                          module.text()))
                    with open(path(result), encoding="utf-8") as f:
                        return f.read()

                text = rewrite("in.mlir", "out.mlir")
                lowered, problem = check(module, text, target)
                if not problem and rewrite("out.mlir", "again.mlir") != text:
                    problem = "a second rewrite changes something"
                if problem:
                    raise SystemExit("seed %d, %s: %s\n%s" % (seed, target, problem, module.text()))
                yield lowered


def check_module(module, text, target):
    lowered = module.paint(target, target == "bfloat16")
    return lowered, check_output(module, text, target, lowered)


def main():
    args = arguments("random modules of unregistered ops")
    total = sum(len(lowered) for lowered in rewritten(args, Module, check_module))
    # Modules in which nothing is lowered would agree, too.
    if total < args.count:
        raise SystemExit("only %d groups were lowered" % total)
    print("%d modules, 2 types: %d groups lowered, as the naive painter says" % (args.count, total))


if __name__ == "__main__":
    sys.exit(main())
