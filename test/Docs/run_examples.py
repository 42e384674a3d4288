# Every code block of README.md and docs/ is a test, or says why not. The words
# behind the block's language, which a browser does not show, say which test:
#
#   sh test                  runs, in a folder that looks like the top of the project
#   sh test with A B         the same beside files of this script's (see FIXTURES)
#   text shown               is what the commands before it print: numbers with a
#                            decimal point are compared to 10 %, '…' stands for anything
#   text message             each line is a message that another test expects
#   json graph               a graph file: amp-opt reads it, the schema accepts it
#   json nodes|training      nodes, one a line; a training section: the schema accepts it
#   json policy              amp-opt takes it as a policy
#   json op-models           amp-opt takes it as models of ops
#   LANGUAGE from FILE       stands in FILE, line for line
#   LANGUAGE adds to FILE behind|before TEXT   has its place in FILE; add_op.py does the rest
#   c++ test in NAME         compiles inside Inputs/NAME.cpp, where that says SNIPPET
#   LANGUAGE drawing         a drawing
#   LANGUAGE not run: WHY    anything else; WHY is printed
#
# Any other block is a failure. Also follows every link between the documents, and
# every path that stands in backticks.
#
#   run_examples.py --root=DIR --build=DIR [--only=NAME.md|--page=FILE] [--tools=DIR]
#                   [--kind=commands|others]
#   run_examples.py --root=DIR --links

import argparse
import collections
import glob
import json
import os
import re
import struct
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import add_op  # noqa: E402
import compile_snippets  # noqa: E402
import schema  # noqa: E402

BLOCK = re.compile(r"^( *)```([^\n`]*)\n(.*?)^ *```$", re.M | re.S)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
Block = collections.namedtuple("Block", "place words text")


def documents(root):
    return ([os.path.join(root, "README.md")] + sorted(glob.glob(os.path.join(root, "docs", "*.md")))
            + sorted(glob.glob(os.path.join(root, "docs", "*", "*.md")))
            + [p for p in (os.path.join(root, d, "README.md") for d in ("lib", "runtime", "test"))
               if os.path.exists(p)])


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


# A path in backticks: `lib/Policy/Lists/*.json`, `amp/OpSet/OpSet.h`.
PATH = re.compile(r"`((?:(?:lib|include|runtime|test|tools|docs|amp|amprt)/)[\w./*+-]*)`")


def exists(root, path):
    return any(glob.glob(os.path.join(root, top, path)) for top in ("", "include", "runtime/include"))


def check_links(root):
    wrong = 0
    for path in documents(root):
        for target in LINK.findall(re.sub(r"```.*?```", "", read(path), flags=re.S)):
            if "://" in target:
                continue
            if not os.path.exists(os.path.join(os.path.dirname(path), target)):
                print("%s: no such file: %s" % (os.path.relpath(path, root), target))
                wrong += 1
        for target in PATH.findall(re.sub(r"```.*?```", "", read(path), flags=re.S)):
            if not exists(root, target):
                print("%s: no such file: %s" % (os.path.relpath(path, root), target))
                wrong += 1
    print("%d documents, %d dead links" % (len(documents(root)), wrong))
    return wrong


def blocks(root, only, page=None):
    """The blocks of each document, or of one page, in order."""
    for path in [page] if page else documents(root):
        name = os.path.relpath(path, root)
        if only and not name.endswith(only):
            continue
        text = read(path)
        found = []
        for match in BLOCK.finditer(text):
            body = re.sub("^" + match.group(1), "", match.group(3), flags=re.M)
            place = "%s:%d" % (name, text.count("\n", 0, match.start()) + 1)
            found.append(Block(place, match.group(2).split(), body))
        if text.count("```") != 2 * len(found):
            raise SystemExit("%s: a code block is not closed, or its fence is not at the start of a line" % name)
        yield found


def lines_of(text):
    return [line.rstrip() for line in text.strip("\n").split("\n")]


def contains(whole, part):
    """Whether the lines of `part` stand together in `whole`, however indented."""
    whole, part = [l.strip() for l in lines_of(whole)], [l.strip() for l in lines_of(part)]
    return any(whole[i:i + len(part)] == part for i in range(len(whole) - len(part) + 1))


