"""Random modules of ops that nothing registers, with loops, branches and private
functions that are called, also from within regions, and with branches between blocks
(cf), against the naive painter.

    random_flows.py --amp-opt=PROGRAM --seed=N --count=N

Checks of each module: every op, region, call and signature has the types that follow
from which type groups are lowered; a value has at most one cast to a type; and a second
rewrite changes nothing. The contract is verified by amp-opt itself. A failure prints its
seed; --keep=DIR leaves its files.
"""

import random
import re
import sys

from naive_painter import Graph
from random_modules import LOW, OpKind, arguments, rewritten

BLOCKS = ("diamond", "cycle")
MARK = re.compile(r"\bid = (\d+) : i32")


def tensor(type_name):
    return "tensor<4x%s>" % type_name


class Node:
    """An op, with the values that it reads. Values are (node, result), or (region or
    function, argument)."""

    def __init__(self, number, kind, operands, results, regions=()):
        self.number, self.kind, self.operands, self.results, self.regions = number, kind, operands, results, regions


class Region:
    def __init__(self, arguments):
        self.arguments, self.nodes, self.yields = arguments, [], []


class Module:
    def __init__(self, seed):
        rng = self.rng = random.Random(seed)
        self.kinds = []
        for i in range(rng.randint(4, 9)):
            kind = OpKind(rng, "r.op%d" % i)
            kind.region = None
            if kind.groups == "two":
                kind.two = True
            self.kinds.append(kind)
        # No infer for loops: R6 sweeps, and in a cycle there is no order to do so.
        self.flow_lists = {"r.loop": rng.choice(["clear", "clear", "clear", "clear", "keep", "deny"]),
                           "r.branch": rng.choice(["clear", "clear", "clear", "infer", "keep", "deny"])}
        self.count, self.nodes = 0, []
        self.functions = [Region(rng.randint(1, 2)) for _ in range(rng.randint(0, 3))]
        self.called = set()
        for i, function in enumerate(self.functions):
            # A function calls those before it alone.
            self.fill(function, [(function, k) for k in range(function.arguments)], rng.randint(1, 5), 1, i, True)
            function.yields = self.some(function, [(function, k) for k in range(function.arguments)],
                                        rng.randint(1, 2))
        self.main = Region(rng.randint(1, 3))
        arguments = [(self.main, k) for k in range(self.main.arguments)]
        self.fill(self.main, arguments, rng.randint(4, 14), 2, len(self.functions), True)
        self.main.yields = self.some(self.main, arguments, rng.randint(1, 3))

    def some(self, region, outside, count):
        """Values to hand over: late ones of the region, or any that are seen."""
        made = [(n, r) for n in region.nodes for r in range(n.results)][-6:]
        return [self.rng.choice(made or outside) for _ in range(count)]

    def fill(self, region, outside, count, depth, callable_functions, blocks=False):
        rng, seen = self.rng, list(outside)
        for _ in range(count):
            read = lambda: rng.choice(seen[-8:])
            what, number = rng.random(), self.count
            if what < 0.12 and depth:
                self.count += 1
                operands = [read() for _ in range(rng.randint(1, 3))]
                # The first region decides, and hands over what goes nowhere. MLIR takes an op of
                # an unknown kind with one region for a symbol table.
                test, body = Region(len(operands)), Region(len(operands))
                for each, size in ((test, rng.randint(0, 2)), (body, rng.randint(1, 5))):
                    self.fill(each, seen + [(each, k) for k in range(len(operands))], size, depth - 1,
                              callable_functions)
                    each.yields = self.some(each, [(each, k) for k in range(len(operands))], len(operands))
                test.yields = test.yields[:1]
                node = Node(number, "r.loop", operands, len(operands), (test, body))
            elif what < 0.24 and depth:
                self.count += 1
                results = rng.randint(1, 2)
                sides = (Region(0), Region(0))
                for side in sides:
                    self.fill(side, seen, rng.randint(0, 4), depth - 1, callable_functions)
                    side.yields = self.some(side, seen[-8:], results)
                node = Node(number, "r.branch", [], results, sides)
            elif what < 0.36 and depth and blocks:
                # Its own number, and those of the branches at the ends of the sides.
                self.count += 3
                kind = rng.choice(["diamond", "cycle"])
                sides = (Region(rng.randint(0, 2)), Region(rng.randint(0, 2))) if kind == "diamond" else \
                    (Region(rng.randint(1, 2)),)
                operands = [read() for side in sides for _ in range(side.arguments)]
                results = rng.randint(1, 2) if kind == "diamond" else len(operands)
                for side in sides:
                    inside = [(side, k) for k in range(side.arguments)]
                    self.fill(side, seen + inside, rng.randint(0, 4), depth - 1, callable_functions, True)
                    side.yields = self.some(side, inside or seen[-8:], results)
                node = Node(number, kind, operands, results, sides)
            elif what < 0.48 and callable_functions:
                self.count += 1
                index = rng.randrange(callable_functions)
                function = self.functions[index]
                self.called.add(index)
                node = Node(number, index, [read() for _ in range(function.arguments)], len(function.yields))
            else:
                self.count += 1
                kind = rng.choice(self.kinds)
                node = Node(number, kind, [read() for _ in range(rng.randint(1, 3))],
                            2 if kind.groups == "two" else 1)
            region.nodes.append(node)
            self.nodes.append(node)
            seen += [(node, r) for r in range(node.results)]

    def models(self):
        ops = {kind.name: kind.description() for kind in self.kinds}
        for name, flow in (("r.loop", "loop"), ("r.branch", "branch")):
            ops[name] = {"list": self.flow_lists[name], "flow": flow}
        ops["r.yield"] = {"list": "keep", "groups": "none"}
        return {"dialects": {"r": {"cast": "cast"}}, "ops": ops}

    # The text.

    def name(self, value):
        owner, index = value
        if isinstance(owner, Node) and owner.kind in BLOCKS:
            return "%%w%d_%d" % (owner.number, index)
        if isinstance(owner, Node):
            return "%%v%d#%d" % (owner.number, index)
        return "%%%s%d" % (self.prefix[owner], index)

    def block_lines(self, node, indent):
        """Ends a block with branches; what follows is the block behind them."""
        out, pad, number = [], " " * indent, node.number

        def label(name, prefix, count):
            arguments = ", ".join("%%%s%d: %s" % (prefix, k, tensor("f32")) for k in range(count))
            out.append("%s^%s%d%s:" % (pad, name, number, "(%s)" % arguments if count else ""))

        def target(name, values):
            types = ", ".join([tensor("f32")] * len(values))
            return "^%s%d%s" % (name, number,
                                "(%s : %s)" % (", ".join(map(self.name, values)), types) if values else "")

        mark = lambda n: "{id = %d : i32}" % n
        for side, body in enumerate(node.regions):
            self.prefix[body] = "q%d_%d_" % (number, side)
        out.append("%s%%c%d = arith.constant true" % (pad, number))
        if node.kind == "diamond":
            a, b = node.regions
            out.append("%scf.cond_br %%c%d, %s, %s %s" % (
                pad, number, target("a", node.operands[:a.arguments]), target("b", node.operands[a.arguments:]),
                mark(number)))
            for side, body in enumerate(node.regions):
                label("ab"[side], self.prefix[body], body.arguments)
                out.extend(self.lines(body, indent))
                out.append("%scf.br %s %s" % (pad, target("j", body.yields), mark(number + 1 + side)))
        else:
            body, = node.regions
            arguments = [(body, k) for k in range(body.arguments)]
            out.append("%scf.br %s %s" % (pad, target("h", node.operands), mark(number)))
            label("h", self.prefix[body], body.arguments)
            out.append("%scf.cond_br %%c%d, %s, %s %s" % (pad, number, target("a", []), target("j", arguments),
                                                          mark(number + 1)))
            label("a", "", 0)
            out.extend(self.lines(body, indent))
            out.append("%scf.br %s %s" % (pad, target("h", body.yields), mark(number + 2)))
        label("j", "w%d_" % number, node.results)
        return out

    def lines(self, region, indent):
        out, pad = [], " " * indent
        for node in region.nodes:
            if node.kind in BLOCKS:
                out += self.block_lines(node, indent)
                continue
            head = "%s%%v%d:%d = " % (pad, node.number, node.results)
            operands = ", ".join(map(self.name, node.operands))
            types = "(%s) -> (%s)" % (", ".join([tensor("f32")] * len(node.operands)),
                                      ", ".join([tensor("f32")] * node.results))
            attributes = "{id = %d : i32}" % node.number
            if isinstance(node.kind, int):
                out.append("%sfunc.call @g%d(%s) %s : %s" % (head, node.kind, operands, attributes, types))
            elif isinstance(node.kind, OpKind):
                out.append('%s"%s"(%s) %s : %s' % (head, node.kind.name, operands, attributes, types))
            else:
                bodies = []
                for side, body in enumerate(node.regions):
                    self.prefix[body] = "p%d_%d_" % (node.number, side)
                    label = "%s^bb0(%s):\n" % (pad, ", ".join(
                        "%%%s%d: %s" % (self.prefix[body], k, tensor("f32")) for k in range(body.arguments))) \
                        if body.arguments else ""
                    inner = self.lines(body, indent + 2)
                    inner.append('%s  "r.yield"(%s) : (%s) -> ()' % (
                        pad, ", ".join(map(self.name, body.yields)), ", ".join([tensor("f32")] * len(body.yields))))
                    bodies.append("{\n" + label + "\n".join(inner) + "\n%s}" % pad)
                out.append('%s"%s"(%s) (%s) %s : %s' % (head, node.kind, operands, ", ".join(bodies), attributes, types))
        return out

    def text(self):
        self.prefix, parts = {}, []
        for i, function in enumerate(self.functions + [self.main]):
            self.prefix[function] = "a%d_" % i
            last = function is self.main
            arguments = ", ".join("%%a%d_%d: %s" % (i, k, tensor("f32")) for k in range(function.arguments))
            results = ", ".join([tensor("f32")] * len(function.yields))
            parts.append("func.func %s(%s) -> (%s) {" % ("@main" if last else "private @g%d" % i, arguments, results))
            parts += self.lines(function, 2)
            parts.append("  return %s : %s\n}" % (", ".join(map(self.name, function.yields)), results))
        return "\n".join(parts) + "\n"

    # The rules.

    def graph(self, target):
        """Vertices: ("op", node, group), ("carried", node, i), ("call", node, i),
        ("argument" or "returned", function, i), ("branch", region or node, i): what is
        handed to the block that begins a region, or that is behind a node."""
        graph, source = Graph(), {}
        self.source = source
        for i in self.called:
            function = self.functions[i]
            for k in range(function.arguments):
                source[(function, k)] = ("argument", i, k)
                graph.add(("argument", i, k), "clear")
            for k in range(len(function.yields)):
                graph.add(("returned", i, k), "clear")
        reads = []  # (value, vertex)
        for node in self.nodes:
            kind = node.kind
            if isinstance(kind, int):
                function = self.functions[kind]
                for k, value in enumerate(node.operands):
                    v = ("call", node, k)
                    graph.add(v, "clear")
                    graph.ties.append((v, ("argument", kind, k)))
                    graph.edges.add((v, ("argument", kind, k)))
                    reads.append((value, v))
                for k in range(node.results):
                    v = ("call", node, len(node.operands) + k)
                    graph.add(v, "clear")
                    graph.ties.append((v, ("returned", kind, k)))
                    graph.edges.add((("returned", kind, k), v))
                    source[(node, k)] = v
                assert len(function.yields) == node.results
            elif isinstance(kind, OpKind):
                for i, value in enumerate(node.operands):
                    g = kind.group_of("operand", i, True)
                    if g is not None:
                        graph.add(("op", node, g), kind.list, supported=kind.supports(target))
                        reads.append((value, ("op", node, g)))
                for i in range(node.results):
                    g = kind.group_of("result", i, True)
                    if g is not None:
                        graph.add(("op", node, g), kind.list, supported=kind.supports(target))
                        source[(node, i)] = ("op", node, g)
            elif kind in BLOCKS:
                operands = iter(node.operands)
                for body in node.regions:
                    for i in range(body.arguments):
                        v = source[(body, i)] = ("branch", body, i)
                        graph.add(v, "clear")
                        reads.append((next(operands), v))
                        if kind == "cycle":
                            reads.append((body.yields[i], v))
                for i in range(node.results):
                    v = source[(node, i)] = ("branch", node, i)
                    graph.add(v, "clear")
                    for body in node.regions:
                        reads.append((body.yields[i] if kind == "diamond" else (body, i), v))
            else:
                for i in range(node.results):
                    v = ("carried", node, i)
                    graph.add(v, self.flow_lists[kind])
                    source[(node, i)] = v
                    if node.operands:
                        reads.append((node.operands[i], v))
                    for body in node.regions:
                        if body.arguments:
                            source[(body, i)] = v
                        if kind == "r.branch" or body is node.regions[-1]:
                            reads.append((body.yields[i], v))
        for i in self.called:
            for k, value in enumerate(self.functions[i].yields):
                reads.append((value, ("returned", i, k)))
        for value, vertex in reads:
            if value in source:
                graph.edges.add((source[value], vertex))
        return graph

    def wanted(self, lowered, low):
        """The types of operands and results by op, and the signatures."""
        name = lambda vertex: low if vertex in lowered else "f32"
        ops = {}
        for node in self.nodes:
            kind = node.kind
            if isinstance(kind, int):
                called = kind in self.called
                types = [name(("call", node, k)) for k in range(len(node.operands) + node.results)]
                assert called
            elif isinstance(kind, OpKind):
                types = [name(("op", node, kind.group_of(role, i, True))) for role, n in
                         (("operand", len(node.operands)), ("result", node.results)) for i in range(n)]
            elif kind in BLOCKS:
                inside = [name(("branch", body, i)) for body in node.regions for i in range(body.arguments)]
                behind = [name(("branch", node, i)) for i in range(node.results)]
                ops[node.number] = list(map(tensor, inside))
                ops[node.number + 1] = list(map(tensor, behind))
                ops[node.number + 2] = list(map(tensor, behind if kind == "diamond" else inside))
                continue
            else:
                carried = [name(("carried", node, i)) for i in range(node.results)]
                types = (carried if node.operands else []) + carried
            ops[node.number] = list(map(tensor, types))
        signatures = {"main": [tensor("f32")] * (self.main.arguments + len(self.main.yields))}
        for i, function in enumerate(self.functions):
            signatures["g%d" % i] = [tensor(name((role, i, k))) for role, n in
                                     (("argument", function.arguments), ("returned", len(function.yields)))
                                     for k in range(n)]
        return ops, signatures


