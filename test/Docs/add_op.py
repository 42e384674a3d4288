# Adds the op of docs/Maintaining.md to a copy of the sources, with exactly the
# pieces that the document gives, builds the copy and uses the op.
#
#   add_op.py --root=DIR --work=DIR             the runtime: reader, schema, kernels
#   add_op.py --root=DIR --work=DIR --compiler  also amp-opt and the tests that the
#                                               document touches (minutes)

import argparse
import json
import math
import os
import random
import re
import shutil
import struct
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from schema import Schema  # noqa: E402

STEP = re.compile(r"^```\S+ adds to (\S+) (behind|before) ([^\n]+)\n(.*?)^```$", re.M | re.S)


def check(condition, text):
    if not condition:
        raise SystemExit("failed: " + text)


def run(command, **options):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=3000, **options)
    if done.returncode:
        raise SystemExit("exit %d: %s\n%s\n%s" % (done.returncode, " ".join(command), done.stdout[-6000:],
                                                  done.stderr[-3000:]))
    return done.stdout + done.stderr


def copy_sources(root, copy):
    """The sources, without touching a file that has not changed, so that a
    second run builds little."""
    tracked = subprocess.run(["git", "-C", root, "ls-files"], capture_output=True, text=True).stdout.split("\n")
    if not any(tracked):
        tracked = [os.path.relpath(os.path.join(folder, name), root)
                   for top in ("include", "lib", "runtime", "test", "tools", "docs")
                   for folder, _, names in os.walk(os.path.join(root, top)) for name in names]
        tracked += ["CMakeLists.txt", "CMakePresets.json", "LICENSE", "README.md"]
    files = {}
    for name in tracked:
        path = os.path.join(root, name)
        if name and os.path.isfile(path):
            with open(path, "rb") as f:
                files[name] = (f.read(), os.stat(path).st_mode)
    return files


def flat(text):
    return " ".join(text.split())


def apply(steps, files):
    """Puts each piece behind or before the line that its document names."""
    for name, where, anchor, piece in steps:
        check(name in files, "docs/Maintaining.md names %s, which is not there" % name)
        data, mode = files[name]
        lines = data.decode().split("\n")
        found = [i for i, line in enumerate(lines) if flat(anchor) in flat(line)]
        check(len(found) == 1, "%s: %d lines hold '%s'" % (name, len(found), anchor))
        at = found[0] + (where == "behind")
        lines[at:at] = piece[:-1].split("\n")
        files[name] = ("\n".join(lines).encode(), mode)


def write_sources(files, copy):
    for name, (data, mode) in files.items():
        path = os.path.join(copy, name)
        if os.path.exists(path):
            with open(path, "rb") as f:
                if f.read() == data:
                    continue
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(data)
        os.chmod(path, mode)