def shown_in(line, printed):
    """Whether a line of the documents is a line that was printed."""
    numbers = [float(n) for n in re.findall(r"\d+\.\d+(?:e[-+]?\d+)?", line)]
    pattern = "".join(r"(\d+\.?\d*(?:e[-+]?\d+)?)" if re.fullmatch(r"\d+\.\d+(?:e[-+]?\d+)?", part) else
                      ".*?" if part == "…" else r"\s+" if part.isspace() else re.escape(part)
                      for part in re.split(r"(\d+\.\d+(?:e[-+]?\d+)?|…|\s+)", line.strip()) if part)
    for match in re.finditer(pattern, printed):
        if all(abs(float(a) - b) <= max(0.1 * abs(b), 0.03 if abs(b) > 0.01 else 0)
               for a, b in zip(match.groups(), numbers)):
            return True
    return False


# What 'sh test with NAME' finds: files made by commands, or here.
FIXTURES = {
    "model.json": "cp docs/examples/digits_mlp.json model.json",
    "m16.json": "amp-opt docs/examples/digits_mlp.json -o m16.json",
    "model.mlir": "cp docs/examples/rewrite-module/model.mlir model.mlir",
    "x.npy": None,
}


def write_pictures(path):
    """Two pictures of 784 floats."""
    header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 784), }"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    with open(path, "wb") as f:
        f.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
        f.write(struct.pack("<1568f", *(i % 7 / 7 for i in range(1568))))


