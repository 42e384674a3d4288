# Finds forbidden includes, and files that break the rules for files: too long,
# without the header, with paths of somebody's machine or unfinished-work marks.
#
#   check_layers.py --root=DIR      checks a source tree
#   check_layers.py --self-test     plants one violation of each rule and expects it found

import argparse
import os
import re
import subprocess
import sys
import tempfile

from layers import DEVICES, LAYERS, RUNTIME

INCLUDE = re.compile(r'^\s*#?\s*include\s*(?:<([^>]+)>|"([^"]+)")', re.M)
CODE = (".h", ".cpp", ".td", ".cu", ".cuh", ".c")
TEXT = CODE + (".py", ".cmake", ".txt", ".md", ".json", ".mlir", ".test", ".sh", ".in", "")
MAX_LINES = 800
# Long on purpose: data, what is generated, and the licence.
LONG = re.compile(r"(^|/)(golden|Inputs|corpus|data)/|^LICENSE$|\.schema\.json$|/OpTable\.txt$")
HEADER = "Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions"
MACHINE = re.compile(r"(?<![\w.])/(?:work|root|home)/[\w.]")
UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")


def layer_of(path):
    """('compiler', layer), ('runtime', part), ('tools', name) or None."""
    parts = path.split("/")
    if parts[0] == "lib" and len(parts) > 2:
        return ("compiler", parts[1])
    if parts[:2] == ["include", "amp"] and len(parts) > 3:
        return ("compiler", parts[2])
    if parts[0] == "runtime":
        # runtime/src/cpu/…, runtime/include/amprt/cpu/…
        part = next((p for p in parts[2:-1] if p in DEVICES), "core")
        return ("runtime", part)
    if parts[0] == "tools":
        return ("tools", parts[1])
    return None


def check_includes(path, text):
    layer = layer_of(path)
    if layer is None:
        return
    for match in INCLUDE.finditer(text):
        target = match.group(1) or match.group(2)
        line = text.count("\n", 0, match.start()) + 1
        where = "%s:%d: " % (path, line)
        first = target.split("/")[0]
        if "tools/" in target or first.startswith("amp-") and first != "amp-c":
            yield where + "nothing includes a tool: %s" % target
        if target.startswith("../"):
            target = os.path.normpath(os.path.join(os.path.dirname(path), target))
            if layer[0] != "runtime" and layer_of(target) != layer:
                yield where + "reaches into another folder: %s" % target
        elif first in ("test", "lib"):
            yield where + "reaches into another folder: %s" % target
        if layer[0] == "compiler":
            rules = LAYERS.get(layer[1])
            if rules is None:
                yield where + "lib/%s is a layer that layers.py does not know" % layer[1]
                return
            if first in ("mlir", "llvm", "mlir-c", "llvm-c") and not rules["mlir"]:
                yield where + "%s does not know MLIR: %s" % (layer[1], target)
            if first == "amprt":
                yield where + "the compiler does not know the runtime: %s" % target
            if re.match(r"(cuda|cublas|nvrtc|cudnn)", target, re.I):
                yield where + "the compiler does not know CUDA: %s" % target
            if first == "amp" and target.count("/") >= 2:
                wanted = target.split("/")[1]
                if wanted != layer[1] and wanted not in rules["amp"] and "*" not in rules["amp"]:
                    yield where + "%s does not know %s: %s" % (layer[1], wanted, target)
        elif layer[0] == "runtime":
            if first in ("mlir", "llvm", "mlir-c", "llvm-c"):
                yield where + "the runtime does not know MLIR: %s" % target
            if first == "amp" and target.split("/")[1] not in RUNTIME["amp"]:
                yield where + "the runtime does not know %s: %s" % (target.split("/")[1], target)
            others = [d for d in DEVICES if d != layer[1]]
            if layer[1] in DEVICES and any(("/%s/" % d) in "/" + target for d in others):
                yield where + "the %s device does not know another one: %s" % (layer[1], target)
            if layer[1] != "cuda" and re.match(r"(cuda|cublas|nvrtc|cudnn)", target, re.I):
                yield where + "only the cuda device knows CUDA: %s" % target
        elif layer[0] == "tools" and layer[1] == "amp-run":
            if first in ("mlir", "llvm") or first == "amp" and target.split("/")[1] not in RUNTIME["amp"]:
                yield where + "amp-run does not know the compiler: %s" % target


def check_file(path, text):
    lines = text.count("\n")
    if lines > MAX_LINES and not LONG.search(path):
        yield "%s: %d lines; the limit is %d" % (path, lines, MAX_LINES)
    if path.endswith((".h", ".cpp", ".td", ".cu", ".cuh")) and HEADER not in text[:1500]:
        yield "%s: has no file header" % path
    if path.startswith("test/Layering/"):
        return
    for pattern, what in ((MACHINE, "a path of one machine"), (UNFINISHED, "a mark of unfinished work")):
        match = pattern.search(text)
        if match:
            yield "%s:%d: %s: %s" % (path, text.count("\n", 0, match.start()) + 1, what, match.group(0))


