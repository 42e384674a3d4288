# The line that TensorFlow's pass logs of each graph, "Converted N/M nodes …
# using C cast(s)", as --summary prints it.
#
#   log_lines.py --amp-opt=PATH --cases=DIR

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile

LINE = re.compile(r"Converted (\d+)/(\d+) nodes to (\w+) precision using (\d+) cast")
MODES = {"fp16": ("cuda", "float16"), "bf16": ("bf16", "bfloat16")}


def main():
    parser = argparse.ArgumentParser(description="TensorFlow's log lines")
    parser.add_argument("--amp-opt", required=True)
    parser.add_argument("--cases", required=True)
    args = parser.parse_args()
    failures, count = [], 0
    with tempfile.TemporaryDirectory() as t:
        for root, _, files in sorted(os.walk(args.cases)):
            if "case.json" not in files:
                continue
            with open(os.path.join(root, "case.json"), encoding="utf-8") as f:
                case = json.load(f)
            with open(os.path.join(root, "expected.json"), encoding="utf-8") as f:
                expected = json.load(f)
            wanted = expected.get("log_summary")
            # A pass that fails or has nothing to do logs no line.
            if case["mode"] not in MODES or not isinstance(wanted, list) or not wanted or expected.get("error"):
                continue
            source = os.path.join(root, "input.json")
            if not os.path.exists(source):
                source = os.path.join(root, "..", "..", "input.json")
            mode, target = MODES[case["mode"]]
            gpu = case.get("cluster", {"gpu": True})
            spec = ",".join(str(gpu.get(k) or "") for k in ("arch", "cuda", "cudnn")).rstrip(",") if gpu.get("gpu") \
                else "none"
            command = [args.amp_opt, source, "-o", os.path.join(t, "out.pb"), "--summary", "--target=" + target,
                       "--tf-mode=" + mode, "--tf-gpu=" + (spec or "8.0"), "--loss-scale=none"]
            command += ["--%s=%s" % (flag, ",".join(case[key])) for flag, key in
                        (("fetch", "fetches"), ("feed", "feeds"), ("tf-keep", "keep")) if case.get(key)]
            environment = dict(os.environ, **{"TF_AUTO_MIXED_PRECISION_GRAPH_REWRITE_" + k: str(v)
                                              for k, v in case.get("env", {}).items()})
            done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
            found = sorted((int(n), int(m), kind, int(c)) for n, m, kind, c in LINE.findall(done.stdout))
            lines = sorted((w["converted"], w["total"], w["type"], w["casts_excl_const_var"]) for w in wanted)
            count += 1
            # TensorFlow logs no line of a function in which it finds nothing to do.
            if any(line not in found for line in lines) or any(line[0] for line in found if line not in lines):
                failures.append("%s: %s for %s %s" % (os.path.relpath(root, args.cases), found, lines, done.stderr[:300]))
    for line in failures:
        print(line)
    print("%d cases, %d failures" % (count, len(failures)))
    return 1 if failures or count < 20 else 0


if __name__ == "__main__":
    sys.exit(main())
