# What the rewrite makes of large training graphs, and what planning makes of that:
#
#   rewriting.py --bin=build/bin [--out=docs/benchmarks/rewriting.md] [--check] [NAME ...]
#
# ResNet-50, a BERT-base-like and a GPT-2-like network and an LSTM (test/lib/networks.py) in
# float16 and bfloat16, nothing executed. Counts the casts by what they are for; finds casts
# of an activation between two 16-bit products with nothing denied in between; looks at the
# statistics of batch norm; adds up the planned memory of activations beside that of float32;
# times the planner. Exit status 1 where a limit does not hold; with --check times are not
# taken, for a test. Python standard library only.

import argparse
import datetime
import json
import os
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lib"), os.path.join(HERE, "..", "E2E")]
import networks  # noqa: E402
from guide_network import processor  # noqa: E402
from op_table import DEFAULT, forward_of  # noqa: E402

# network -> batch
NETWORKS = {"resnet50": 32, "bert_base": 32, "gpt2_124m": 4, "lstm": 64}
TYPES = {"float32": "--policy=none", "float16": "--target=float16", "bfloat16": "--target=bfloat16"}
LOW = ("float16", "bfloat16")
MEMORY_LIMIT, PLANNER_LIMIT = 0.55, 10.0
PRODUCTS = set(DEFAULT["allow"].split())
DENY = set(DEFAULT["deny"].split()) | set(DEFAULT["keep"].split())
# What a gradient passes on its way from the backward op to the update.
ON_THE_WAY = {"unscale", "cast", "mul", "add", "add_n", "where", "identity", "reshape_grad", "div", "sub",
              "sum_to"}


