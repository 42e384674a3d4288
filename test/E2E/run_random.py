# Rewrites random graphs with amp-opt and compares the result with the naive
# painter; then rewrites the result again, reads and writes it once more, and
# shuffles the nodes of the input.
#
#   run_random.py --amp-opt=build/bin/amp-opt --seed=1 --count=1000
#
# Prints the seed of a failing file; `random_graphs.py --seed=…` prints the file.

import argparse
import json
import os
import subprocess
import sys
import tempfile

import random_graphs
from check_rewrite import Checker

PRESETS = ["default", "tensorflow", "tensorflow-2.19", "minimal"]
TARGETS = ["float16", "bfloat16"]
FUNCTIONS = 25


class Failure(Exception):
    pass


def run(args, **kw):
    done = subprocess.run(args, capture_output=True, text=True, timeout=300, **kw)
    if done.returncode != 0:
        raise Failure("exit %d: %s\n%s" % (done.returncode, " ".join(args), done.stderr[:3000]))
    return done


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def check_case(amp_opt, directory, file, preset, target, seed):
    """All properties of one file under one preset and target; a list of errors."""
    path = lambda name: os.path.join(directory, name)
    text = random_graphs.dump(file)
    write(path("in.json"), text)
    scale = ["--loss-scale=" + ("dynamic" if target == "float16" else "none")]
    flags = ["--policy=" + preset, "--target=" + target] + scale
    run([amp_opt, path("in.json"), "-o", path("out.json"), "--report=" + path("report.json")] + flags)
    run([amp_opt, path("in.json"), "-o", path("none.json"), "--policy=none", "--target=" + target] + scale)
    out = read(path("out.json"))
    rewritten, none = json.loads(out), json.loads(read(path("none.json")))

    checker = Checker(preset, target)
    seen = checker.check_file(file, none, rewritten)
    plain = Checker("none", target)
    plain.check_file(file, none, none)
    errors = checker.errors + ["--policy=none: " + e for e in plain.errors]

    report = json.loads(read(path("report.json")))
    listed = {(n["function"], n["name"]): n["after"] for n in report["nodes"]
              if n["before"] != n["after"] and n["op"] not in ("cast", "constant")}
    if listed != seen:
        wrong = sorted(k for k in set(listed) | set(seen) if listed.get(k) != seen.get(k))
        errors.append("the report and the file disagree about %s" % wrong[:5])

    run([amp_opt, path("out.json"), "-o", path("again.json")] + flags)
    if read(path("again.json")) != out:
        errors.append("rewriting again changes the file")
    run([amp_opt, path("out.json"), "--no-amp", "-o", path("copy.json")])
    if read(path("copy.json")) != out:
        errors.append("reading and writing changes the file")

    write(path("shuffled.json"), random_graphs.dump(random_graphs.shuffled(file, seed)))
    run([amp_opt, path("shuffled.json"), "-o", path("other.json"), "--report=" + path("other-report.json")] + flags)
    other = json.loads(read(path("other-report.json")))
    keys = ("function", "name", "before", "after", "rule", "list")
    order = lambda r: sorted(tuple(str(n[k]) for k in keys) for n in r["nodes"])
    if order(other) != order(report):
        errors.append("the order of the nodes matters")
    return errors, checker


def tampered(rewritten):
    """Wrong files made from a right one; the checker finds each of them."""
    copy = lambda: json.loads(json.dumps(rewritten))
    low = ("float16", "bfloat16")
    for what in ("type", "duplicate", "output", "direct", "drop", "shape"):
        file = copy()
        for function in file["functions"]:
            nodes = function["nodes"]
            casts = [n for n in nodes if n["op"] == "cast" and "/cast_" in n["name"]]
            if not casts:
                continue
            cast = casts[0]
            user = next((n for n in nodes if cast["name"] in n.get("inputs", [])), None)
            if what == "type" and cast.get("types"):
                cast["types"][0]["dtype"] = "float64"
            elif what == "duplicate":
                nodes.append(dict(cast, name=cast["name"] + "_1"))
            elif what == "direct" and user:
                user["inputs"] = [cast["inputs"][0] if r == cast["name"] else r for r in user["inputs"]]
            elif what == "drop":
                other = [n for n in nodes if n["op"] not in ("cast", "constant")]
                nodes.remove(other[-1])
            elif what == "output":
                function["outputs"] = function["outputs"][1:]
            elif what == "shape" and cast.get("types"):
                cast["types"][0]["shape"] = [3, 3, 3]
            else:
                continue
            yield what, file
            break


def main():
    parser = argparse.ArgumentParser(description="random graphs against the naive painter")
    parser.add_argument("--amp-opt", required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=1000, help="graphs, %d a file" % FUNCTIONS)
    parser.add_argument("--all", action="store_true", help="every preset and target for every file")
    parser.add_argument("--no-training", action="store_true")
    parser.add_argument("--keep", help="folder for the files of a failing case")
    args = parser.parse_args()

    files = -(-args.count // FUNCTIONS)
    cases = [(p, t) for p in PRESETS for t in TARGETS]
    failed, lowered, casts, graphs, caught = 0, 0, 0, 0, set()
    for i in range(files):
        seed = args.seed + i
        file = random_graphs.random_file(seed, FUNCTIONS, not args.no_training)
        graphs += len(file["functions"])
        for preset, target in cases if args.all else [cases[i % len(cases)]]:
            with tempfile.TemporaryDirectory() as directory:
                try:
                    errors, checker = check_case(args.amp_opt, directory, file, preset, target, seed)
                    lowered += checker.lowered
                    casts += checker.casts
                    if i == 0 and not errors:
                        rewritten = json.loads(read(os.path.join(directory, "out.json")))
                        none = json.loads(read(os.path.join(directory, "none.json")))
                        for what, wrong in tampered(rewritten):
                            test = Checker(preset, target)
                            test.check_file(file, none, wrong)
                            caught.add(what)
                            if not test.errors:
                                errors.append("the checker does not notice a wrong %s" % what)
                except Failure as problem:
                    errors = [str(problem)]
                if errors and args.keep:
                    os.makedirs(args.keep, exist_ok=True)
                    for name in os.listdir(directory):
                        write(os.path.join(args.keep, name), read(os.path.join(directory, name)))
            if errors:
                failed += 1
                print("seed %d, --policy=%s --target=%s: %d errors" % (seed, preset, target, len(errors)))
                for error in errors[:20]:
                    print("  " + error)
    print("%d graphs in %d files from seed %d: %d nodes lowered, %d casts, checker self-test: %s"
          % (graphs, files, args.seed, lowered, casts, " ".join(sorted(caught)) or "not run"))
    if failed:
        print("%d files failed" % failed)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
