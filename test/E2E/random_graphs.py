# Random, well-typed graph files over the whole op table: values used more than
# once, several outputs, pins, the user's own casts, constants, losses, groups of
# other element types, variables with updates, unknown ops, training sections,
# nodes in any order. The same seed gives the same file.
#
#   random_graphs.py --seed=7 --functions=25 > graph.json

import argparse
import json
import random
import sys

from op_table import (ARITHMETIC, COMPARISONS, LOGICAL, LOSSES, REDUCTIONS, UNARY_CLEAR,
                      UNARY_DENY, UNARY_INFER, UPDATES, forward_of, infer)
from naive_painter import Function

F32 = "float32"
MATRIX, NAMED, CUBE, IMAGE, VECTOR, SCALAR = [4, 4], ["batch", 4], [2, 4, 4], [2, 4, 4, 4], [4], []
SHAPES = [MATRIX, MATRIX, MATRIX, NAMED, CUBE, IMAGE, IMAGE, VECTOR, SCALAR]
FLOAT_UNARY = UNARY_INFER + UNARY_CLEAR + UNARY_DENY + ["identity", "stop_gradient"]
INT_ARITHMETIC = ["add", "sub", "mul", "maximum", "minimum"]


class Generator:
    def __init__(self, rng, variables, prefix):
        self.rng = rng
        self.variables = variables
        self.prefix = prefix
        self.values = {}
        self.refs = []
        self.inputs = []
        self.nodes = []
        self.updated = set()
        self.counter = 0

    # --- values --------------------------------------------------------------

    def fresh(self, stem):
        self.counter += 1
        return "%s_%d" % (stem, self.counter)

    def add_value(self, ref, dtype, shape):
        self.values[ref] = (dtype, list(shape))
        self.refs.append(ref)

    def node(self, op, inputs, attrs=None, types=None):
        name = self.fresh(op.replace(".", "_"))
        node = {"name": name, "op": op}
        if inputs:
            node["inputs"] = inputs
        if attrs:
            node["attrs"] = attrs
        if types is not None:
            node["types"] = [{"dtype": d, "shape": s} for d, s in types]
            results = types
        else:
            results = infer(op, [self.values[r] for r in inputs], attrs or {})
        self.nodes.append(node)
        for i, (dtype, shape) in enumerate(results):
            self.add_value(name if i == 0 else "%s:%d" % (name, i), dtype, shape)
        return name

    def source(self, dtype, shape):
        """A new input, variable or constant of that type."""
        choice = self.rng.random()
        named = any(isinstance(d, str) for d in shape)
        if choice < 0.45 or (named and choice < 2):
            name = self.fresh("in")
            self.inputs.append({"name": name, "dtype": dtype, "shape": shape})
        elif choice < 0.75 and dtype == F32:
            name = "v%s_%d" % (self.prefix, len(self.variables))
            self.variables.append({"name": name, "dtype": dtype, "shape": shape,
                                   "init": self.rng.choice([{"zeros": {}}, {"ones": {}},
                                                            {"glorot_uniform": {"seed": 3}}])})
        else:
            return self.constant(dtype, shape)
        self.add_value(name, dtype, shape)
        return name

    def constant(self, dtype, shape):
        if dtype == "bool":
            value = self.rng.choice([True, False])
        elif not dtype.startswith(("float", "bfloat")):
            value = self.rng.randrange(4)
        elif self.rng.random() < 0.5 or shape == SCALAR or len(shape) > 2:
            value = self.rng.choice([0, 1.0, -2.5, 0.1, 3e-9, 1e-5, 70000.0, -1e6, 0.333, "inf", "nan"]
                                    if dtype == F32 else [1.0, 0.5, -2])
        else:
            count = 1
            for d in shape:
                count *= d
            value = [round(self.rng.uniform(-3, 3), 3) for _ in range(count)]
        return self.node("constant", [], {"dtype": dtype, "shape": list(shape), "value": value})

    def pick(self, dtype=F32, shape=None, rank=None, fits=None, static=False):
        """An existing value that fits, most likely a recent one; else a new one."""
        found = [r for r in self.refs
                 if self.values[r][0] == dtype
                 and (shape is None or self.values[r][1] == shape)
                 and (rank is None or len(self.values[r][1]) >= rank)
                 and (not static or all(isinstance(d, int) for d in self.values[r][1]))
                 and None not in self.values[r][1]
                 and (fits is None or fits(self.values[r][1]))]
        if found and self.rng.random() < 0.9:
            recent = found[-4:] if self.rng.random() < 0.6 else found
            return self.rng.choice(recent)
        if shape is None:
            options = [s for s in SHAPES
                       if (rank is None or len(s) >= rank) and (not static or s != NAMED)
                       and (fits is None or fits(s))]
            shape = self.rng.choice(options)
        return self.source(dtype, list(shape))

    def shape_of(self, ref):
        return self.values[ref][1]

    def dtype(self):
        """Mostly float32: other groups are there to be left alone."""
        return F32 if self.rng.random() < 0.93 else self.rng.choice(
            ["float64", "float16", "bfloat16"])

    # --- one builder per kind of op --------------------------------------------

    def unary(self):
        op = self.rng.choice(FLOAT_UNARY)
        dtype = self.dtype()
        if op in ("neg", "abs", "sign", "identity", "stop_gradient") and self.rng.random() < 0.1:
            dtype = "int32"
        self.node(op, [self.pick(dtype)])

    def unary_attrs(self):
        op = self.rng.choice(["gelu", "elu", "leaky_relu", "clip"])
        attrs = {"gelu": {"approximate": self.rng.random() < 0.5},
                 "elu": {"alpha": self.rng.choice([0.5, 1e6])},
                 "leaky_relu": {"alpha": 0.2},
                 "clip": {"min": self.rng.choice([-1.0, -1e5]), "max": self.rng.choice([6.0, 1e5])}}[op]
        self.node(op, [self.pick(self.dtype())], attrs)

    def arithmetic(self):
        dtype = self.dtype()
        op = self.rng.choice(ARITHMETIC)
        if self.rng.random() < 0.06:
            dtype, op = "int32", self.rng.choice(INT_ARITHMETIC)
        a = self.pick(dtype)
        self.node(op, [a, self.partner(a, dtype)])

    def partner(self, a, dtype):
        """A second operand: of the same shape, or one that broadcasts."""
        shape = self.shape_of(a)
        roll = self.rng.random()
        if roll < 0.1:
            return self.pick(dtype, SCALAR)
        if roll < 0.25 and shape and shape[-1] == 4:
            return self.pick(dtype, VECTOR)
        return self.pick(dtype, shape)

    def comparison(self):
        dtype = self.dtype()
        a = self.pick(dtype)
        flag = self.node(self.rng.choice(COMPARISONS), [a, self.partner(a, dtype)])
        if self.rng.random() < 0.5:
            flag = self.node("logical_not", [flag])
        if self.rng.random() < 0.3:
            flag = self.node(self.rng.choice(LOGICAL), [flag, flag])
        shape = self.shape_of(flag)
        self.node("where", [flag, self.pick(dtype, shape), self.pick(dtype, shape)])

    def is_finite(self):
        flag = self.node("is_finite", [self.pick(self.dtype())])
        self.node("cast", [flag], {"to": F32})

    def add_n(self):
        shape = self.rng.choice(SHAPES)
        self.node("add_n", [self.pick(F32, list(shape)) for _ in range(self.rng.randrange(1, 4))])

    def matmul(self):
        dtype = self.dtype()
        a = self.pick(dtype, rank=2, fits=lambda s: s[-1] == 4)
        attrs = {}
        if self.shape_of(a)[-2] == 4 and self.rng.random() < 0.2:
            attrs["transpose_a"] = True
        if self.rng.random() < 0.2:
            attrs["transpose_b"] = True
        shape = MATRIX if len(self.shape_of(a)) == 2 else self.rng.choice([MATRIX, CUBE])
        if len(self.shape_of(a)) == 3 and self.shape_of(a)[0] != 2:
            shape = MATRIX
        if len(self.shape_of(a)) > 3:
            shape = MATRIX
        self.node("matmul", [a, self.pick(dtype, list(shape))], attrs)

    def bias_add(self):
        dtype = self.dtype()
        self.node("bias_add", [self.pick(dtype, rank=2, fits=lambda s: s[-1] == 4),
                               self.pick(dtype, VECTOR)])

    def image(self, dtype=F32):
        return self.pick(dtype, rank=4, static=True,
                         fits=lambda s: len(s) == 4 and s[3] == 4 and min(s[1:3]) >= 2)

    def convolution(self):
        x = self.image()
        op = self.rng.choice(["conv2d", "conv2d", "depthwise_conv2d", "conv2d_transpose"])
        kernel = [2, 2, 4, 1] if op == "depthwise_conv2d" else [2, 2, 4, 4]
        attrs = {"padding": self.rng.choice(["same", "same", "valid"])}
        if op == "conv2d" and self.rng.random() < 0.3:
            attrs = {"strides": self.rng.choice([2, [1, 2]]), "padding": "same"}
        if op == "conv2d_transpose" and max(self.shape_of(x)[1:3]) > 8:
            attrs = {"padding": "same"}
        self.node(op, [x, self.pick(F32, kernel)], attrs)

    def pool(self):
        x = self.image()
        op = self.rng.choice(["max_pool2d", "avg_pool2d", "global_avg_pool2d"])
        attrs = {} if op == "global_avg_pool2d" else {
            "window": self.rng.choice([2, [2, 2]]), "strides": self.rng.choice([1, [1, 1]]),
            "padding": self.rng.choice(["same", "valid"])}
        self.node(op, [x], attrs)

    def norm(self):
        op = self.rng.choice(["layer_norm", "rms_norm", "batch_norm"])
        if op == "batch_norm":
            attrs = {"training": self.rng.random() < 0.5}
            self.node(op, [self.image()] + [self.pick(F32, VECTOR) for _ in range(4)], attrs)
            return
        x = self.pick(F32, rank=2, fits=lambda s: s[-1] == 4)
        count = NORM_PARAMETERS[op]
        self.node(op, [x] + [self.pick(F32, VECTOR) for _ in range(count)])

    def softmax(self):
        self.node(self.rng.choice(["softmax", "log_softmax"]), [self.pick(self.dtype(), rank=1)],
                  {"axis": -1} if self.rng.random() < 0.5 else {})

    def loss(self):
        op = self.rng.choice(LOSSES)
        x = self.pick(F32, rank=2)
        shape = self.shape_of(x)
        other = (self.pick(self.rng.choice(["int32", "int64"]), shape[:-1])
                 if op.startswith("sparse") else self.pick(F32, shape))
        self.node(op, [x, other], {"reduction": self.rng.choice(["mean", "sum", "none"])})

    def reduction(self):
        op = self.rng.choice(REDUCTIONS)
        x = self.pick(self.dtype(), rank=1)
        attrs = {}
        if self.rng.random() < 0.7:
            attrs["axes"] = self.rng.choice([[-1], [0], -1])
        if self.rng.random() < 0.5:
            attrs["keep_dims"] = True
        self.node(op, [x], attrs)

    def argmax(self):
        self.node("argmax", [self.pick(self.dtype(), rank=1)], {"axis": -1})

    def cumsum(self):
        self.node("cumsum", [self.pick(F32, rank=1)], {"axis": self.rng.choice([0, -1])})

    def reshape(self):
        x = self.pick(self.dtype(), rank=1)
        shape = self.shape_of(x)
        if all(isinstance(d, int) for d in shape):
            n = 1
            for d in shape:
                n *= d
            options = [[n], [-1]]
            if n % 4 == 0:
                options += [[n // 4, 4], [-1, 4]] * 2
            if n == 128:
                options += [IMAGE] * 6
            if n == 32:
                options += [CUBE] * 4
            if n == 16:
                options += [MATRIX] * 4
            wanted = self.rng.choice(options)
        else:
            wanted = self.rng.choice([shape[:1] + [2, 2], [-1] + shape[1:]]) if shape[1:] == [4] else shape
        self.node("reshape", [x], {"shape": list(wanted)})

    def shaped(self):
        op = self.rng.choice("transpose broadcast_to concat split slice pad expand_dims squeeze "
                             "gather stack".split())
        if op == "transpose":
            x = self.pick(F32, rank=2)
            rank = len(self.shape_of(x))
            perm = list(range(rank))
            perm[-1], perm[-2] = perm[-2], perm[-1]
            self.node(op, [x], {"perm": perm})
        elif op == "broadcast_to":
            self.node(op, [self.pick(F32, self.rng.choice([VECTOR, SCALAR]))],
                      {"shape": list(self.rng.choice([MATRIX, CUBE]))})
        elif op == "concat":
            x = self.pick(F32, rank=1, static=True)
            self.node(op, [x, self.pick(F32, self.shape_of(x))], {"axis": self.rng.choice([0, -1])})
        elif op == "split":
            x = self.pick(F32, rank=1, fits=lambda s: s[-1] == 4)
            self.node(op, [x], {"axis": -1, "sizes": self.rng.choice([[2, 2], [1, 3], [4]])})
        elif op == "slice":
            x = self.pick(F32, rank=1, static=True, fits=lambda s: min(s) >= 1)
            shape = self.shape_of(x)
            self.node(op, [x], {"begin": [0] * len(shape),
                                "end": [self.rng.choice([d, None]) for d in shape[:-1]]
                                + [max(1, shape[-1] - 1)]})
        elif op == "pad":
            x = self.pick(F32, rank=1, static=True, fits=lambda s: len(s) < 3)
            rank = len(self.shape_of(x))
            attrs = {"paddings": [[0, 1]] * rank}
            if self.rng.random() < 0.5:
                attrs["value"] = self.rng.choice([1.0, -1e30])
            self.node(op, [x], attrs)
        elif op == "expand_dims":
            x = self.pick(F32, fits=lambda s: len(s) < 4)
            self.node(op, [self.node(op, [x], {"axis": 0})], {"axis": -1})
        elif op == "squeeze":
            x = self.pick(F32, fits=lambda s: len(s) < 4)
            self.node(op, [self.node("expand_dims", [x], {"axis": 0})], {"axes": [0]})
        elif op == "gather":
            self.node(op, [self.pick(F32, rank=1), self.pick("int32", VECTOR)], {"axis": 0})
        elif op == "stack":
            x = self.pick(F32, fits=lambda s: len(s) < 4)
            self.node(op, [x, self.pick(F32, self.shape_of(x))], {"axis": 0})

    def one_hot(self):
        self.node("one_hot", [self.pick(self.rng.choice(["int32", "int64"]), self.rng.choice([VECTOR, ["batch"]]))],
                  {"depth": 4, "dtype": self.rng.choice([F32, F32, "int32"])})

    def iota(self):
        self.node("iota", [], {"shape": list(MATRIX), "axis": 1,
                               "dtype": self.rng.choice([F32, "int32"])})

    def dropout(self):
        self.node("dropout", [self.pick(F32)], {"rate": 0.25, "seed": self.counter,
                                                "training": self.rng.random() < 0.5})

    def cast(self):
        source = self.rng.choice([F32, F32, "float16", "bfloat16", "float64", "int32", "bool"])
        wanted = self.rng.choice([F32, F32, F32, "float16", "bfloat16", "float64", "int32"])
        x = self.node("cast", [self.pick(source)], {"to": wanted})
        if wanted == F32 and self.shape_of(x)[1:] == [4] and self.rng.random() < 0.6:
            # All users lowered: the cast itself may change.
            self.node("matmul", [x, self.pick(F32, MATRIX)])

    def unknown(self):
        x = self.pick(F32)
        self.node("mylib.fancy", [x], {"level": self.rng.randrange(9), "tags": ["a", "b"]},
                  [(F32, self.shape_of(x))])

    def backward(self):
        """A backward op as a rewritten training graph holds it."""
        op = self.rng.choice(ELEMENTWISE_GRADS + OTHER_GRADS)
        if op in ELEMENTWISE_GRADS:
            x = self.pick()
            attrs = {"min": 0.0, "max": 6.0} if op == "clip_grad" else {}
            self.node(op, [self.pick(F32, self.shape_of(x)), x], attrs)
        elif op in ("div_grad", "maximum_grad"):
            a = self.pick()
            shape = self.shape_of(a)
            self.node(op, [self.pick(F32, shape), a, self.pick(F32, shape)])
        elif op == "bias_add_grad":
            self.node(op, [self.pick(F32, rank=2)])
        elif op == "sum_to":
            x = self.pick(F32, rank=2, static=True)
            self.node(op, [x], {"shape": self.rng.choice([self.shape_of(x)[-1:], [1] + self.shape_of(x)[1:]])})
        elif op.startswith(("conv2d", "depthwise")):
            x = self.image()
            kernel = [2, 2, 4, 1] if op.startswith("depthwise") else [2, 2, 4, 4]
            self.node(op, [self.pick(F32, self.shape_of(x)), x, self.pick(F32, kernel)])
        elif op == "avg_pool2d_grad":
            x = self.image()
            self.node(op, [self.pick(F32, self.shape_of(x)), x],
                      {"window": 2, "strides": 1, "padding": "same"})
        elif op == "layer_norm_grad":
            x = self.pick(F32, rank=2, fits=lambda s: s[-1] == 4)
            self.node(op, [self.pick(F32, self.shape_of(x)), x, self.pick(F32, VECTOR), self.pick(F32, VECTOR)])
        elif op == "reduce_sum_grad":
            x = self.pick(F32, rank=2)
            self.node(op, [self.pick(F32, self.shape_of(x)[:-1]), x], {"axes": [-1]})
        elif op == "reshape_grad":
            x = self.pick(F32, MATRIX)
            self.node(op, [self.pick(F32, [16]), x])
        elif op == "sparse_softmax_cross_entropy_grad":
            x = self.pick(F32, rank=2)
            self.node(op, [self.pick(F32, SCALAR), x, self.pick("int32", self.shape_of(x)[:-1])])
        elif op == "softmax_grad":
            x = self.pick(F32, rank=1)
            self.node(op, [self.pick(F32, self.shape_of(x)), x])

    def update(self):
        x = self.pick(F32, static=True)
        shape = self.shape_of(x)
        free = [v["name"] for v in self.variables
                if v["shape"] == shape and v["dtype"] == F32 and v["name"] not in self.updated
                and v["name"].startswith("v%s_" % self.prefix)]
        if not free:
            return
        name = self.rng.choice(free)
        self.updated.add(name)
        op = self.rng.choice([u for u in UPDATES if u in ("assign", "assign_add", "apply_sgd")])
        if name not in self.values:
            self.add_value(name, F32, shape)
        if op == "apply_sgd":
            rate = self.constant(F32, SCALAR)
            self.node(op, [name, rate, x], {"weight_decay": 0.0})
        else:
            self.node(op, [name, x])

    KINDS = [("matmul", 9), ("unary", 14), ("arithmetic", 7), ("bias_add", 4), ("unary_attrs", 3),
             ("comparison", 2), ("is_finite", 1), ("add_n", 2), ("convolution", 5), ("pool", 3),
             ("norm", 3), ("softmax", 3), ("loss", 2), ("reduction", 3), ("argmax", 1),
             ("cumsum", 1), ("reshape", 4), ("shaped", 7), ("one_hot", 1), ("iota", 1),
             ("dropout", 2), ("cast", 3), ("unknown", 1), ("update", 1), ("backward", 8)]

    def step(self):
        kinds, weights = zip(*self.KINDS)
        getattr(self, self.rng.choices(kinds, weights)[0])()


ELEMENTWISE_GRADS = ("abs_grad exp_grad log_grad tanh_grad sigmoid_grad relu_grad relu6_grad square_grad "
                     "gelu_grad elu_grad clip_grad sqrt_grad").split()
OTHER_GRADS = ("div_grad maximum_grad bias_add_grad bias_add_grad sum_to sum_to conv2d_input_grad "
               "conv2d_filter_grad depthwise_conv2d_input_grad avg_pool2d_grad layer_norm_grad "
               "reduce_sum_grad reshape_grad sparse_softmax_cross_entropy_grad softmax_grad").split()
# Operands behind x.
NORM_PARAMETERS = {"layer_norm": 2, "rms_norm": 1}


def random_function(rng, file, name, prefix):
    g = Generator(rng, file["variables"], prefix)
    for _ in range(rng.randrange(4, 28)):
        g.step()
    used = {r for n in g.nodes for r in n.get("inputs", [])}
    results = [r for r in g.refs if r.split(":")[0] in {n["name"] for n in g.nodes}]
    leaves = [r for r in results if r not in used]
    wanted = rng.sample(leaves, min(len(leaves), rng.randrange(1, 4)))
    if results and rng.random() < 0.3:
        wanted.append(rng.choice(results))
    if not wanted:
        wanted = results[-1:]
    outputs, seen = [], set()
    for i, ref in enumerate(wanted):
        if ref in seen:
            continue
        seen.add(ref)
        outputs.append(ref if ":" not in ref and rng.random() < 0.7
                       else {"name": "out_%d" % i, "value": ref})
    if rng.random() < 0.35:
        rng.shuffle(g.nodes)
    function = {"name": name, "inputs": g.inputs, "nodes": g.nodes, "outputs": outputs}
    add_pins(rng, file, function)
    return function


def add_pins(rng, file, function):
    view = Function(file, function)
    outputs = {ref[0] for _, ref in view.outputs()}
    for node in function["nodes"]:
        if rng.random() < 0.9 or view.group_dtype(node["name"]) != F32:
            continue
        low_is_error = forward_of(node["op"]) in LOSSES or node["name"] in outputs
        pin = rng.choice([F32, F32, "float16", "bfloat16"])
        if pin == F32 or not low_is_error:
            node["precision"] = pin


def training_function(rng, file, name, prefix):
    """A small network with a training section, of ops that have gradients."""
    x, nodes, width = "x", [], 8
    for layer in range(rng.randrange(1, 4)):
        stem = "%s_l%d" % (prefix, layer)
        for what, shape in (("kernel", [width, 8]), ("bias", [8])):
            file["variables"].append({"name": "%s/%s" % (stem, what), "dtype": F32,
                                      "shape": shape, "init": {"glorot_uniform": {"seed": layer}}
                                      if what == "kernel" else {"zeros": {}}})
        nodes.append({"name": stem + "/matmul", "op": "matmul", "inputs": [x, stem + "/kernel"]})
        x = nodes[-1]["name"]
        if rng.random() < 0.8:
            nodes.append({"name": stem + "/bias_add", "op": "bias_add", "inputs": [x, stem + "/bias"]})
            x = nodes[-1]["name"]
        if rng.random() < 0.7:
            nodes.append({"name": stem + "/act", "op": "relu", "inputs": [x]})
            x = nodes[-1]["name"]
        if rng.random() < 0.2:
            nodes[-1]["precision"] = F32
    nodes.append({"name": "loss", "op": "sparse_softmax_cross_entropy", "inputs": [x, "labels"]})
    if rng.random() < 0.3:
        rng.shuffle(nodes)
    used = {r for n in nodes for r in n["inputs"]}
    names = [v["name"] for v in file["variables"] if v["name"] in used]
    optimizer = rng.choice([{"sgd": {"learning_rate": 0.1}}, {"sgd": {"learning_rate": 0.1, "momentum": 0.9}},
                            {"rmsprop": {"learning_rate": 0.001}}, {"adam": {}}])
    return {"name": name,
            "inputs": [{"name": "x", "dtype": F32, "shape": ["batch", 8]},
                       {"name": "labels", "dtype": "int32", "shape": ["batch"]}],
            "nodes": nodes, "outputs": ["loss"],
            "training": {"loss": "loss", "optimizer": optimizer, "variables": names}}


def random_file(seed, functions=25, training=True):
    rng = random.Random(seed)
    file = {"format": "amp-graph", "version": "1.0", "name": "random_%d" % seed,
            "doc": "random graph, seed %d" % seed, "variables": [], "functions": []}
    for i in range(functions):
        file["functions"].append(random_function(rng, file, "f%d" % i, str(i)))
    if training:
        file["functions"].append(training_function(rng, file, "train", "t"))
    return file


def shuffled(file, seed):
    """The same file with the nodes of every function in another order."""
    rng = random.Random(seed)
    other = json.loads(json.dumps(file))
    for function in other["functions"]:
        rng.shuffle(function["nodes"])
    return other


def dump(file):
    """One node per line, so that a failing file can be read."""
    lines = []
    for key, value in file.items():
        if key not in ("functions", "variables"):
            lines.append('  %s: %s' % (json.dumps(key), json.dumps(value)))
    lines.append('  "variables": [\n' + ",\n".join("    " + json.dumps(v) for v in file["variables"]) + "\n  ]")
    functions = []
    for f in file["functions"]:
        parts = []
        for key, value in f.items():
            if key == "nodes":
                parts.append('      "nodes": [\n' + ",\n".join(
                    "        " + json.dumps(n) for n in value) + "\n      ]")
            else:
                parts.append('      %s: %s' % (json.dumps(key), json.dumps(value)))
        functions.append("    {\n" + ",\n".join(parts) + "\n    }")
    lines.append('  "functions": [\n' + ",\n".join(functions) + "\n  ]")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--functions", type=int, default=25)
    args = parser.parse_args()
    sys.stdout.write(dump(random_file(args.seed, args.functions)))


if __name__ == "__main__":
    main()
