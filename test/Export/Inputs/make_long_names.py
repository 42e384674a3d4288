"""Writes a graph with names as long as they may be:
make_long_names.py FILE node|variable."""
import json
import sys

path, what = sys.argv[1:]
names = {"a": "a", "w": "w"}
names["a" if what == "node" else "w"] = "n" * 1024 if what == "variable" else "é" * 512
graph = {
    "format": "amp-graph", "version": "1.0",
    "variables": [{"name": names["w"], "dtype": "float32", "shape": [4, 4], "init": {"ones": {}}}],
    "functions": [{
        "name": "train",
        "inputs": [{"name": "x", "dtype": "float32", "shape": [4, 4]}],
        "nodes": [{"name": names["a"], "op": "matmul", "inputs": ["x", names["w"]]},
                  {"name": "loss", "op": "mean_squared_error", "inputs": [names["a"], "x"]}],
        "outputs": ["loss"],
        "training": {"loss": "loss", "optimizer": {"adam": {}}}}]}
with open(path, "w", encoding="utf-8") as file:
    json.dump(graph, file, indent=1, ensure_ascii=False)
