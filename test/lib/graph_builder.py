# Builds graph files (docs/GraphFile.md) from Python: the names, variables and
# functions of a model, and the layers that networks share.
#
# A Model holds variables and functions. A Function adds a node per call and hands
# back the name of its value, so that a network reads like the mathematics:
#
#   model = Model("tiny")
#   f = model.function("predict", {"x": ("float32", ["batch", 4])})
#   y = f.dense("out", "x", 4, 3)
#   f.outputs = [f.op("probabilities", "softmax", y)]
#
# Python standard library only.

import json


class Model:
    """The variables and functions of one file."""

    def __init__(self, name, doc=None):
        self.name, self.doc = name, doc
        self.variables, self.functions = {}, []

    def variable(self, name, shape, init, trainable=True):
        """Declares a variable; a second function that asks for it gets the same one."""
        if name not in self.variables:
            kind, settings = init if isinstance(init, tuple) else (init, {})
            if kind not in ("zeros", "ones", "constant"):
                # Every random variable has a seed of its own.
                settings = dict(settings, seed=len(self.variables) + 1)
            entry = {"name": name, "dtype": "float32", "shape": list(shape), "init": {kind: settings}}
            if not trainable:
                entry["trainable"] = False
            self.variables[name] = entry
        assert self.variables[name]["shape"] == list(shape), name
        return name

    def function(self, name, inputs, training=None):
        function = Function(self, name, inputs, training)
        self.functions.append(function)
        return function

    def parameters(self):
        """How many numbers are trained."""
        total = 0
        for variable in self.variables.values():
            size = 1
            for n in variable["shape"]:
                size *= n
            total += size if variable.get("trainable", True) else 0
        return total

    def text(self):
        """One variable, input and node per line, as amp-opt writes them."""
        head = [("format", "amp-graph"), ("version", "1.0"), ("name", self.name)]
        if self.doc:
            head.append(("doc", self.doc))
        lines = ["{"] + ["  %s: %s," % (json.dumps(k), json.dumps(v, ensure_ascii=False)) for k, v in head]
        lines += ['  "variables": ['] + rows(self.variables.values(), 4) + ["  ],", '  "functions": [']
        for i, function in enumerate(self.functions):
            lines += function.lines() + ["    }" + ("," if i + 1 < len(self.functions) else "")]
        return "\n".join(lines + ["  ]", "}", ""])


def rows(entries, indent):
    texts = [" " * indent + json.dumps(e, ensure_ascii=False) for e in entries]
    return [t + "," for t in texts[:-1]] + texts[-1:]


class Function:
    def __init__(self, model, name, inputs, training):
        self.model, self.name, self.training = model, name, training
        self.inputs = [{"name": n, "dtype": t, "shape": s} for n, (t, s) in inputs.items()]
        self.nodes, self.outputs = [], []

    @property
    def trains(self):
        return self.training is not None

    def lines(self):
        lines = ["    {", '      "name": %s,' % json.dumps(self.name)]
        lines += ['      "inputs": ['] + rows(self.inputs, 8) + ["      ],"]
        lines += ['      "nodes": ['] + rows(self.nodes, 8) + ["      ],"]
        lines += ['      "outputs": %s%s' % (json.dumps(self.outputs), "," if self.training else "")]
        if self.training:
            lines += ['      "training": %s' % json.dumps(self.training)]
        return lines

    def op(self, name, op, *inputs, **attrs):
        node = {"name": name, "op": op, "inputs": list(inputs)}
        if attrs:
            node["attrs"] = attrs
        self.nodes.append(node)
        return name

    def variable(self, *args, **kwargs):
        return self.model.variable(*args, **kwargs)

    def scalar(self, name, value):
        return self.op(name, "constant", dtype="float32", shape=[], value=value)

    # Layers.

    def dense(self, name, x, width, units, init="glorot_uniform", bias=True):
        y = self.op(name + "/matmul", "matmul", x, self.variable(name + "/kernel", [width, units], init))
        if not bias:
            return y
        return self.op(name + "/bias_add", "bias_add", y, self.variable(name + "/bias", [units], "zeros"))

    def conv(self, name, x, channels, filters, window, strides=1, layout="NHWC", groups=1):
        kernel = self.variable(name + "/kernel", [window, window, channels // groups, filters], "he_normal")
        attrs = {"strides": strides} if strides != 1 else {}
        if groups != 1:
            attrs["groups"] = groups
        if layout != "NHWC":
            attrs["layout"] = layout
        return self.op(name + "/conv", "conv2d", x, kernel, **attrs)

    def batch_norm(self, name, x, channels, layout="NHWC", scale="ones"):
        """The batch's statistics where the function trains, else the moving ones."""
        attrs = {"momentum": 0.9, "epsilon": 1e-05}
        if self.trains:
            attrs["training"] = True
        if layout != "NHWC":
            attrs["layout"] = layout
        return self.op(name, "batch_norm", x,
                       self.variable(name + "/scale", [channels], scale),
                       self.variable(name + "/offset", [channels], "zeros"),
                       self.variable(name + "/moving_mean", [channels], "zeros", trainable=False),
                       self.variable(name + "/moving_variance", [channels], "ones", trainable=False), **attrs)

    def layer_norm(self, name, x, width, epsilon=1e-05):
        return self.op(name, "layer_norm", x, self.variable(name + "/scale", [width], "ones"),
                       self.variable(name + "/offset", [width], "zeros"), epsilon=epsilon)

    def dropout(self, name, x, rate):
        if not rate or not self.trains:
            return x
        return self.op(name, "dropout", x, rate=rate, seed=len(self.nodes), training=True)

    def causal_mask(self, name, length):
        """[length, length], true where a position may look: at itself and before."""
        row = self.op(name + "/row", "iota", shape=[length, length], axis=0, dtype="int32")
        column = self.op(name + "/column", "iota", shape=[length, length], axis=1, dtype="int32")
        return self.op(name, "less_equal", column, row)

    def attention(self, name, x, length, width, heads, mask=None, bias=None, dropout=0.0, init="glorot_uniform"):
        """Self-attention of [batch, length, width]: softmax(q kᵀ / √d + bias) v, with
        `mask` false where a position may not look."""
        size = width // heads
        assert size * heads == width, "the width divides into the heads"

        def part(kind):
            y = self.dense("%s/%s" % (name, kind), x, width, width, init)
            y = self.op("%s/%s/split" % (name, kind), "reshape", y, shape=["batch", length, heads, size])
            return self.op("%s/%s/heads" % (name, kind), "transpose", y, perm=[0, 2, 1, 3])

        q, k, v = part("query"), part("key"), part("value")
        scores = self.op(name + "/scores", "matmul", q, k, transpose_b=True)
        scores = self.op(name + "/scaled", "mul", scores, self.scalar(name + "/scale", size ** -0.5))
        if bias:
            scores = self.op(name + "/biased", "add", scores, bias)
        if mask:
            scores = self.op(name + "/masked", "where", mask, scores, self.scalar(name + "/never", -1e9))
        weights = self.dropout(name + "/weights_dropout", self.op(name + "/weights", "softmax", scores), dropout)
        y = self.op(name + "/mixed", "matmul", weights, v)
        y = self.op(name + "/joined", "transpose", y, perm=[0, 2, 1, 3])
        y = self.op(name + "/merged", "reshape", y, shape=["batch", length, width])
        return self.dense(name + "/out", y, width, width, init)
