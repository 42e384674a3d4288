# make_many.py FUNCTIONS: as many functions as variables, each function with a node of
# its own that reads one of them, in an order of their own.

import json
import sys

count = int(sys.argv[1])
print('{"format": "amp-graph", "version": "1.0", "variables": [')
print(",\n".join(json.dumps({"name": "v%d" % i, "dtype": "float32", "shape": [4], "init": {"zeros": {}}})
                 for i in range(count)))
print('], "functions": [')
print(",\n".join(json.dumps({"name": "f%d" % i, "inputs": [{"name": "x", "dtype": "float32", "shape": [4]}],
                             "nodes": [{"name": "n", "op": "add", "inputs": ["x", "v%d" % (i * 7 % count)]}],
                             "outputs": ["n"]}) for i in range(count)))
print("]}")
