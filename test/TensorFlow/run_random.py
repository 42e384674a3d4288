# Random GraphDefs through amp-opt, compared with the naive painter: every type,
# every cast with its name, place, device and users, and everything else, which
# must not change.
#
#   run_random.py --amp-opt=build/bin/amp-opt --opdefs=FILE --seed=1 --count=2000
#
# The graphs of one batch have one case and stand beside each other in one file;
# those that TensorFlow's pass answers with an error are run alone.
# random_graphdefs.py --seed=… --size=… prints a batch.

import argparse
import collections
import json
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile

import painter
import random_graphdefs

SIZE = 50
MODES = {"fp16": ("cuda", "float16"), "bf16": ("bf16", "bfloat16"), "cpu_fp16": ("cpu", "float16")}


def amp_opt(program, graph, case, version, directory, policy="tensorflow"):
    source, out = os.path.join(directory, "in.json"), os.path.join(directory, "out.json")
    if os.path.exists(out):
        os.remove(out)
    with open(source, "w", encoding="utf-8") as f:
        # Not dump, which does without the C encoder.
        f.write(json.dumps(graph))
    mode, target = MODES[case["mode"]]
    cluster = case["cluster"]
    gpu = "none"
    if cluster.get("gpu"):
        gpu = ",".join(str(cluster.get(k) or "") for k in ("arch", "cuda", "cudnn"))
    command = [program, source, "-o", out, "--policy=" + policy, "--target=" + target, "--tf-mode=" + mode,
               "--tf-version=" + version, "--tf-gpu=" + gpu, "--loss-scale=none"]
    for flag, key in (("fetch", "fetches"), ("feed", "feeds"), ("tf-keep", "keep")):
        if case[key]:
            command.append("--%s=%s" % (flag, ",".join(case[key])))
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TF_AUTO_MIXED")}
    for key, value in case["env"].items():
        environment["TF_AUTO_MIXED_PRECISION_GRAPH_REWRITE_" + key] = value
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    if done.returncode:
        return None, done
    with open(out, encoding="utf-8") as f:
        return json.load(f), done


def shape_of_casts(nodes, originals):
    """Casts without their names, which TensorFlow leaves to chance in mode cpu: each by what it feeds."""
    users = collections.defaultdict(list)
    by_name = {n["name"]: n for n in nodes}
    for n in nodes:
        for i, s in enumerate(n.get("input", [])):
            users[s.partition(":")[0]].append((n["name"], i))

    def form(name):
        cast = by_name[name]
        inner = sorted(repr(form(u)) if u not in originals else repr((u, i)) for u, i in users[name])
        return (cast["attr"]["SrcT"]["type"], cast["attr"]["DstT"]["type"], cast.get("device", ""), tuple(inner))

    found = []
    for n in nodes:
        source = (n.get("input") or [""])[0].partition(":")
        if n["name"] not in originals and source[0] in originals:
            found.append((source[0], source[2], form(n["name"])))
    return sorted(found)


def nodes_differ(before, got, want, loose, where=""):
    """What is not as it should be, as texts."""
    bad = []
    originals = {n["name"] for n in before}
    mine, theirs = {n["name"]: n for n in got}, {n["name"]: n for n in want}
    if loose:
        if shape_of_casts(got, originals) != shape_of_casts(want, originals):
            bad.append(where + "the casts differ")
    for name in sorted(set(mine) | set(theirs)):
        if loose and name not in originals:
            continue
        a, b = mine.get(name), theirs.get(name)
        if a is None or b is None:
            bad.append("%s%s is %s" % (where, name, "missing" if a is None else "too many: %s" % json.dumps(a)))
            continue
        for key in sorted(set(a) | set(b)):
            if loose and key == "input" and len(a.get(key, [])) == len(b.get(key, [])):
                continue
            if a.get(key) != b.get(key):
                bad.append("%s%s (%s): %s is %s, not %s" % (where, name, b["op"], key, json.dumps(a.get(key)),
                                                            json.dumps(b.get(key))))
    if not bad and not loose and order(got, originals) != order(want, originals):
        bad.append(where + "the order of the nodes differs")
    return bad


def order(nodes, originals):
    """The names in order; the casts of one source stand behind it, in any order."""
    groups = [[]]
    for n in nodes:
        if n["name"] in originals:
            groups.append([n["name"]])
        else:
            groups[-1].append(n["name"])
    return [sorted(groups[0])] + [g[:1] + sorted(g[1:]) for g in groups[1:]]


def differences(graph, got, want, loose):
    bad = nodes_differ(graph["node"], got["node"], want["node"], loose)
    functions = lambda g: {f["signature"]["name"]: f for f in g.get("library", {}).get("function", [])}
    before, mine, theirs = functions(graph), functions(got), functions(want)
    if list(mine) != list(theirs):
        bad.append("functions %s, not %s" % (list(mine), list(theirs)))
        return bad
    for name, f in mine.items():
        where = "function %s: " % name
        bad += nodes_differ(before[name].get("nodeDef", []), f.get("nodeDef", []), theirs[name].get("nodeDef", []),
                            loose, where)
        for key in sorted(set(f) | set(theirs[name])):
            if key == "nodeDef" or loose and key == "ret":
                continue
            if f.get(key) != theirs[name].get(key):
                bad.append("%s%s is %s, not %s" % (where, key, json.dumps(f.get(key)), json.dumps(theirs[name].get(key))))
    return bad


