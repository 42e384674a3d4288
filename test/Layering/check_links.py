# Finds forbidden links: in the link graph that CMake wrote (link-graph.txt) and
# in what the built programs load.
#
#   check_links.py --build=DIR
#   check_links.py --self-test

import argparse
import os
import re
import subprocess
import sys

from layers import FORBIDDEN_LINKS


def read_graph(text):
    """'target: library library …' per line."""
    graph = {}
    for line in text.splitlines():
        target, colon, libraries = line.partition(":")
        if colon:
            graph[target.strip()] = [re.sub(r"^Amp::", "", l) for l in re.findall(r"[\w:.+-]+", libraries)]
    return graph


def reach(graph, start):
    """library -> the chain of links that leads to it."""
    found, todo = {}, [(start, [start])]
    while todo:
        target, chain = todo.pop()
        for library in graph.get(target, []):
            if library not in found and library != start:
                found[library] = chain + [library]
                todo.append((library, found[library]))
    return found


def check_graph(graph):
    errors = []
    for target in sorted(graph):
        reached = None
        for who, what, why in FORBIDDEN_LINKS:
            if not re.fullmatch(who, target):
                continue
            reached = reached if reached is not None else reach(graph, target)
            for library, chain in sorted(reached.items()):
                if re.fullmatch(what, library):
                    errors.append("%s links %s (%s): %s" % (target, library, why, " -> ".join(chain)))
    return errors


def loaded(path):
    """The shared libraries that a program asks for."""
    done = subprocess.run(["readelf", "-d", path], capture_output=True, text=True, check=True)
    return re.findall(r"NEEDED.*\[(.*)\]", done.stdout)


def check_programs(build):
    errors, count = [], 0
    programs = os.path.join(build, "bin")
    for name in sorted(os.listdir(programs)) if os.path.isdir(programs) else []:
        path = os.path.join(programs, name)
        alone = name == "amp-run" or name.startswith("amprt")
        if not alone or not os.path.isfile(path) or not os.access(path, os.X_OK):
            continue
        count += 1
        for library in loaded(path):
            if re.search(r"LLVM|MLIR|libcuda|cudart|cublas", library):
                errors.append("%s loads %s" % (name, library))
    return errors, count


def self_test():
    good = "AmpOpSet: \nAmpRtBase: AmpGraphFile\nAmpGraphFile: AmpOpSet\namp-run: AmpRtCpu\nAmpRtCpu: AmpRtBase\n" \
           "AmpTransforms: AmpAnalysis MLIR\nAmpAnalysis: AmpPolicy AmpInterfaces MLIR\n"
    planted = {
        "AmpGraphFile: LLVM": "AmpGraphFile links LLVM",
        "AmpRtBase: AmpAnalysis": "amp-run links AmpAnalysis",
        "AmpAnalysis: AmpGraphDialect": "AmpTransforms links AmpGraphDialect",
        "AmpTransforms: AmpExport": "AmpTransforms links AmpExport",
        "AmpModels: AmpGraphDialect": "AmpModels links AmpGraphDialect",
        "AmpRtCpu: AmpRtCuda": "AmpRtCpu links AmpRtCuda",
        "AmpRtCuda: AmpRtCpu": "AmpRtCuda links AmpRtCpu",
        "AmpImport: AmpRtBase": "AmpImport links AmpRtBase",
        "AmpPolicy: MLIRIR": "AmpPolicy links MLIRIR",
        "AmpApi: amp-opt": "AmpApi links amp-opt",
    }
    failed = len(check_graph(read_graph(good)))
    for line, expected in planted.items():
        graph = read_graph(good)
        for target, libraries in read_graph(line).items():
            graph[target] = graph.get(target, []) + libraries
        if not any(expected in e for e in check_graph(graph)):
            print("not found: %s" % expected)
            failed += 1
    print("%d planted links, %d not found" % (len(planted), failed))
    return failed


def main():
    parser = argparse.ArgumentParser(description="forbidden links")
    parser.add_argument("--build")
    parser.add_argument("--self-test", action="store_true")
    args = parser.parse_args()
    if args.self_test:
        return 1 if self_test() else 0
    with open(os.path.join(args.build, "link-graph.txt"), encoding="utf-8") as f:
        graph = read_graph(f.read())
    errors = check_graph(graph)
    more, programs = check_programs(args.build)
    for error in errors + more:
        print(error)
    print("%d libraries and programs, %d read as files, %d errors"
          % (len(graph), programs, len(errors + more)))
    return 1 if errors or more or not graph or not programs else 0


sys.exit(main())
