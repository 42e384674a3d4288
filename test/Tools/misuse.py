"""Wrong uses of the programs: misuse.py TABLE...

A table holds one case after another:

    What is wrong.
    $ amp-run linear.json --batch=0
    2
    amp-run: error: --batch needs a whole number of at least 1, not '0'

that is, a line or more that say what it is, a command for the shell, its exit
code, and all it writes to standard output and standard error, byte for byte; a
blank line ends the case. Commands run in a folder of files that misuse_files.py
writes anew. After each of them every file in it must be what it was: nothing
missing, nothing half written, nothing left over, unless the case says
`makes NAME...` on the line after the command.

With AMP_UPDATE_EXPECTED set, the tables are written anew from what the programs
do; read the difference before you commit it.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile

import misuse_files


class Case:
    def __init__(self, about, command, makes, code, text):
        self.about, self.command, self.makes = about, command, makes
        self.code, self.text = code, text

    def write(self):
        makes = "makes " + " ".join(self.makes) + "\n" if self.makes else ""
        return f"{self.about}$ {self.command}\n{makes}{self.code}\n{self.text}"


def read_table(path):
    """The text before the first case, and the cases."""
    with open(path, encoding="utf-8") as file:
        blocks = file.read().split("\n\n")
    head, cases = [], []
    for block in blocks:
        lines = block.strip("\n").split("\n")
        at = next((i for i, line in enumerate(lines) if line.startswith("$ ")), None)
        if at is None:
            head.append(block)
            continue
        about = "".join(line + "\n" for line in lines[:at])
        command, rest = lines[at][2:], lines[at + 1:]
        makes = rest.pop(0).split()[1:] if rest and rest[0].startswith("makes ") else []
        code = int(rest.pop(0)) if rest else None
        cases.append(Case(about, command, makes, code, "".join(line + "\n" for line in rest)))
    return "\n\n".join(head), cases


def snapshot(folder):
    """What stands in the folder: kind, mode and content of every name."""
    found = {}
    for parent, folders, files in os.walk(folder):
        for name in folders + files:
            path = os.path.join(parent, name)
            mode = os.lstat(path).st_mode
            if os.path.islink(path):
                content = os.readlink(path)
            elif os.path.isfile(path):
                with open(path, "rb") as file:
                    content = hashlib.sha256(file.read()).hexdigest()
            else:
                content = ""
            found[os.path.relpath(path, folder)] = (mode, content)
    return found


def difference(before, after, makes):
    lines = []
    for name in sorted(before.keys() | after.keys()):
        if name in makes:
            if name not in after:
                lines.append(f"'{name}' was not made")
        elif name not in after:
            lines.append(f"'{name}' is gone")
        elif name not in before:
            lines.append(f"'{name}' was left behind")
        elif before[name] != after[name]:
            lines.append(f"'{name}' was changed")
    return lines


def run(case, folder, environment):
    """Exit code and output, one stream after the other."""
    done = subprocess.run(["sh", "-c", case.command], cwd=folder, env=environment,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=300)
    text = (done.stdout + done.stderr).decode("utf-8", "replace")
    # A blank line would end the case.
    return done.returncode, "".join(line + "\n" for line in text.split("\n") if line.strip())


def main():
    update = "AMP_UPDATE_EXPECTED" in os.environ
    environment = dict(os.environ, LC_ALL="C", OMP_NUM_THREADS="2")
    environment.pop("AMP_MNIST", None)
    failures = count = skipped = 0
    with tempfile.TemporaryDirectory(prefix="misuse-") as parent:
        folder = os.path.join(parent, "files")
        tools = os.path.join(parent, "bin")
        misuse_files.write_tools(tools)
        environment["PATH"] = tools + os.pathsep + environment["PATH"]
        # A root that nothing is forbidden cannot see what others cannot read.
        probe = subprocess.run([os.path.join(tools, "bound"), "true"])
        for path in sys.argv[1:]:
            head, cases = read_table(path)
            for case in cases:
                if case.command.startswith("bound ") and probe.returncode:
                    skipped += 1
                    continue
                shutil.rmtree(folder, ignore_errors=True)
                misuse_files.write(folder)
                before = snapshot(folder)
                code, text = run(case, folder, environment)
                count += 1
                problems = difference(before, snapshot(folder), case.makes)
                if not update and code != case.code:
                    problems.append(f"exit code {code}, expected {case.code}")
                if not update and text != case.text:
                    problems.append(f"it says:\n{text}expected:\n{case.text}")
                if problems:
                    failures += 1
                if problems and failures <= 10:
                    print(f"{path}: {case.about}$ {case.command}")
                    print("  " + "\n  ".join(problems))
                case.code, case.text = code, text
            if update:
                with open(path, "w", encoding="utf-8") as file:
                    file.write(head + "\n\n" + "\n".join(case.write() for case in cases))
    print(f"{count} wrong uses, {failures} not as expected"
          + (f", {skipped} not run: nothing can be forbidden here" if skipped else ""))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
