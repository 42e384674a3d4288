# The naive painter against TensorFlow's recorded answers: all cases and random
# graphs of test/data/tensorflow, for 2.21 and 2.19. What amp-opt is compared with
# on random graphs is itself compared with the real thing.
#
#   check_painter.py --data=test/data/tensorflow

import argparse
import gzip
import json
import os
import sys

import painter


class Run:
    def __init__(self, data):
        sys.path.insert(0, data)
        import compare
        self.compare, self.data = compare, data
        self.opdefs = painter.load_opdefs(os.path.join(data, "opdefs.json.gz"))
        self.total, self.failures = 0, 0

    def one(self, name, version, case, graph, want):
        self.total += 1
        should_fail = bool(want.get("error") or want.get("failed"))
        try:
            out, _ = painter.rewrite_graph(graph, case, self.opdefs, version)
            bad = ["no error"] if should_fail else (
                self.compare.differences(case, graph, out, want) + self.compare.rest_changed(graph, out))
        except painter.PassError as problem:
            bad = [] if should_fail else [str(problem)]
        if bad:
            self.failures += 1
            print("%s, %s: %s" % (name, version, bad[0][:300]))

    def random(self, mode, version):
        path = lambda ending: os.path.join(self.data, "random", mode + ending)
        with gzip.open(path(".jsonl.gz"), "rt") as f:
            graphs = [json.loads(line) for line in f]
        other = {}
        if version == "2.19":
            with gzip.open(path(".tf219.jsonl.gz"), "rt") as f:
                other = {d["seed"]: d["expected"] for d in map(json.loads, f)}
        for d in graphs:
            self.one("%s seed %d" % (mode, d["seed"]), version, d["case"], d["input"], other.get(d["seed"], d["expected"]))

    def cases(self, version):
        load, expected = self.compare.load, "expected.json" if version == "2.21" else "expected_tf219.json"
        for folder, _, files in sorted(os.walk(os.path.join(self.data, "cases"))):
            if "case.json" not in files:
                continue
            graph = load(os.path.join(folder, "input.json"))
            if graph is None:
                graph = load(os.path.join(os.path.dirname(os.path.dirname(folder)), "input.json"))
            want = load(os.path.join(folder, expected))
            if want is not None:
                self.one(os.path.relpath(folder, self.data), version, load(os.path.join(folder, "case.json")), graph, want)


def main():
    parser = argparse.ArgumentParser(description="the naive painter against TensorFlow's recorded answers")
    parser.add_argument("--data", required=True)
    run = Run(parser.parse_args().data)
    for version in ("2.21", "2.19"):
        run.cases(version)
        for mode in ("fp16", "bf16"):
            run.random(mode, version)
    print("%d answers, %d failures" % (run.total, run.failures))
    return 1 if run.failures or run.total < 300 else 0


if __name__ == "__main__":
    sys.exit(main())
