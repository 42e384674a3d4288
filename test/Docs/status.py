# Finds out by trying what the programs can do with each op, and compares that with
# the table in docs/Status.md, or writes the table.
#
#   status.py --root=DIR --build=DIR [--write]

import argparse
import json
import os
import re
import struct
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "E2E"))
import op_examples  # noqa: E402
from op_table import LOGICAL, Policy  # noqa: E402

BEGIN, END = "<!-- table: test/Docs/status.py -->\n", "<!-- end of table -->\n"


def ops():
    return list(op_examples.EXAMPLES) + list(op_examples.UPDATES) + list(op_examples.LOSS_SCALE)


def write_npy(path, dtype, shape):
    """Zeros or small numbers of that type."""
    code = {"float32": ("<f4", "f", 0.5), "int32": ("<i4", "i", 1), "bool": ("|b1", "?", True)}[dtype]
    count = 1
    for d in shape:
        count *= d
    header = "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }" % (
        code[0], "".join("%d," % d for d in shape))
    header += " " * (-(len(header) + 11) % 64) + "\n"
    with open(path, "wb") as f:
        f.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
        f.write(struct.pack("<%d%s" % (count, code[1]), *([code[2]] * count)))


DTYPES = ["float32", "float16", "bfloat16"]

# Operands that stay float32 whatever the type of the first.
PARAMETERS = {"batch_norm": range(1, 5), "layer_norm": range(1, 3), "rms_norm": range(1, 3)}


def in_type(op, dtype):
    """The file of the op with its floating operands, variables and results of another type; None
    where nothing of it is floating. Inputs stay float32 and are cast."""
    file = op_examples.function_of(op)
    before = json.dumps(file)
    file = json.loads(before)  # the examples themselves stay as they are
    if op == "one_hot":
        file["functions"][0]["nodes"][0]["attrs"]["dtype"] = dtype
    if dtype == "float32":
        return file
    function, node = file["functions"][0], file["functions"][0]["nodes"][0]
    for variable in file["variables"]:
        if variable["dtype"] == "float32":
            variable["dtype"] = dtype
    shapes = {i["name"]: i["shape"] for i in function["inputs"] if i["dtype"] == "float32"}
    for i, name in enumerate(node.get("inputs", [])):
        scalar = op in op_examples.UPDATES and shapes.get(name) == []
        if name in shapes and i not in PARAMETERS.get(op, ()) and not scalar:
            function["nodes"].append({"name": name + "_low", "op": "cast", "inputs": [name],
                                      "attrs": {"to": dtype}})
            node["inputs"][i] = name + "_low"
    for attr, value in node.get("attrs", {}).items():
        if value == "float32":
            node["attrs"][attr] = dtype
    return None if json.dumps(file) == before else file


class Prober:
    def __init__(self, build, directory):
        self.build, self.directory = build, directory

    def program(self, name, *args):
        done = subprocess.run([os.path.join(self.build, "bin", name)] + list(args), capture_output=True,
                              text=True, timeout=60)
        if done.returncode not in (0, 1, 2, 3, 4, 5):
            raise SystemExit("%s %s: exit %d\n%s" % (name, " ".join(args), done.returncode, done.stderr))
        return done

    def write(self, file):
        path = os.path.join(self.directory, "op.json")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(file, f)
        return path

    def read(self, op):
        out = os.path.join(self.directory, "out.json")
        done = self.program("amp-opt", self.write(op_examples.function_of(op)), "-o", out)
        if done.returncode:
            raise SystemExit("%s is not read: %s" % (op, done.stderr))
        return "yes"

    def gradient(self, op):
        file = op_examples.training_of(op)
        if file is None:
            return "none"
        out = os.path.join(self.directory, "out.json")
        done = self.program("amp-opt", self.write(file), "--policy=none", "-o", out)
        if done.returncode == 0:
            return "yes"
        if "depends on no trained variable" in done.stderr:
            return "zero"
        return "none" if "not differentiable" in done.stderr else "later"

    def runs(self, op, device, dtype):
        file = in_type(op, dtype)
        if file is None or self.program("amp-opt", "--no-amp", self.write(file)).returncode:
            return "none"
        args = []
        for value in file["functions"][0]["inputs"]:
            path = os.path.join(self.directory, value["name"] + ".npy")
            write_npy(path, value["dtype"], value["shape"])
            args.append("--input")
            args.append("%s=%s" % (value["name"], path))
        done = self.program("amp-run", self.write(file), "--function=f", "--device=" + device, *args)
        return "yes" if done.returncode == 0 else "later"


def table(build):
    rows = ["| op | default list | read, rewritten | gradient | cpu: %s |" % " | ".join(DTYPES),
            "| --- | --- | --- | --- |%s" % (" --- |" * len(DTYPES))]
    lists = Policy("default", "float16")
    with tempfile.TemporaryDirectory() as directory:
        prober = Prober(build, directory)
        for op in ops():
            runs = [prober.runs(op, "cpu", dtype) for dtype in DTYPES]
            rows.append("| `%s` | %s | %s | %s | %s |" % (
                op, lists.list_of(op), prober.read(op), prober.gradient(op), " | ".join(runs)))
    return "\n".join(rows) + "\n"


# Ops that take no 16-bit operand by definition: of bools, and of the loss scale.
ONE_TYPE = set(LOGICAL) | {"logical_not"} | set(op_examples.LOSS_SCALE)


def holes(rows):
    """Cells that say of an op of the table that it is not built."""
    for row in rows.splitlines()[2:]:
        op, _, read, gradient, wide, *low = [cell.strip(" `") for cell in row.strip("|").split("|")]
        if read != "yes" or gradient not in ("yes", "none", "zero") or wide != "yes":
            yield row
        elif any(cell != ("none" if op in ONE_TYPE else "yes") for cell in low):
            yield row


def main():
    parser = argparse.ArgumentParser(description="docs/Status.md against the programs")
    parser.add_argument("--root", required=True)
    parser.add_argument("--build", required=True)
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    path = os.path.join(args.root, "docs", "Status.md")
    with open(path, encoding="utf-8") as f:
        text = f.read()
    found = re.search(re.escape(BEGIN) + "(.*)" + re.escape(END), text, re.S)
    if not found:
        raise SystemExit("docs/Status.md has no table")
    now = table(args.build)
    if list(holes(now)):
        print("what does not work yet:\n" + "\n".join(holes(now)))
        return 1
    if args.write:
        with open(path, "w", encoding="utf-8") as f:
            f.write(text[:found.start(1)] + now + text[found.end(1):])
        return 0
    if found.group(1) == now:
        print("%d ops, as docs/Status.md says" % len(ops()))
        return 0
    before = set(found.group(1).splitlines())
    print("docs/Status.md does not say what the programs do (status.py --write):")
    print("\n".join(r for r in now.splitlines() if r not in before))
    return 1


sys.exit(main())
