# The smallest function for each op of the table: used to find out what the
# programs can do with it (docs/Status.md), and that every op is read at all.

from op_table import (ARITHMETIC, COMPARISONS, LOGICAL, REDUCTIONS, UNARY_CLEAR, UNARY_DENY,
                      UNARY_INFER, infer)

F, I, B = "float32", "int32", "bool"
M, V, S, IMAGE = [4, 4], [4], [], [1, 4, 4, 4]

# op -> (operands as (dtype, shape), attributes)
EXAMPLES = {
    "iota": ([], {"shape": M, "axis": 0, "dtype": F}),
    "constant": ([], {"dtype": F, "shape": M, "value": 1.5}),
    "identity": ([(F, M)], {}),
    "cast": ([(I, M)], {"to": F}),
    "stop_gradient": ([(F, M)], {}),
}
for _op in UNARY_INFER + UNARY_CLEAR + UNARY_DENY:
    EXAMPLES[_op] = ([(F, M)], {})
EXAMPLES.update({
    "is_finite": ([(F, M)], {}),
    "logical_not": ([(B, M)], {}),
    "gelu": ([(F, M)], {}),
    "elu": ([(F, M)], {}),
    "leaky_relu": ([(F, M)], {}),
    "clip": ([(F, M)], {"min": -1.0, "max": 1.0}),
})
for _op in ARITHMETIC + COMPARISONS:
    EXAMPLES[_op] = ([(F, M), (F, M)], {})
for _op in LOGICAL:
    EXAMPLES[_op] = ([(B, M), (B, M)], {})
EXAMPLES.update({
    "where": ([(B, M), (F, M), (F, M)], {}),
    "add_n": ([(F, M), (F, M), (F, M)], {}),
    "matmul": ([(F, M), (F, M)], {}),
    "bias_add": ([(F, M), (F, V)], {}),
    "conv2d": ([(F, IMAGE), (F, [3, 3, 4, 4])], {}),
    "depthwise_conv2d": ([(F, IMAGE), (F, [3, 3, 4, 1])], {}),
    "conv2d_transpose": ([(F, IMAGE), (F, [3, 3, 4, 4])], {}),
    "max_pool2d": ([(F, IMAGE)], {"window": 2}),
    "avg_pool2d": ([(F, IMAGE)], {"window": 2}),
    "global_avg_pool2d": ([(F, IMAGE)], {}),
    "batch_norm": ([(F, IMAGE), (F, V), (F, V), (F, V), (F, V)], {}),
    "layer_norm": ([(F, M), (F, V), (F, V)], {}),
    "rms_norm": ([(F, M), (F, V), (F, V)], {}),
    "softmax": ([(F, M)], {}),
    "log_softmax": ([(F, M)], {}),
    "softmax_cross_entropy": ([(F, M), (F, M)], {}),
    "sparse_softmax_cross_entropy": ([(F, M), (I, V)], {}),
    "sigmoid_cross_entropy": ([(F, M), (F, M)], {}),
    "mean_squared_error": ([(F, M), (F, M)], {}),
})
for _op in REDUCTIONS:
    EXAMPLES[_op] = ([(F, M)], {"axes": [1], "keep_dims": True})
EXAMPLES.update({
    "argmax": ([(F, M)], {"axis": -1}),
    "cumsum": ([(F, M)], {"axis": -1}),
    "reshape": ([(F, M)], {"shape": [2, 8]}),
    "transpose": ([(F, M)], {"perm": [1, 0]}),
    "broadcast_to": ([(F, V)], {"shape": M}),
    "concat": ([(F, M), (F, M)], {"axis": -1}),
    "split": ([(F, M)], {"axis": -1, "sizes": [1, 3]}),
    "slice": ([(F, M)], {"begin": [0, 0], "end": [2, 4]}),
    "pad": ([(F, M)], {"paddings": [[0, 1], [1, 0]]}),
    "expand_dims": ([(F, M)], {"axis": 0}),
    "squeeze": ([(F, [1, 4, 4])], {"axes": [0]}),
    "gather": ([(F, M), (I, V)], {}),
    "one_hot": ([(I, V)], {"depth": 4}),
    "stack": ([(F, M), (F, M)], {"axis": 0}),
    "dropout": ([(F, M)], {"rate": 0.5, "seed": 1, "training": True}),
})