def source_files(root):
    done = subprocess.run(["git", "-C", root, "ls-files", "-z"], capture_output=True)
    if done.returncode == 0 and done.stdout:
        for name in done.stdout.decode().split("\0"):
            if name:
                yield name
        return
    for directory, folders, names in os.walk(root):
        folders[:] = [f for f in folders if not f.startswith((".", "build"))]
        for name in names:
            yield os.path.relpath(os.path.join(directory, name), root)


def check_tree(root):
    errors, count = [], 0
    for path in source_files(root):
        full = os.path.join(root, path)
        if not os.path.isfile(full) or os.path.splitext(path)[1] not in TEXT:
            continue
        with open(full, encoding="utf-8", errors="replace") as f:
            text = f.read()
        count += 1
        errors += check_file(path, text)
        if path.endswith(CODE):
            errors += check_includes(path, text)
    return errors, count


HEAD = "// %s.\n" % HEADER
PLANTED = {
    "lib/Analysis/A.cpp": ('#include "amp/Dialect/Graph/IR/GraphOps.h"', "Analysis does not know Dialect"),
    "lib/Transforms/T.cpp": ('#include "amp/Dialect/Graph/IR/GraphOps.h"', "Transforms does not know Dialect"),
    "lib/Transforms/U.cpp": ('#include "amp/Import/Import.h"', "Transforms does not know Import"),
    "lib/Transforms/V.cpp": ('#include "amp/Export/Export.h"', "Transforms does not know Export"),
    "lib/Policy/P.cpp": ('#include "mlir/IR/Operation.h"', "Policy does not know MLIR"),
    "lib/OpSet/O.cpp": ('#include <llvm/ADT/SmallVector.h>', "OpSet does not know MLIR"),
    "lib/Models/M.cpp": ('#include "amp/Dialect/Graph/IR/GraphOps.h"', "Models does not know Dialect"),
    "lib/Import/I.cpp": ('#include "amprt/Session.h"', "the compiler does not know the runtime"),
    "lib/Export/E.cpp": ('#include <cuda_runtime.h>', "the compiler does not know CUDA"),
    "include/amp/Policy/Q.h": ('#include "amp/Analysis/PaintGraph.h"', "Policy does not know Analysis"),
    "include/amp/Analysis/B.td": ('include "amp/Dialect/Graph/IR/GraphBase.td"', "Analysis does not know Dialect"),
    "runtime/src/base/R.cpp": ('#include "mlir/IR/Operation.h"', "the runtime does not know MLIR"),
    "runtime/src/program/S.cpp": ('#include "amp/Policy/Policy.h"', "the runtime does not know Policy"),
    "runtime/src/cpu/C.cpp": ('#include "amprt/cuda/Cuda.h"', "the cpu device does not know another"),
    "runtime/src/cuda/D.cpp": ('#include "../cpu/Kernels.h"', "the cuda device does not know another"),
    "runtime/src/planner/N.cpp": ('#include <cublasLt.h>', "only the cuda device knows CUDA"),
    "lib/Api/Y.cpp": ('#include "tools/amp-opt/Flags.h"', "nothing includes a tool"),
    "tools/amp-run/Main.cpp": ('#include "amp/Transforms/Passes.h"', "amp-run does not know the compiler"),
    "lib/GraphFile/Z.cpp": ('#include "../Export/Private.h"', "reaches into another folder"),
    "lib/Unheard/X.cpp": ('#include "amp/OpSet/OpSet.h"', "does not know"),
    "lib/OpSet/Long.cpp": ("\n" * 801, "the limit is 800"),
    "docs/Path.md": ("see /home/me/x", "a path of one machine"),
    "docs/Later.md": ("TO" + "DO: finish", "a mark of unfinished work"),
}


def self_test():
    failed = 0
    for path, (text, expected) in PLANTED.items():
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(os.path.dirname(os.path.join(root, path)))
            with open(os.path.join(root, path), "w", encoding="utf-8") as f:
                f.write(HEAD + text + "\n")
            errors, _ = check_tree(root)
            if not any(expected in e for e in errors):
                print("not found in %s: %s" % (path, expected))
                failed += 1
    with tempfile.TemporaryDirectory() as root:
        os.makedirs(os.path.join(root, "lib/OpSet"))
        with open(os.path.join(root, "lib/OpSet/Bare.cpp"), "w", encoding="utf-8") as f:
            f.write("int x;\n")
        if not any("no file header" in e for e in check_tree(root)[0]):
            print("a missing header is not found")
            failed += 1
    print("%d planted violations, %d not found" % (len(PLANTED) + 1, failed))
    return failed


def main():
    parser = argparse.ArgumentParser(description="forbidden includes and the rules for files")
    parser.add_argument("--root")
    parser.add_argument("--self-test", action="store_true")
    args = parser.parse_args()
    if args.self_test:
        return 1 if self_test() else 0
    errors, count = check_tree(args.root)
    for error in errors:
        print(error)
    print("%d files, %d errors" % (count, len(errors)))
    return 1 if errors else 0


sys.exit(main())