def check_output(module, text, lowered, low):
    ops, signatures = module.wanted(lowered, low)
    seen, casts = set(), set()
    # Regions beside each other use the same names: a value is the last one defined.
    defined = {}
    for number, line in enumerate(text.splitlines()):
        for name in re.findall(r"(%\w+)(?:: tensor|:\d+ = | = )", line):
            defined[name] = number
        function = re.match(r"^ *func\.func (?:private )?@(\w+)(.*)\{$", line)
        if function:
            found = re.findall(r"tensor<\w+>", function.group(2))
            if found != signatures[function.group(1)]:
                return "@%s has %s, the rules say %s" % (function.group(1), found, signatures[function.group(1)])
            continue
        if '"r.cast"' in line:
            value = re.search(r'"r\.cast"\(([^)]*)\)', line).group(1)
            key = value, defined[value.split("#")[0]], re.findall(r"tensor<\w+>", line)[-1]
            if key in casts:
                return "two casts of %s, of line %d, to %s" % key
            casts.add(key)
            continue
        mark = MARK.search(line)
        if not mark:
            continue
        number = int(mark.group(1))
        seen.add(number)
        found = re.findall(r"tensor<\w+>", line if "cf." in line else line[mark.end():])
        if found != ops[number]:
            return "id %d has %s, the rules say %s" % (number, found, ops[number])
    return None if seen == set(ops) else "ops are missing"


def check_module(module, text, target):
    lowered = module.graph(target).paint(target == "bfloat16")
    return lowered, check_output(module, text, lowered, LOW[target])


def main():
    args = arguments("random modules with regions and calls")
    total = carried = calls = branches = 0
    for lowered in rewritten(args, Module, check_module):
        total += len(lowered)
        carried += sum(v[0] == "carried" for v in lowered)
        calls += sum(v[0] == "call" for v in lowered)
        branches += sum(v[0] == "branch" for v in lowered)
    # Modules in which nothing is lowered would agree, too.
    if args.count >= 40 and not (total > args.count and carried and calls and branches):
        raise SystemExit("only %d groups were lowered, %d carried, %d at calls, %d between blocks" %
                         (total, carried, calls, branches))
    print("%d modules, 2 types: %d groups lowered, %d of them carried by loops and branches, %d at calls, %d between "
          "blocks, as the naive painter says" % (args.count, total, carried, calls, branches))


if __name__ == "__main__":
    sys.exit(main())