def build(copy, folder, targets, *flags):
    environment = dict(os.environ, CCACHE_BASEDIR=copy, CCACHE_NOHASHDIR="1",
                       CCACHE_SLOPPINESS="pch_defines,time_macros")
    directory = os.path.join(copy, folder)
    launcher = ["-DCMAKE_%s_COMPILER_LAUNCHER=ccache" % l for l in ("C", "CXX")] if shutil.which("ccache") else []
    run(["cmake", "-S", copy, "-B", directory, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release"] + launcher + list(flags),
        env=environment)
    run(["ninja", "-C", directory] + targets, env=environment)
    return os.path.join(directory, "bin")


def write_npy(path, values):
    header = "{'descr': '<f4', 'fortran_order': False, 'shape': (%d,), }" % len(values)
    header += " " * (-(len(header) + 11) % 64) + "\n"
    with open(path, "wb") as f:
        f.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
        f.write(struct.pack("<%df" % len(values), *values))


def read_npy(path):
    with open(path, "rb") as f:
        data = f.read()
    size = struct.unpack("<H", data[8:10])[0]
    body = data[10 + size:]
    return struct.unpack("<%df" % (len(body) // 4), body)


def write_json(path, value):
    with open(path, "w", encoding="utf-8") as f:
        json.dump(value, f)
    return path


def vector(name):
    return {"name": name, "dtype": "float32", "shape": ["n"]}


CUBE = {"format": "amp-graph", "version": "1.0", "functions": [{
    "name": "cubes", "inputs": [vector("x"), vector("g")],
    "nodes": [{"name": "y", "op": "cube", "inputs": ["x"]}, {"name": "d", "op": "cube_grad", "inputs": ["g", "x"]}],
    "outputs": ["y", "d"]}]}


def use_runtime(programs, copy, work):
    """The op runs with the right numbers, in float32 and on 16-bit operands."""
    rng = random.Random(11)
    x = [struct.unpack("<f", struct.pack("<f", rng.uniform(-3, 3)))[0] for _ in range(1000)]
    g = [struct.unpack("<f", struct.pack("<f", rng.uniform(-2, 2)))[0] for _ in range(1000)]
    paths = {n: os.path.join(work, n + ".npy") for n in ("x", "g", "y", "d")}
    write_npy(paths["x"], x)
    write_npy(paths["g"], g)
    model = write_json(os.path.join(work, "cube.json"), CUBE)
    run([os.path.join(programs, "amp-run"), model, "--function=cubes"]
        + [a for n in ("x", "g") for a in ("--input", n + "=" + paths[n])]
        + [a for n in ("y", "d") for a in ("--output", n + "=" + paths[n])])
    for name, wanted in (("y", [a ** 3 for a in x]), ("d", [b * 3 * a * a for a, b in zip(x, g)])):
        found = read_npy(paths[name])
        check(len(found) == 1000, "a number for each")
        # Two or three float32 roundings.
        worst = max(abs(a - b) / max(abs(b), 1e-30) for a, b in zip(found, wanted))
        check(worst <= 3 * 2 ** -23, "%s: relative error %g" % (name, worst))
    with open(model, encoding="utf-8") as f:
        wrong = f.read().replace('"cube"', '"cubee"')
    with open(model, "w", encoding="utf-8") as f:
        f.write(wrong)
    done = subprocess.run([os.path.join(programs, "amp-run"), model, "--function=cubes"], capture_output=True,
                          text=True)
    check(done.returncode == 1 and "did you mean 'cube'" in done.stderr, "the reader knows the name: " + done.stderr)


def use_documents(programs, copy):
    """Tables and schema are generated with the op in them."""
    run([os.path.join(programs, "amp-opset-doc"), os.path.join(copy, "docs")])
    with open(os.path.join(copy, "docs", "GraphFile.md"), encoding="utf-8") as f:
        table = f.read()
    check(re.search(r"^\| `cube` \| `x` number .*`cube_grad` \| x³\. \|$", table, re.M), "the op table has a line")
    with open(os.path.join(copy, "docs", "amp-graph.schema.json"), encoding="utf-8") as f:
        root = json.load(f)
    check(not Schema(root).errors(CUBE, root, []), "the schema accepts the op")
    wrong = json.loads(json.dumps(CUBE).replace('["x"]', "[]"))
    check(Schema(root).errors(wrong, root, []), "and refuses it without its operand")


def use_lists(copy):
    folder = os.path.join(copy, "lib", "Policy", "Lists")
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), encoding="utf-8") as f:
            preset = json.load(f)
        for op in ("cube", "cube_grad"):
            on = [l for l, ops in preset["lists"].items() if op in ops] if "lists" in preset else []
            check(len(on) == (0 if "extends" in preset else 1), "%s is on one list of %s" % (op, name))


def use_compiler(programs, copy, work):
    """amp-opt keeps the op in float32, differentiates it, and the loss falls."""
    training = {"format": "amp-graph", "version": "1.0", "variables": [
        {"name": "w", "dtype": "float32", "shape": [4, 4], "init": {"normal": {"stddev": 0.5, "seed": 3}}}],
        "functions": [{"name": "train", "inputs": [{"name": "x", "dtype": "float32", "shape": ["n", 4]}], "nodes": [
            {"name": "p", "op": "matmul", "inputs": ["x", "w"]}, {"name": "c", "op": "cube", "inputs": ["p"]},
            {"name": "loss", "op": "mean_squared_error", "inputs": ["c", "x"]}], "outputs": ["loss"],
            "training": {"loss": "loss", "optimizer": {"sgd": {"learning_rate": 0.01}}}}]}
    source, out = write_json(os.path.join(work, "train.json"), training), os.path.join(work, "train.float16.json")
    opt = os.path.join(programs, "amp-opt")
    run([opt, source, "-o", out])
    with open(out, encoding="utf-8") as f:
        nodes = {n["name"]: n for n in json.load(f)["functions"][0]["nodes"]}
    check(nodes["p"]["types"][0]["dtype"] == "float16" and nodes["c"]["types"][0]["dtype"] == "float32",
          "the product is lowered, the op on the deny list is not")
    check(nodes["c/grad"]["op"] == "cube_grad", "its gradient is its backward op")
    text = run([opt, source, "--emit=mlir"])
    check("graph.cube" in text, "the dialect has the op")
    rng = random.Random(5)
    data = os.path.join(work, "x.safetensors")
    header = json.dumps({"x": {"dtype": "F32", "shape": [64, 4], "data_offsets": [0, 1024]}}).encode()
    with open(data, "wb") as f:
        f.write(struct.pack("<Q", len(header)) + header)
        f.write(struct.pack("<256f", *(rng.uniform(-1, 1) for _ in range(256))))
    metrics = os.path.join(work, "metrics.jsonl")
    run([os.path.join(programs, "amp-run"), out, "--function=train", "--data=" + data, "--batch=64", "--epochs=200",
         "--metrics=" + metrics])
    with open(metrics, encoding="utf-8") as f:
        losses = [json.loads(line)["loss"] for line in f]
    check(len(losses) == 200 and all(math.isfinite(l) for l in losses) and losses[-1] < 0.9 * losses[0],
          "the loss falls: %g to %g" % (losses[0], losses[-1]))
    for program, only in (("OpSetTests", "*"), ("PolicyTests", "*"), ("GraphDialectTests", "*"),
                          ("runtime-conformance-tests", "*Elementwise*")):
        run([os.path.join(programs, program), "--gtest_brief=1", "--gtest_filter=" + only])
    run([sys.executable, os.path.join(copy, "test", "E2E", "run_random.py"), "--amp-opt=" + opt, "--seed=3",
         "--count=300"])


def main():
    parser = argparse.ArgumentParser(description="adds an op as docs/Maintaining.md says")
    parser.add_argument("--root", required=True)
    parser.add_argument("--work", required=True, help="a folder for the copy and its build, kept")
    parser.add_argument("--compiler", action="store_true")
    args = parser.parse_args()
    root, work = os.path.abspath(args.root), os.path.abspath(args.work)
    copy = os.path.join(work, "copy")
    os.makedirs(copy, exist_ok=True)

    files = copy_sources(root, copy)
    steps = STEP.findall(files["docs/Maintaining.md"][0].decode())
    check(len(steps) >= 8, "the document has its steps")
    apply(steps, files)
    write_sources(files, copy)
    use_lists(copy)
    programs = build(copy, "build-runtime-only", ["amp-run", "AmpPolicy", "amp-opset-doc"],
                     "-DAMP_BUILD_COMPILER=OFF", "-DAMP_BUILD_TESTS=ON")
    use_runtime(programs, copy, work)
    use_documents(programs, copy)
    if args.compiler:
        programs = build(copy, "build", ["amp-opt", "amp-run", "OpSetTests", "PolicyTests", "GraphDialectTests",
                                         "runtime-conformance-tests"])
        use_compiler(programs, copy, work)
    print("%d pieces put into %d files; the op is read, %s and runs"
          % (len(steps), len({s[0] for s in steps}), "rewritten, differentiated, trained" if args.compiler
             else "documented"))


if __name__ == "__main__":
    sys.exit(main())
