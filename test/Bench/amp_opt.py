# The whole of amp-opt, start included, by the clock: time and memory per node from
# 10^3 to 10^6 nodes. Prints a Markdown table; amp-opt alone (--version) is the first
# row. The seconds are the least of several runs, the memory is the most that the
# process held (its peak resident set) and what that grows by from the row above.
#
#   amp_opt.py --amp-opt=build/bin/amp-opt [--sizes=1000,10000,100000,1000000]

import argparse
import os
import subprocess
import sys
import tempfile
import time

import pass_scaling


def run(command):
    """Seconds and peak KiB of one run."""
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if status:
        raise SystemExit("%s failed" % " ".join(command))
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss


def least(command, runs):
    results = [run(command) for _ in range(runs)]
    return min(r[0] for r in results), min(r[1] for r in results), max(r[2] for r in results)


def main():
    parser = argparse.ArgumentParser(description="time and memory per node of amp-opt")
    parser.add_argument("--amp-opt", required=True)
    parser.add_argument("--sizes", default="1000,10000,100000,1000000")
    args = parser.parse_args()
    print("| nodes | ms | cpu ms | us per node | cpu us per node | peak MiB | bytes per node, from the row above |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    seconds, cpu, peak = least([args.amp_opt, "--version"], 20)
    print("| 0 | %.1f | %.1f | | | %.1f | |" % (seconds * 1e3, cpu * 1e3, peak / 1024), flush=True)
    before, held = 0, peak
    with tempfile.TemporaryDirectory() as folder:
        for size in (int(s) for s in args.sizes.split(",")):
            path = os.path.join(folder, "in.json")
            pass_scaling.dump(pass_scaling.graph(size), path)
            runs = 20 if size <= 1000 else 10 if size <= 10000 else 3
            seconds, cpu, peak = least([args.amp_opt, path, "-o", os.path.join(folder, "out.json")], runs)
            print("| %d | %.1f | %.1f | %.2f | %.2f | %.1f | %.0f |"
                  % (size, seconds * 1e3, cpu * 1e3, seconds / size * 1e6, cpu / size * 1e6, peak / 1024,
                     (peak - held) * 1024 / (size - before)), flush=True)
            before, held = size, peak


if __name__ == "__main__":
    sys.exit(main())