class Graph:
    """The train function of a rewritten file, by value: "node" or "node:1"."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as f:
            file = json.load(f)
        self.function = next(f for f in file["functions"] if f["name"] == "train")
        self.variables = {v["name"]: v for v in file["variables"]}
        self.inputs = {i["name"] for i in self.function["inputs"]}
        self.nodes = {n["name"]: n for n in self.function["nodes"]}
        self.users = {}
        for node in self.nodes.values():
            for ref in node.get("inputs", []):
                self.users.setdefault(ref, []).append(node)

    def node_of(self, ref):
        return self.nodes.get(ref.rsplit(":", 1)[0] if ref not in self.nodes else ref)

    def type_of(self, ref):
        if ref in self.variables:
            return self.variables[ref]
        node = self.node_of(ref)
        if node is None:
            return next(i for i in self.function["inputs"] if i["name"] == ref)
        result = int(ref.rsplit(":", 1)[1]) if ref not in self.nodes else 0
        return node["types"][result]

    def results(self, node):
        return [node["name"] + (":%d" % i if i else "") for i in range(len(node.get("types", [])))]

    def is_low(self, node):
        return bool(node.get("types")) and node["types"][0]["dtype"] in LOW

    def is_product(self, node):
        return forward_of(node["op"]) in PRODUCTS and self.is_low(node)


def parameter_gradients(graph):
    """The values that are gradients of variables, in any type, on their way to the update."""
    found = set()
    for node in graph.nodes.values():
        if not node["op"].startswith("apply_"):
            continue
        operands = [r for r in node["inputs"] if r not in graph.variables]
        shape = graph.variables[node["inputs"][0]]["shape"]
        # A sum over a batch comes before some of them.
        def fits(other):
            return len(other) >= len(shape) and other[len(other) - len(shape):] == shape

        waiting = [r for r in operands if graph.node_of(r) and graph.type_of(r)["shape"] == shape and shape]
        while waiting:
            ref = waiting.pop()
            if ref in found:
                continue
            found.add(ref)
            producer = graph.node_of(ref)
            if producer["op"] in ON_THE_WAY:
                waiting += [r for r in producer["inputs"] if graph.node_of(r) and fits(graph.type_of(r)["shape"])]
    # What is made of gradients alone: squares for their norm.
    changed = True
    while changed:
        changed = False
        for node in graph.nodes.values():
            tensors = [r for r in node.get("inputs", []) if r in graph.variables or graph.type_of(r)["shape"]]
            if tensors and all(t in found for t in tensors) and not set(graph.results(node)) <= found:
                found.update(graph.results(node))
                changed = True
    return found


def casts_between_products(graph):
    """Pairs of casts to float32 and back on a way from a 16-bit product to another one, through
    ops that 16 bits are good enough for."""
    def passes(node):
        return forward_of(node["op"]) not in DENY and forward_of(node["op"]) not in PRODUCTS

    from_product = {}

    def comes_from_product(ref):
        """Whether a 16-bit value is a product, or made of one by 16-bit nodes."""
        waiting, seen = [ref], set()
        while waiting:
            at = waiting.pop()
            if at in seen:
                continue
            seen.add(at)
            node = graph.node_of(at)
            if node is None or not graph.is_low(node) or node["op"] == "cast":
                continue
            if graph.is_product(node):
                return True
            waiting += node.get("inputs", [])
        return False

    def goes_to_product(ref):
        waiting, seen = [ref], set()
        while waiting:
            at = waiting.pop()
            if at in seen:
                continue
            seen.add(at)
            for user in graph.users.get(at, []):
                if graph.is_product(user):
                    return True
                if graph.is_low(user) and user["op"] != "cast":
                    waiting += graph.results(user)
        return False

    pairs = []
    for up in graph.nodes.values():
        if up["op"] != "cast" or up["attrs"]["to"] != "float32" or up["inputs"][0] in graph.variables:
            continue
        source = up["inputs"][0]
        if source not in from_product:
            from_product[source] = graph.type_of(source)["dtype"] in LOW and comes_from_product(source)
        if not from_product[source]:
            continue
        waiting, seen = [up["name"]], set()
        while waiting:
            at = waiting.pop()
            if at in seen:
                continue
            seen.add(at)
            for user in graph.users.get(at, []):
                if user["op"] == "cast" and user["attrs"]["to"] in LOW:
                    if goes_to_product(user["name"]):
                        pairs.append((up["name"], user["name"]))
                elif user.get("types") and user["op"] != "cast" and passes(user) and not graph.is_low(user):
                    waiting += graph.results(user)
    return pairs


def sizes_alone():
    """(op, operand number) of the operands that docs/GraphFile.md says are read for their sizes alone."""
    found = set()
    with open(os.path.join(ROOT, "docs", "GraphFile.md"), encoding="utf-8") as f:
        for op, operands, name in re.findall(r"^\| `(\w+)` \| ([^|]*) \|.*Of `(\w+)` the sizes alone are read", f.read(), re.M):
            names = re.findall(r"`(\w+)`", operands)
            # Of a list, all from there on.
            found.update((op, i) for i in range(names.index(name), 100 if name == "values" else names.index(name) + 1))
    return found


def count_casts(graph, gradients, sizes=frozenset()):
    """(to 16 bits, to float32), each: what the cast reads -> how many."""
    counts = ({}, {})
    for node in graph.nodes.values():
        if node["op"] != "cast" or "/cast_" not in node["name"]:
            continue
        source = node["inputs"][0]
        producer = graph.node_of(source)
        users = graph.users.get(node["name"], [])
        if users and all((u["op"], i) in sizes for u in users for i, r in enumerate(u["inputs"]) if r == node["name"]):
            kind = "for sizes alone"
        elif source in graph.variables:
            kind = "variables"
        elif source in graph.inputs:
            kind = "inputs"
        elif source in gradients or node["name"] in gradients:
            kind = "parameter gradients"
        else:
            kind = "other gradients" if producer.get("origin") else "activations"
        table = counts[0 if node["attrs"]["to"] in LOW else 1]
        table[kind] = table.get(kind, 0) + 1
    return counts


def wrong_statistics(graph):
    """batch_norm nodes and gradients whose parameters or statistics are not float32."""
    wrong = []
    for node in graph.nodes.values():
        if forward_of(node["op"]) != "batch_norm":
            continue
        first = 2 if node["op"] == "batch_norm_grad" else 1
        types = [graph.type_of(r) for r in node["inputs"][first:]] + node["types"][1:]
        if any(t["dtype"] != "float32" for t in types):
            wrong.append(node["name"])
    return wrong


SIZES = {"float64": 8, "int64": 8, "float32": 4, "int32": 4, "float16": 2, "bfloat16": 2, "bool": 1, "int8": 1,
         "uint8": 1}


def planned_memory(text, gradients):
    """(arena, most bytes of activations alive at once), from the text of a program."""
    arena = int(re.search(r"^  arena (\d+)", text, re.M).group(1))
    live, open_at = [], {}
    value = re.compile(r"(\w+)\[([\d, ]*)\][^,()]*? arena\+(\d+)")
    for line in text.splitlines():
        match = re.match(r"(\d+): (\S+) (\S+) (.*)", line)
        if not match:
            continue
        step, kernel, name, rest = int(match.group(1)), *match.groups()[1:]
        before, _, after = rest.rpartition(" -> ")
        for _, _, offset in value.findall(before):
            if offset in open_at:
                open_at[offset]["last"] = step
        for i, (dtype, dims, offset) in enumerate(value.findall(after)):
            size = SIZES[dtype]
            for n in dims.split(","):
                size *= int(n) if n.strip() else 1
            # A product's second result is room to convert its operands in.
            entry = {"first": step, "last": step, "bytes": size if kernel != "matmul" or i == 0 else 0,
                     "gradient": name + (":%d" % i if i else "") in gradients}
            open_at[offset] = entry
            live.append(entry)
    changes = {}
    for entry in live:
        if not entry["gradient"]:
            changes[entry["first"]] = changes.get(entry["first"], 0) + entry["bytes"]
            changes[entry["last"] + 1] = changes.get(entry["last"] + 1, 0) - entry["bytes"]
    now = peak = 0
    for step in sorted(changes):
        now += changes[step]
        peak = max(peak, now)
    return arena, peak


def examine(args, name, kind, work):
    source, model = os.path.join(work, name + ".json"), os.path.join(work, "%s.%s.json" % (name, kind))
    if not os.path.exists(source):
        with open(source, "w", encoding="utf-8") as f:
            f.write(networks.make(name).text())
    # The contract is verified in here: another exit code ends the run.
    subprocess.run([os.path.join(args.bin, "amp-opt"), source, TYPES[kind], "-o", model], check=True,
                   capture_output=True)
    batch = NETWORKS[name]
    # The null device: no memory is asked for, and no initial values are drawn.
    text = subprocess.run([os.path.join(args.bin, "amp-run"), model, "--function=train", "--device=null",
                           "--assume-device=cpu", "--dump-program", "--batch=%d" % batch], check=True,
                          capture_output=True, text=True).stdout
    graph = Graph(model)
    gradients = parameter_gradients(graph)
    result = {"nodes": len(graph.nodes), "casts": count_casts(graph, gradients, sizes_alone()),
              "between": casts_between_products(graph), "statistics": wrong_statistics(graph)}
    result["arena"], result["activations"] = planned_memory(text, gradients)
    if not args.check:
        planner = subprocess.run([os.path.join(args.bin, "bench-planner"), model, "train", str(batch), "5"], check=True,
                                 capture_output=True, text=True).stdout
        result["planner"] = json.loads(planner)["microseconds_per_node"]
    return result


def failures_of(name, results):
    failures = []
    for kind in LOW:
        r = results[kind]
        if r["between"]:
            failures.append("%s %s: %d casts between products, like %s" % (name, kind, len(r["between"]), r["between"][0]))
        if r["statistics"]:
            failures.append("%s %s: statistics not float32: %s" % (name, kind, r["statistics"][0]))
        ratio = r["activations"] / results["float32"]["activations"]
        if ratio > MEMORY_LIMIT:
            failures.append("%s %s: activations take %.3f of float32's memory" % (name, kind, ratio))
    for kind, r in results.items():
        if r.get("planner", 0) > PLANNER_LIMIT:
            failures.append("%s %s: planning takes %.1f us per node" % (name, kind, r["planner"]))
    return failures


def report(args, results):
    lines = ["# Rewriting and planning of large networks", "",
             "Training graphs of `test/lib/networks.py`, rewritten with the default policy and planned for the cpu device.",
             "Written by `test/Bench/rewriting.py`, which executes nothing. The contract of each was verified.", "",
             "- Date: %s" % datetime.date.today().isoformat(), "- Machine: %s" % processor()]
    lines += ["- " + note for note in args.note]
    lines += ["", "## Casts", "",
              "By what they read. *Between products*: a cast to float32 and one back on the way of a value from a 16-bit",
              "convolution or product to another, with no op of the deny or keep list in between; none are wanted. *For sizes",
              "alone*: a backward op reads nothing of the operand but its sizes; the planner leaves such a cast out.", "",
              "| network | type | nodes | to 16 bits | to float32 | between products |", "| --- | --- | --- | --- | --- | --- |"]
    for name, kinds in results.items():
        for kind in LOW:
            r = kinds[kind]
            texts = [", ".join("%d %s" % (n, k) for k, n in sorted(c.items(), key=lambda e: -e[1])) or "none" for c in r["casts"]]
            lines.append("| %s | %s | %d | %s | %s | %d |" % (name, kind, r["nodes"], texts[0], texts[1], len(r["between"])))
    lines += ["", "The parameters, batch statistics and moving statistics of every `batch_norm` are float32.", "",
              "## Planned memory", "",
              "Bytes that are alive at once, at most. *Activations* are all values of a step but the gradients of variables",
              "and what is made of them alone; *all* is the arena, which holds those too: they are float32 in any case from",
              "the loss scale's division on, and alive together where their norm is clipped. It also holds the room in which",
              "a cpu without 16-bit arithmetic converts the operands of products. Limit for activations: %.2f." % MEMORY_LIMIT, "",
              "| network | batch | type | activations, MB | of float32 | all, MB | of float32 | planner, us per node |",
              "| --- | --- | --- | --- | --- | --- | --- | --- |"]
    for name, kinds in results.items():
        wide = kinds["float32"]
        for kind, r in kinds.items():
            lines.append("| %s | %d | %s | %.1f | %.3f | %.1f | %.3f | %.2f |" % (
                name, NETWORKS[name], kind, r["activations"] / 1e6, r["activations"] / wide["activations"],
                r["arena"] / 1e6, r["arena"] / wide["arena"], r["planner"]))
    lines += ["", "The planner's time is that of the processor, the shortest of five; its limit is %g microseconds per node." % PLANNER_LIMIT, ""]
    with open(args.out, "w", encoding="utf-8") as f:
        f.write("\n".join(lines))


def main():
    parser = argparse.ArgumentParser(description="large networks, rewritten and planned")
    parser.add_argument("names", nargs="*", help="some of " + " ".join(NETWORKS))
    parser.add_argument("--bin", default="build/bin")
    parser.add_argument("--out", help="the page to write")
    parser.add_argument("--check", action="store_true", help="no times")
    parser.add_argument("--note", action="append", default=[], help="a line for the head of the page")
    args = parser.parse_args()
    results, failures = {}, []
    with tempfile.TemporaryDirectory() as work:
        for name in args.names or NETWORKS:
            results[name] = {kind: examine(args, name, kind, work) for kind in TYPES}
            failures += failures_of(name, results[name])
            wide = results[name]["float32"]
            for kind, r in results[name].items():
                print("%s %s: activations %.3f, all %.3f of float32, casts %s%s" % (
                    name, kind, r["activations"] / wide["activations"], r["arena"] / wide["arena"], r["casts"],
                    ", planner %.2f us per node" % r["planner"] if "planner" in r else ""), flush=True)
    if args.out:
        report(args, results)
    for line in failures:
        print("failed: " + line)
    print("%d networks, %d failures" % (len(results), len(failures)))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
