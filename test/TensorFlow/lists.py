# One tensor list of many ops, each element written and read again: as many
# writers reach the last reader as there are, and all take one type.
#
#   lists.py --amp-opt=PATH [--ops=N]

import argparse
import json
import os
import subprocess
import sys
import tempfile

F, I32 = {"type": "DT_FLOAT"}, {"type": "DT_INT32"}


def node(name, op, inputs=(), **attrs):
    return {"name": name, "op": op, "input": list(inputs), "attr": attrs}


def main():
    parser = argparse.ArgumentParser(description="a long tensor list")
    parser.add_argument("--amp-opt", required=True)
    parser.add_argument("--ops", type=int, default=20000)
    args = parser.parse_args()
    nodes = [node("x", "Placeholder", dtype=F), node("s", "Placeholder", dtype=I32),
             node("m", "MatMul", ["x", "x"], T=F),
             node("list", "TensorListReserve", ["s", "s"], element_dtype=F, shape_type=I32)]
    handle, pairs = "list", args.ops // 2
    for i in range(pairs):
        nodes.append(node("w%d" % i, "TensorListSetItem", [handle, "s", "m"], element_dtype=F))
        handle = "w%d" % i
        nodes.append(node("r%d" % i, "TensorListGetItem", [handle, "s", "s"], element_dtype=F))
    # The first reader alone leads to a product: the others take its type.
    nodes += [node("m2", "MatMul", ["r0", "x"], T=F), node("out", "Identity", ["m2"], T=F)]
    with tempfile.TemporaryDirectory() as t:
        path, out = os.path.join(t, "in.json"), os.path.join(t, "out.json")
        with open(path, "w", encoding="utf-8") as f:
            json.dump({"node": nodes}, f)
        done = subprocess.run([args.amp_opt, path, "--fetch=out", "-o", out], capture_output=True, text=True,
                              timeout=300)
        if done.returncode:
            print(done.stderr)
            return 1
        with open(out, encoding="utf-8") as f:
            after = json.load(f)["node"]
    kept = [n["name"] for n in after if n["op"].startswith("TensorList") and n["attr"]["element_dtype"] == F]
    casts = [n["name"] for n in after if n["op"] == "Cast"]
    print("%d nodes, %d of the list float32, casts %s" % (len(after), len(kept), casts))
    return 1 if kept or len(casts) != 2 else 0


if __name__ == "__main__":
    sys.exit(main())
