# What mixed precision makes of the guide's network, said in words in the design of
# the file format, and checked node by node on a rewritten file.
#
#   guide.py FILE.json float16|bfloat16

import json
import sys

sys.dont_write_bytecode = True
from naive_painter import split_ref  # noqa: E402


def main(path, target):
    with open(path, encoding="utf-8") as f:
        file = json.load(f)
    train = next(f for f in file["functions"] if f["name"] == "train")
    nodes = {n["name"]: n for n in train["nodes"]}
    wrong = []

    def dtype(name):
        return nodes[name]["types"][0]["dtype"]

    def expect(name, wanted):
        if dtype(name) != wanted:
            wrong.append("%s (%s) is %s, not %s" % (name, nodes[name]["op"], dtype(name), wanted))

    layers = ["dense_1", "dense_2"]
    for layer in layers:
        for part in ("matmul", "bias_add", "relu"):
            expect("%s/%s" % (layer, part), target)
    expect("out/matmul", target)
    follows = target == "bfloat16"
    expect("out/logits", target if follows else "float32")
    expect("loss", "float32")

    counts = {}
    for name, node in nodes.items():
        origin = node.get("origin")
        if origin is None or node["op"] in ("cast", "constant"):
            continue
        counts[node["op"]] = counts.get(node["op"], 0) + 1
        if node["op"] in ("relu_grad", "matmul"):
            expect(name, target)
        elif node["op"] == "bias_add_grad":
            # That of the logits has a float32 gradient in both types.
            expect(name, target if follows and origin != "out/logits" else "float32")
        elif node["op"] == "sparse_softmax_cross_entropy_grad":
            expect(name, "float32")
    wanted = {"matmul": 5, "relu_grad": 2, "bias_add_grad": 3, "sparse_softmax_cross_entropy_grad": 1}
    for op, count in wanted.items():
        if counts.get(op) != count:
            wrong.append("%s backward nodes of op %s, not %d" % (counts.get(op), op, count))

    # One cast for the images and for each kernel, shared by forward and backward.
    for source in ["images"] + [l + "/kernel" for l in layers + ["out"]]:
        casts = [n for n in nodes.values() if n["op"] == "cast" and n["inputs"] == [source]]
        if len(casts) != 1:
            wrong.append("%d casts of %s" % (len(casts), source))
            continue
        users = [n for n in nodes.values() if casts[0]["name"] in n.get("inputs", [])]
        # The gradient of the images is not needed, so no product reads dense_1/kernel again.
        if len(users) != (1 if source == "dense_1/kernel" else 2):
            wrong.append("the cast of %s has %d users" % (source, len(users)))

    # Every gradient is float32 before it is unscaled, and every update is conditional.
    for node in nodes.values():
        if node["op"] in ("unscale", "all_finite"):
            for ref in node["inputs"]:
                source = split_ref(ref)[0]
                if source in nodes and dtype(source) != "float32":
                    wrong.append("%s reads %s in %s" % (node["name"], source, dtype(source)))
    scaled = any(n["op"] == "scale_loss" for n in nodes.values())
    if scaled != (target == "float16"):
        wrong.append("loss scaling is there: %s" % scaled)
    for line in wrong:
        print(line)
    print("%d nodes, %d wrong" % (len(nodes), len(wrong)))
    return 1 if wrong else 0


sys.exit(main(*sys.argv[1:]))