class Runner:
    def __init__(self, args):
        self.root, self.build = os.path.abspath(args.root), os.path.abspath(args.build)
        self.kind = args.kind
        self.counts, self.failures, self.not_run = collections.Counter(), [], []
        self.snippets = []
        self.schema_root = json.loads(read(os.path.join(self.root, "docs", "amp-graph.schema.json")))
        self.schema = schema.Schema(self.schema_root)
        self.expected = None
        path = [os.path.join(self.build, "bin"), args.tools or "", os.environ.get("PATH", "")]
        self.environment = dict(os.environ, PATH=os.pathsep.join(p for p in path if p))

    def fail(self, block, text):
        self.failures.append("%s: %s" % (block.place, text))

    def shell(self, script, directory):
        return subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=directory, env=self.environment,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=500)

    def command_block(self, block):
        """What the commands print."""
        with tempfile.TemporaryDirectory() as directory:
            for entry in os.listdir(self.root):
                if not entry.startswith(("build", "out")):
                    os.symlink(os.path.join(self.root, entry), os.path.join(directory, entry))
            os.symlink(self.build, os.path.join(directory, "build"))
            for name in block.words[3:]:
                if name not in FIXTURES:
                    self.fail(block, "no file '%s' for a test" % name)
                elif name == "x.npy":
                    write_pictures(os.path.join(directory, name))
                elif self.shell(FIXTURES[name], directory).returncode:
                    self.fail(block, "cannot make '%s'" % name)
            done = self.shell(block.text, directory)
        if done.returncode:
            self.fail(block, "exit %d\n%s" % (done.returncode, done.stdout[-3000:]))
        return done.stdout

    def message_block(self, block):
        if self.expected is None:
            texts = []
            for folder, _, names in os.walk(os.path.join(self.root, "test")):
                if os.path.basename(folder) == "Docs":
                    continue
                for name in names:
                    if name.endswith((".test", ".json", ".mlir", ".cpp", ".txt", ".expected")):
                        with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as f:
                            texts.append(f.read().replace('\\"', '"'))
            self.expected = "\n".join(texts)
        for line in lines_of(block.text):
            message = re.sub(r"^.*?: (error|warning|note): ", "", line)
            if message not in self.expected:
                self.fail(block, "no test expects the message: " + message)

    def valid(self, block, value, rule):
        wrong = self.schema.errors(value, rule, [])
        if wrong:
            self.fail(block, "the schema refuses it at " + ", ".join("/".join(map(str, path)) for path in wrong))

    def json_block(self, block, what):
        try:
            if what == "nodes":
                values = [json.loads(line.rstrip(",")) for line in lines_of(block.text)]
            elif what == "training":
                values = [json.loads("{%s}" % block.text)["training"]]
            else:
                values = [json.loads(block.text)]
        except (ValueError, KeyError) as error:
            return self.fail(block, "not JSON: %s" % error)
        if what in ("nodes", "training"):
            for value in values:
                self.valid(block, value, {"$ref": "#/$defs/" + {"nodes": "node"}.get(what, what)})
            return
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "example.json")
            with open(path, "w", encoding="utf-8") as f:
                f.write(block.text)
            script = {"graph": "amp-opt %s -o out.json", "policy": "amp-opt --policy=%s --print-policy",
                      "op-models": "echo 'func.func @f() { return }' | amp-opt --op-models=%s"}[what]
            done = self.shell(script % path, directory)
        if done.returncode:
            self.fail(block, done.stdout)
        if what == "graph":
            self.valid(block, values[0], self.schema_root)

    def from_block(self, block):
        path = os.path.join(self.root, block.words[2])
        if not os.path.exists(path):
            self.fail(block, "no such file: " + block.words[2])
        elif not contains(read(path), block.text):
            self.fail(block, "not in %s, line for line" % block.words[2])

    def block(self, block, printed):
        """Tests one block; returns what it printed, if it is one of commands."""
        words = block.words
        how = " ".join(words[1:])
        kind = ("commands" if words[:2] in (["sh", "test"], ["text", "shown"]) else "others")
        if self.kind and kind != self.kind:
            return printed
        if how == "test" or words[:3] == ["sh", "test", "with"]:
            self.counts["commands run"] += 1
            return self.command_block(block)
        if words == ["text", "shown"]:
            self.counts["outputs compared"] += 1
            if printed is None:
                self.fail(block, "no commands before it")
            for line in lines_of(block.text) if printed is not None else ():
                if not shown_in(line, printed):
                    self.fail(block, "not printed: %s\nin\n%s" % (line, printed))
        elif words == ["text", "message"]:
            self.counts["messages found in tests"] += 1
            self.message_block(block)
        elif words[0:1] == ["json"] and how in ("graph", "nodes", "training", "policy", "op-models"):
            self.counts["JSON accepted"] += 1
            self.json_block(block, how)
        elif len(words) == 3 and words[1] == "from":
            self.counts["excerpts compared"] += 1
            self.from_block(block)
        elif words[1:3] == ["adds", "to"]:
            self.counts["places found"] += 1
            try:
                add_op.apply([add_op.STEP.match("```%s\n%s```" % (" ".join(words), block.text)).groups()],
                             {words[3]: (read(os.path.join(self.root, words[3])).encode(), 0)})
            except (OSError, SystemExit) as error:
                self.fail(block, str(error))
        elif words[:3] == ["c++", "test", "in"] and len(words) == 4:
            self.snippets.append((block.place, words[3], block.text))
        elif how == "drawing":
            self.counts["drawings"] += 1
        elif words[1:3] == ["not", "run:"] and len(words) > 3:
            self.not_run.append("%s: %s" % (block.place, " ".join(words[3:])))
        else:
            self.fail(block, "the block does not say how it is tested: '%s'; see the top of "
                             "test/Docs/run_examples.py" % " ".join(words))
        return printed

    def run(self, only, page=None):
        for found in blocks(self.root, only, page):
            printed = None
            for block in found:
                printed = self.block(block, printed)
        if self.snippets:
            self.counts["pieces of C++ compiled"] += len(self.snippets)
            self.failures += compile_snippets.check(self.root, self.build, self.snippets)
        for line in self.not_run:
            print("not run: " + line)
        for line in self.failures:
            print(line)
        print(", ".join("%d %s" % (n, what) for what, n in sorted(self.counts.items()))
              + "; %d failed, %d not run" % (len(self.failures), len(self.not_run)))
        return bool(self.failures) or not self.counts


def main():
    parser = argparse.ArgumentParser(description="the documents' examples and links")
    parser.add_argument("--root", required=True)
    parser.add_argument("--build")
    parser.add_argument("--tools", help="where mlir-opt is")
    parser.add_argument("--only")
    parser.add_argument("--page", help="a page that is not among the documents")
    parser.add_argument("--kind", choices=["commands", "others"])
    parser.add_argument("--links", action="store_true")
    args = parser.parse_args()
    if args.links:
        return 1 if check_links(args.root) else 0
    return 1 if Runner(args).run(args.only, args.page) else 0


if __name__ == "__main__":
    sys.exit(main())
