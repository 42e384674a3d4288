"""Writes a graph in which something has the name of a variable that training
adds: make_clash.py FILE function|node|input."""
import json
import sys

path, what = sys.argv[1:]


def function(name, given="x", node="y"):
    return {"name": name, "inputs": [{"name": given, "dtype": "float32", "shape": [4]}],
            "nodes": [{"name": node, "op": "relu", "inputs": [given]}], "outputs": [node]}


train = {
    "name": "train",
    "inputs": [{"name": "x", "dtype": "float32", "shape": [4, 4]}],
    "nodes": [{"name": "a", "op": "matmul", "inputs": ["x", "w"]},
              {"name": "loss", "op": "mean_squared_error", "inputs": ["a", "x"]}],
    "outputs": ["loss"],
    "training": {"loss": "loss", "optimizer": {"sgd": {}}}}
others = {
    "function": [function("optimizer/iterations"), function("loss_scale/scale")],
    "node": [function("f", node="optimizer/iterations")],
    "input": [function("f", given="loss_scale/scale")]}
variable = {"name": "w", "dtype": "float32", "shape": [4, 4], "init": {"ones": {}}}
with open(path, "w") as file:
    json.dump({"format": "amp-graph", "version": "1.0", "variables": [variable],
               "functions": [train] + others[what]}, file, indent=1)
