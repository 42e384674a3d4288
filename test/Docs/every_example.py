# Each graph file of docs/examples: amp-opt reads it, writes it back with the same
# content, rewrites it to both types and without lowering, once and again with the
# same bytes; and docs/examples/README.md has a line for each, and for each project.
#
#   every_example.py --root=DIR --amp-opt=build/bin/amp-opt

import argparse
import json
import os
import subprocess
import sys
import tempfile


def main():
    parser = argparse.ArgumentParser(description="the graph files of docs/examples")
    parser.add_argument("--root", required=True)
    parser.add_argument("--amp-opt", required=True)
    args = parser.parse_args()
    folder = os.path.join(args.root, "docs", "examples")
    with open(os.path.join(folder, "README.md"), encoding="utf-8") as f:
        page = f.read()
    failures = []

    def rewrite(source, target, *flags):
        done = subprocess.run([args.amp_opt, source, "-o", target] + list(flags), capture_output=True, text=True,
                              timeout=120)
        if done.returncode:
            failures.append("%s %s: exit %d\n%s" % (source, " ".join(flags), done.returncode, done.stderr))
            return None
        with open(target, "rb") as f:
            return f.read()

    names = sorted(os.listdir(folder))
    files = sorted(os.path.relpath(os.path.join(place, n), folder)
                   for place, _, found in os.walk(folder) for n in found
                   if n.endswith(".json") and os.path.basename(place) != "policies")
    with tempfile.TemporaryDirectory() as directory:
        for name in files:
            path, out, again = os.path.join(folder, name), os.path.join(directory, "out.json"), os.path.join(
                directory, "again.json")
            with open(path, encoding="utf-8") as f:
                if json.loads(rewrite(path, out, "--no-amp") or "0") != json.load(f):
                    failures.append(name + ": reading and writing changes it")
            for flags in ([], ["--target=bfloat16"], ["--policy=none"], ["--policy=tensorflow"]):
                first = rewrite(path, out, *flags)
                if first is None or first != rewrite(out, again, *flags):
                    failures.append("%s %s: rewriting again changes it" % (name, " ".join(flags)))
    for name in [n for n in files if n in names] + [n for n in names if os.path.isdir(os.path.join(folder, n))]:
        if "(%s" % name not in page:
            failures.append("docs/examples/README.md does not tell of " + name)
    for line in failures:
        print(line)
    print("%d examples, %d failures" % (len(files), len(failures)))
    return 1 if failures or len(files) < 4 else 0


if __name__ == "__main__":
    sys.exit(main())
