# Reading and writing a GraphDef changes nothing: each case of test/data/tensorflow
# through JSON, text and binary and back, and through MLIR text.
#
#   formats.py --amp-opt=PATH --cases=DIR

import argparse
import json
import os
import subprocess
import sys
import tempfile


def main():
    parser = argparse.ArgumentParser(description="formats of GraphDefs")
    parser.add_argument("--amp-opt", required=True)
    parser.add_argument("--cases", required=True)
    args = parser.parse_args()
    failures, count = [], 0

    def convert(source, target):
        done = subprocess.run([args.amp_opt, source, "-o", target, "--no-amp"], capture_output=True, text=True,
                              timeout=120)
        if done.returncode:
            failures.append("%s to %s: exit %d: %s" % (source, target, done.returncode, done.stderr[:300]))
        return target

    with tempfile.TemporaryDirectory() as t:
        for name in sorted(os.listdir(args.cases)):
            source = os.path.join(args.cases, name, "input.json")
            count += 1
            with open(source, encoding="utf-8") as f:
                wanted = json.load(f)
            path = source
            for step, ending in enumerate(("json", "pb", "pbtxt", "pb", "json")):
                path = convert(path, os.path.join(t, "%d.%s" % (step, ending)))
                if not os.path.exists(path):
                    break
                if ending == "json":
                    with open(path, encoding="utf-8") as f:
                        if json.load(f) != wanted:
                            failures.append("%s: step %d changed it" % (name, step))
            # The binary form is the same whichever way it came about.
            else:
                with open(os.path.join(t, "1.pb"), "rb") as a, open(os.path.join(t, "3.pb"), "rb") as b:
                    if a.read() != b.read():
                        failures.append(name + ": binary through text differs")
            for left in os.listdir(t):
                os.remove(os.path.join(t, left))
    for line in failures:
        print(line)
    print("%d graphs, %d failures" % (count, len(failures)))
    return 1 if failures or count < 20 else 0


if __name__ == "__main__":
    sys.exit(main())
