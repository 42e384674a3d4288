# Runs the commands of README.md and docs/: every code block that begins with
# ```sh test, in a folder that looks like the top of the project. Also follows
# every link between the documents.
#
#   run_examples.py --root=DIR --build=DIR [--only=NAME.md]
#   run_examples.py --root=DIR --links

import argparse
import glob
import os
import re
import subprocess
import sys
import tempfile

BLOCK = re.compile(r"^```sh test([^\n]*)\n(.*?)^```", re.M | re.S)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def documents(root):
    return ([os.path.join(root, "README.md")] + sorted(glob.glob(os.path.join(root, "docs", "*.md")))
            + sorted(glob.glob(os.path.join(root, "docs", "*", "*.md")))
            + [p for p in (os.path.join(root, d, "README.md") for d in ("lib", "runtime", "test"))
               if os.path.exists(p)])


def check_links(root):
    wrong = 0
    for path in documents(root):
        with open(path, encoding="utf-8") as f:
            text = f.read()
        for target in LINK.findall(re.sub(r"```.*?```", "", text, flags=re.S)):
            if "://" in target:
                continue
            if not os.path.exists(os.path.join(os.path.dirname(path), target)):
                print("%s: no such file: %s" % (os.path.relpath(path, root), target))
                wrong += 1
    print("%d documents, %d dead links" % (len(documents(root)), wrong))
    return wrong


def run_blocks(root, build, only):
    ran, failed = 0, 0
    for path in documents(root):
        name = os.path.relpath(path, root)
        if only and not name.endswith(only):
            continue
        with open(path, encoding="utf-8") as f:
            text = f.read()
        for match in BLOCK.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            with tempfile.TemporaryDirectory() as directory:
                for entry in os.listdir(root):
                    if entry not in ("build", "out") and not entry.startswith("build-"):
                        os.symlink(os.path.join(root, entry), os.path.join(directory, entry))
                os.symlink(build, os.path.join(directory, "build"))
                done = subprocess.run(["bash", "-euo", "pipefail", "-c", match.group(2)], cwd=directory,
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, text=True, timeout=500)
            ran += 1
            if done.returncode:
                failed += 1
                print("%s:%d: exit %d\n%s" % (name, line, done.returncode, done.stdout[-3000:]))
    print("%d blocks of commands, %d failed" % (ran, failed))
    return failed or not ran


def main():
    parser = argparse.ArgumentParser(description="the documents' commands and links")
    parser.add_argument("--root", required=True)
    parser.add_argument("--build")
    parser.add_argument("--only")
    parser.add_argument("--links", action="store_true")
    args = parser.parse_args()
    if args.links:
        return 1 if check_links(args.root) else 0
    return 1 if run_blocks(args.root, args.build, args.only) else 0


sys.exit(main())