def parts(graph):
    """The graphs of a batch by the numbers in their names, and how many nodes have none."""
    out, strays = {}, 0
    for n in graph["node"]:
        found = re.match(r"g(\d+)/", n["name"])
        strays += not found
        if found:
            out.setdefault(int(found[1]), {"node": []})["node"].append(n)
    for f in graph.get("library", {}).get("function", []):
        found = re.match(r"g(\d+)_", f["signature"]["name"])
        strays += not found
        if found:
            one = out.setdefault(int(found[1]), {"node": []})
            one.setdefault("library", {"function": []})["function"].append(f)
    return out, strays


def has_bare_loop(graph):
    """A value that leaves its iteration for something else than a merge: an error, but only where something is lowered."""
    def inside(nodes):
        ops = {n["name"]: n["op"] for n in nodes}
        return any(ops.get(s.partition(":")[0]) == "NextIteration" and n["op"] != "Merge"
                   for n in nodes for s in n.get("input", []))

    return inside(graph["node"]) or any(inside(f["nodeDef"]) for f in graph.get("library", {}).get("function", []))


class Run:
    def __init__(self, args):
        self.args, self.opdefs = args, painter.load_opdefs(args.opdefs)
        self.failures, self.graphs, self.errors, self.changed, self.casts = 0, 0, 0, 0, 0
        self.ops = set()

    def fail(self, seed, size, index, texts):
        self.failures += 1
        print("seed %d, graph %d of a batch of %d: %d differences" % (seed, index, size, len(texts)))
        for text in texts[:4]:
            print("  " + text[:600])

    def alone(self, seed, size, index, graph, case, version, want, directory):
        got, done = amp_opt(self.args.amp_opt, graph, case, version, directory)
        bad = [done.stderr] if got is None else differences(graph, got, want, case["mode"] == "cpu_fp16")
        if bad:
            print(json.dumps(dict(case, version=version)))
            self.fail(seed, size, index, bad)

    def batch(self, seed, size, directory):
        case, version, graphs = random_graphdefs.batch(seed, self.opdefs, size)
        together, wanted = {"node": []}, []
        names = {"fetches": [], "feeds": [], "keep": []}
        for i, (graph, found) in enumerate(graphs):
            self.graphs += 1
            self.ops.update(n["op"] for n in graph["node"] if n["op"] in self.opdefs)
            own = dict(case, **found)
            try:
                want, paintings = painter.rewrite_graph(graph, own, self.opdefs, version)
            except painter.PassError as problem:
                self.errors += 1
                got, done = amp_opt(self.args.amp_opt, graph, own, version, directory)
                if got is not None:
                    self.fail(seed, size, i, ["no error where TensorFlow says: %s" % problem])
                elif done.returncode != 1:
                    self.fail(seed, size, i, ["exit %d: %s" % (done.returncode, done.stderr)])
                continue
            self.changed += sum(len(p.allow) for p in paintings)
            if has_bare_loop(graph):
                self.alone(seed, size, i, graph, own, version, want, directory)
                continue
            wanted.append((i, graph, want))
            together["node"] += graph["node"]
            if "library" in graph:
                together.setdefault("library", {"function": []})["function"] += graph["library"]["function"]
            for key in names:
                names[key] += found[key]
        if not wanted:
            return
        got, done = amp_opt(self.args.amp_opt, together, dict(case, **names), version, directory)
        if got is None:
            lines = [x for x in done.stderr.splitlines() if "error:" in x]
            self.fail(seed, size, -1, ["exit %d: %s" % (done.returncode, x.partition("error:")[2]) for x in lines])
            return
        loose = case["mode"] == "cpu_fp16"
        found, strays = parts(got)
        for i, graph, want in wanted:
            mine = found.pop(i, {"node": []})
            self.casts += len(mine["node"]) - len(graph["node"])
            bad = differences(graph, mine, want, loose)
            if bad:
                print(json.dumps(dict(case, version=version)))
                self.fail(seed, size, i, bad)
        if strays or found:
            self.fail(seed, size, -1, ["nodes of no graph"])


def work(args, first, step, count):
    """Every `step`th batch from the `first` one."""
    run = Run(args)
    with tempfile.TemporaryDirectory() as directory:
        for i in range(first, count, step):
            run.batch(args.seed + i, args.size, directory)
            if run.failures > 20:
                break
    sys.stdout.flush()
    return run.graphs, run.ops, run.changed, run.casts, run.errors, run.failures


def main():
    parser = argparse.ArgumentParser(description="random GraphDefs against the naive painter")
    parser.add_argument("--amp-opt", required=True)
    parser.add_argument("--opdefs", required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--size", type=int, default=SIZE, help="graphs of a batch")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    args = parser.parse_args()
    batches = -(-args.count // args.size)
    jobs = max(1, min(args.jobs, batches))
    with multiprocessing.Pool(jobs) as pool:
        found = pool.starmap(work, [(args, k, jobs, batches) for k in range(jobs)])
    graphs, ops, changed, casts, errors, failures = zip(*found)
    ops = set().union(*ops)
    print("%d graphs from seed %d over %d ops: %d vertices lowered, %d casts, %d graphs with an error, %d failures" %
          (sum(graphs), args.seed, len(ops), sum(changed), sum(casts), sum(errors), sum(failures)))
    enough = len(ops) >= 60 and sum(changed) and sum(casts)
    return 1 if sum(failures) or not enough else 0


if __name__ == "__main__":
    sys.exit(main())
