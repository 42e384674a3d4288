"""Writes the manual page of a program from what its --help prints, so that the page
is never behind the program.

    make_man.py PROGRAM VERSION OUT.1
"""

import os
import re
import subprocess
import sys


def escape(text):
    return text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")


def page(name, version, text):
    lines = text.splitlines()
    # LLVM's parser puts a word before the first line.
    title = re.sub(r"^OVERVIEW: ", "", next(line for line in lines if line.strip()))
    if title.startswith("usage: "):
        title = name + " - " + lines[2].split(". ")[0].strip().lower()
    out = ['.TH %s 1 "" "Amp %s" "Amp"' % (name.upper(), version), ".SH NAME", escape(title), ".SH DESCRIPTION"]
    for line in lines[lines.index(next(line for line in lines if line.strip())) + 1:]:
        flag = re.match(r"^\s+(-{1,2}[a-zA-Z].*?)(?:\s+- |\s{2,})(.*)$", line)
        heading = re.match(r"^(?:[A-Z][\w -]*:|USAGE:.*|OPTIONS:)$", line)
        if flag:
            out += [".TP", ".B " + escape(flag.group(1).strip()), escape(flag.group(2).strip())]
        elif heading:
            out += [".SH " + escape(line.rstrip(":").upper())]
        elif line.startswith("  "):
            out += [".br", escape(line)]
        else:
            out += [escape(line) if line.strip() else ".PP"]
    return "\n".join(line if line.startswith(".") else re.sub(r"^\.", "\\&.", line) for line in out) + "\n"


def main(program, version, path):
    done = subprocess.run([program, "--help"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit("%s --help: exit %d" % (program, done.returncode))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(page(os.path.basename(program), version, done.stdout))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
