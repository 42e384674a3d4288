# Compiles the C++ of the documents: each piece stands in a frame of Inputs, in a
# namespace of its own, and the whole is one translation unit per side (compiler,
# runtime), compiled with the flags of the build.

import json
import os
import re
import shlex
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
# Whose flags the frames of a side are compiled with.
FLAGS_OF = {"compiler": "lib/Api/MixedPrecision.cpp", "runtime": "runtime/src/executor/Session.cpp"}


def frame(name):
    with open(os.path.join(HERE, "Inputs", name + ".cpp"), encoding="utf-8") as f:
        return f.read()


def split_includes(text):
    lines = text.split("\n")
    return ([l for l in lines if l.startswith("#include")],
            "\n".join(l if not l.startswith("#include") else "" for l in lines))


def command(root, build, source):
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as f:
        entries = json.load(f)
    wanted = os.path.join(os.path.realpath(root), source)
    words = next(shlex.split(e["command"]) for e in entries if os.path.realpath(e["file"]) == wanted)
    kept, skip = [], False
    for word in words:
        if skip or word == "-c" or os.path.realpath(word) == wanted or os.path.basename(word) == "ccache":
            skip = False
        elif word == "-o":
            skip = True
        else:
            kept.append(word)
    # A piece may leave what it names unused.
    return kept + ["-fsyntax-only", "-fdiagnostics-color=never", "-Wno-unused", "-Wno-error=unused"]


def check(root, build, snippets):
    """Failures of (place, frame, text)."""
    failures = []
    sides = {}
    for place, name, text in snippets:
        path = os.path.join(HERE, "Inputs", name + ".cpp")
        if not os.path.exists(path):
            failures.append("%s: no frame test/Docs/Inputs/%s.cpp" % (place, name))
            continue
        whole = frame(name)
        side = "runtime" if '#include "amprt/' in whole else "compiler"
        includes, body = split_includes(whole)
        more, piece = split_includes(text)
        before, after = body.split("// SNIPPET\n")
        page, line = place.rsplit(":", 1)
        sides.setdefault(side, []).append((includes + more, "namespace piece_%d {\n%s\n#line %d \"%s\"\n%s\n#line 1 \"%s.cpp\"\n%s}\n" % (
            len(sides.get(side, ())), before, int(line) + 1, page, piece, name, after)))
    for side, pieces in sides.items():
        includes = sorted({i for more, _ in pieces for i in more})
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "snippets.cpp")
            with open(path, "w", encoding="utf-8") as f:
                f.write("\n".join(includes) + "\n" + "\n".join(text for _, text in pieces))
            done = subprocess.run(command(root, build, FLAGS_OF[side]) + [path], cwd=build, capture_output=True,
                                  text=True, timeout=500)
        if done.returncode:
            failures.append("C++ of the documents, %s:\n%s" % (side, re.sub(r"^In file.*\n", "", done.stderr)[:4000]))
    return failures
