# Graphs that TensorFlow's pass breaks, as dicts in proto3 JSON form: what it makes
# of them fails when it runs, or gives values of another type. The policy
# `tensorflow` does the same with a warning, or says the error that ends TensorFlow's
# (messages.py); what other policies make of them runs (with_tensorflow.py).

from graph_json import node

FLOAT, INT, VARIANT, BOOL = ({"type": "DT_" + t} for t in ("FLOAT", "INT32", "VARIANT", "BOOL"))


def placeholder(name, dtype, *dims):
    return node(name, "Placeholder", dtype=dtype, shape={"shape": {"dim": [{"size": str(d)} for d in dims]}})


def const(name, dtype, value, *dims):
    key = {"DT_FLOAT": "floatVal", "DT_INT32": "intVal"}[dtype["type"]]
    return node(name, "Const", dtype=dtype, value={"tensor": {
        "dtype": dtype["type"], "tensorShape": {"dim": [{"size": str(d)} for d in dims]}, key: [value]}})


def function(name, inputs, outputs, nodes, ret):
    args = lambda ports: [{"name": n, "type": t["type"]} for n, t in ports]
    return {"signature": {"name": name, "inputArg": args(inputs), "outputArg": args(outputs)}, "nodeDef": nodes, "ret": ret}


def types(*dtypes):
    return {"list": {"type": [t["type"] for t in dtypes]}}


def matmul(name, a, b):
    return node(name, "MatMul", [a, b], T=FLOAT)


def loop(op, state, body):
    """A loop of three rounds whose state is a counter and one more value."""
    ports = [("i", INT), ("s", state)]
    less = function("less", ports, [("r", BOOL)],
                    [const("three", INT, 3), node("l", "Less", ["i", "three:output:0"], T=INT)], {"r": "l:z:0"})
    step = function("step", ports, [("i2", INT), ("s2", state)],
                    [const("one", INT, 1), node("next", "AddV2", ["i", "one:output:0"], T=INT)] + body,
                    {"i2": "next:z:0", "s2": body[-1]["name"] + ":output:0"})
    call = lambda name: {"func": {"name": name}}
    nodes = [const("zero", INT, 0), node("w", op, ["zero", "s"], T=types(INT, state), cond=call("less"), body=call("step"))]
    return nodes, [less, step]


def identity(name, source, dtype):
    return node(name, "Identity", [source], T=dtype)


def graphs():
    """name: (graph, fetches, mode)"""
    x = placeholder("x", FLOAT, 4, 4)
    empty = [const("row", INT, 4, 1), const("four", INT, 4)]
    item = dict(element_dtype=FLOAT)
    from_tensor = empty + [node("s", "TensorListFromTensor", ["m", "row"], element_dtype=FLOAT, shape_type=INT)]
    found = {}

    nodes, functions = loop("StatelessWhile", FLOAT, [node("t", "Tanh", ["s"], T=FLOAT), identity("back", "t:y:0", FLOAT)])
    bf16_loop = [x, matmul("s", "x", "x")] + nodes + [matmul("m2", "w:1", "x"), identity("f", "m2", FLOAT)]
    found["a loop that computes in bfloat16"] = (
        {"node": bf16_loop, "library": {"function": functions}}, ["f"], "bf16")

    body = [const("size", INT, 4, 1), node("get", "TensorListGetItem", ["s", "i", "size:output:0"], **item),
            node("e", "Exp", ["get:item:0"], T=FLOAT), node("set", "TensorListSetItem", ["s", "i", "e:y:0"], **item),
            identity("back", "set:output_handle:0", VARIANT)]
    nodes, functions = loop("While", VARIANT, body)
    found["a list that a loop takes"] = (
        {"node": [x, matmul("m", "x", "x")] + from_tensor + nodes +
         [node("stack", "TensorListStack", ["w:1", "row"], **item), matmul("m2", "stack", "x"), identity("f", "m2", FLOAT)],
         "library": {"function": functions}}, ["f"], "fp16")

    found["a cast that is fetched"] = (
        {"node": [placeholder("n", INT, 4, 4), node("c", "Cast", ["n"], SrcT=INT, DstT=FLOAT), matmul("m", "c", "c"),
                  identity("f", "m", FLOAT)]}, ["c", "f"], "fp16")

    found["a list in a list"] = (
        {"node": [x, matmul("m", "x", "x")] + from_tensor +
         [const("zero", INT, 0), node("l2", "EmptyTensorList", ["scalar", "four"], element_dtype=VARIANT, shape_type=INT),
          node("scalar", "Const", dtype=INT, value={"tensor": {"dtype": "DT_INT32", "tensorShape": {"dim": [{"size": "0"}]}}}),
          node("p2", "TensorListPushBack", ["l2", "s"], element_dtype=VARIANT),
          node("inner", "TensorListGetItem", ["p2", "zero", "scalar"], element_dtype=VARIANT),
          node("stack", "TensorListStack", ["inner", "row"], **item), matmul("m2", "stack", "x"), identity("f", "m2", FLOAT)]},
        ["f"], "fp16")

    found["a list whose handle is fetched"] = (
        {"node": [x, matmul("m", "x", "x")] + from_tensor +
         [identity("h", "s", VARIANT), node("stack", "TensorListStack", ["s", "row"], **item), matmul("m2", "stack", "x"),
          identity("f", "m2", FLOAT)]}, ["h", "f"], "fp16")

    image = placeholder("x", FLOAT, 1, 4, 4, 2)
    filt = const("k", FLOAT, 0.25, 1, 1, 2, 2)
    ones = const("ones", FLOAT, 0.5, 2, 2)
    found["statistics from an allow op"] = (
        {"node": [image, filt, ones, const("rows", INT, 2, 1),
                  node("conv", "Conv2D", ["x", "k"], T=FLOAT, strides={"list": {"i": ["1"] * 4}}, padding={"s": "U0FNRQ=="}),
                  # "ij->i"
                  node("scale", "Einsum", ["ones"], T=FLOAT, N={"i": "1"}, equation={"s": "aWotPmk="}),
                  node("bn", "FusedBatchNormV3", ["conv", "scale", "scale", "scale", "scale"], T=FLOAT, U=FLOAT,
                       is_training={"b": False}), identity("f", "bn", FLOAT)]}, ["f"], "bf16")
    return found


# What amp-opt warns of with the policy `tensorflow`, a part of it.
WARNINGS = {
    "a loop that computes in bfloat16":
        "error: node 'w' (StatelessWhile) takes bfloat16 now, and its functions still take float32, at which TensorFlow "
        "gives up: keep it with --tf-keep, or take another policy",
    "a list that a loop takes":
        "warning: node 'w' (While) hands a tensor list to functions, and the elements of 's' are float16 now: TensorFlow "
        "fails where a function takes them for float32",
    "a cast that is fetched": "warning: cast 'c' is wanted and gives float16 now, not float32",
    "a list in a list": "warning: node 'p2' has a tensor list as an element of another",
    "a list whose handle is fetched": "warning: node 'h' hands out a tensor list whose elements are float16 now",
    "statistics from an allow op": "warning: node 'bn' (FusedBatchNormV3) has bfloat16 in type attribute 'U'",
}