# Updates: operands after the variable.
UPDATES = {
    "assign": ([(F, M)], {}),
    "assign_add": ([(F, M)], {}),
    "apply_sgd": ([(F, S), (F, M)], {}),
    "apply_momentum": (["momentum", (F, S), (F, M)], {"momentum": 0.9}),
    "apply_rmsprop": (["rms", (F, S), (F, M)], {}),
    "apply_adam": (["m", "v", "iterations", (F, S), (F, M)], {}),
    "apply_adamw": (["m", "v", "iterations", (F, S), (F, M)], {}),
}
LOSS_SCALE = {
    "scale_loss": ([(F, S), (F, S)], {}),
    "all_finite": ([(F, M), (F, V)], {}),
    "unscale": ([(F, M), (F, S)], {}),
    "update_loss_scale": ([(F, S), (I, S), (I, S), (B, S)],
                          {"growth_steps": 2000, "growth": 2.0, "backoff": 0.5, "min": 1.0,
                           "max": 3.4028234663852886e38, "decrease_every": 1}),
}


def function_of(op):
    """A file with one function that holds the op, its operands inputs, its results outputs."""
    operands, attrs = dict(EXAMPLES, **LOSS_SCALE).get(op) or UPDATES[op]
    variables, inputs, refs = [], [], []
    if op in UPDATES:
        variables.append({"name": "w", "dtype": F, "shape": M, "init": {"ones": {}}})
        refs.append("w")
    for i, operand in enumerate(operands):
        if isinstance(operand, str):
            dtype, shape = ("int64", S) if operand == "iterations" else (F, M)
            name = "optimizer/iterations" if operand == "iterations" else "w/" + operand
            variables.append({"name": name, "dtype": dtype, "shape": shape, "init": {"zeros": {}}})
            refs.append(name)
        else:
            name = "in_%d" % i
            inputs.append({"name": name, "dtype": operand[0], "shape": operand[1]})
            refs.append(name)
    node = {"name": "node", "op": op}
    if refs:
        node["inputs"] = refs
    if attrs:
        node["attrs"] = attrs
    types = [(v["dtype"], v["shape"]) for v in variables] + [(v["dtype"], v["shape"]) for v in inputs]
    outputs = []
    for i in range(len(infer(op, types, attrs))):
        outputs.append("node" if i == 0 else {"name": "node_%d" % i, "value": "node:%d" % i})
    nodes = [node]
    if not outputs:
        nodes.append({"name": "done", "op": "identity", "inputs": [refs[-1]]})
        outputs = ["done"]
    return {"format": "amp-graph", "version": "1.0", "name": op, "variables": variables,
            "functions": [{"name": "f", "inputs": inputs, "nodes": nodes, "outputs": outputs}]}


def training_of(op, which=0):
    """A training function whose loss depends on a variable through the op, or None. The
    variable is the first floating operand, or number `which` of them."""
    if op not in EXAMPLES or op in ("constant", "iota"):
        return None
    operands, attrs = EXAMPLES[op]
    floats = [i for i, (dtype, _) in enumerate(operands) if dtype == F]
    if which >= len(floats):
        return None
    file = function_of(op)
    function = file["functions"][0]
    chosen = function["inputs"].pop(floats[which])
    file["variables"].append({"name": "w", "dtype": F, "shape": chosen["shape"], "init": {"ones": {}}})
    node = function["nodes"][0]
    node["inputs"][floats[which]] = "w"
    (dtype, shape) = infer(op, operands, attrs)[0]
    if dtype != F:
        return None
    if shape == S:
        function["outputs"] = ["node"]
        function["training"] = {"loss": "node", "optimizer": {"sgd": {"learning_rate": 0.1}}}
        return file
    if len(shape) != 2:
        function["nodes"].append({"name": "flat", "op": "reshape", "inputs": ["node"],
                                  "attrs": {"shape": [1, -1]}})
    last = function["nodes"][-1]["name"]
    rows = shape[0] if len(shape) == 2 else 1
    function["inputs"].append({"name": "labels", "dtype": I, "shape": [rows]})
    function["nodes"].append({"name": "loss", "op": "sparse_softmax_cross_entropy",
                              "inputs": [last, "labels"]})
    function["outputs"] = ["loss"]
    function["training"] = {"loss": "loss", "optimizer": {"sgd": {"learning_rate": 0.1}}}
    return file
