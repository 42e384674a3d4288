# What an op is, written a second time from the documents alone: type groups,
# lists of the presets, and the types of results. It shares no code with
# lib/OpSet and lib/Policy, so that the tests built on it can disagree with
# them. Python standard library only.

FLOATS = ("float16", "bfloat16", "float32", "float64")
INTS = ("int8", "uint8", "int32", "int64")

UNARY_INFER = "tanh sigmoid erf log log1p sqrt rsqrt reciprocal sin cos silu softplus".split()
UNARY_CLEAR = "neg abs sign relu relu6 floor ceil round".split()
UNARY_DENY = "exp expm1 square".split()
UNARY_ATTRS = {"gelu": "infer", "elu": "infer", "leaky_relu": "infer", "clip": "clear"}
COMPARISONS = "equal not_equal less less_equal greater greater_equal".split()
LOGICAL = "logical_and logical_or".split()
ARITHMETIC = "add sub mul div pow maximum minimum".split()
REDUCTIONS = "reduce_sum reduce_mean reduce_max reduce_min reduce_prod".split()
CONVOLUTIONS = "conv2d depthwise_conv2d conv2d_transpose".split()
POOLS = "max_pool2d avg_pool2d".split()
LOSSES = ("softmax_cross_entropy sparse_softmax_cross_entropy sigmoid_cross_entropy "
          "mean_squared_error").split()
NORMS = "batch_norm layer_norm rms_norm".split()
UPDATES = ("assign assign_add apply_sgd apply_momentum apply_rmsprop apply_adam "
           "apply_adamw").split()
LOSS_SCALE = "scale_loss all_finite unscale update_loss_scale".split()

# --- lists -------------------------------------------------------------------

DEFAULT = {
    "allow": "matmul conv2d depthwise_conv2d conv2d_transpose",
    "infer": "add sub mul div add_n bias_add tanh sigmoid gelu silu elu leaky_relu softplus erf "
             "log log1p sqrt rsqrt reciprocal sin cos dropout avg_pool2d global_avg_pool2d "
             "batch_norm layer_norm rms_norm reduce_prod",
    "deny": "softmax log_softmax exp expm1 pow square reduce_sum reduce_mean cumsum "
            + " ".join(LOSSES),
    "clear": "identity stop_gradient neg abs sign relu relu6 clip maximum minimum floor ceil "
             "round is_finite where " + " ".join(COMPARISONS) +
             " max_pool2d reduce_max reduce_min argmax reshape transpose broadcast_to concat "
             "split slice pad expand_dims squeeze gather one_hot stack",
    "keep": "constant iota cast logical_and logical_or logical_not " + " ".join(UPDATES)
            + " " + " ".join(LOSS_SCALE),
}

FORWARD = set(" ".join(DEFAULT.values()).split())


def is_known(op):
    """Whether `infer` knows the op; a file states the types of the others."""
    return "." not in op


# Backward ops follow their forward op. The two with rules of their own
# accumulate in float32 and are infer.
BACKWARD_INFER = ("bias_add_grad", "sum_to")


def forward_of(op):
    """The forward op of a backward op's name, or the name itself."""
    if op in BACKWARD_INFER:
        return op
    for suffix in ("_input_grad", "_filter_grad", "_weights_grad", "_grad"):
        if op.endswith(suffix):
            return op[: -len(suffix)]
    return op


class Policy:
    """The effective lists of a preset for one target type."""

    def __init__(self, name, target):
        lists = {}
        for which, ops in DEFAULT.items():
            for op in ops.split():
                lists[op] = which
        for op in BACKWARD_INFER:
            lists[op] = "infer"

        def move(which, ops):
            for op in ops.split():
                lists[op] = which

        self.follow = target == "bfloat16"
        self.outputs = "value"
        # linalg and tosa extend default by ops of their own dialects only.
        if name in ("default", "linalg", "tosa"):
            if target == "bfloat16":
                move("infer", "reduce_sum reduce_mean square")
        elif name in ("tensorflow", "tensorflow-2.19"):
            self.outputs = "node"
            self.follow = self.follow or name == "tensorflow"
            move("infer", "softmax log_softmax")
            move("keep", "square rsqrt sin cos cumsum dropout layer_norm rms_norm gelu silu")
            if target == "bfloat16":
                move("infer", "reduce_sum reduce_mean square rsqrt")
                move("keep", "one_hot")
        elif name in ("minimal", "none"):
            for op in list(lists):
                if name == "none" or lists[op] != "allow":
                    lists[op] = "keep"
        else:
            raise ValueError(name)
        self.lists = lists

    def list_of(self, op):
        if "." in op:
            return "keep"
        found = self.lists.get(op)
        return found if found else self.lists.get(forward_of(op), "keep")


# --- attributes --------------------------------------------------------------

DEFAULTS = {
    "gelu": {"approximate": False}, "elu": {"alpha": 1.0}, "leaky_relu": {"alpha": 0.2},
    "matmul": {"transpose_a": False, "transpose_b": False}, "bias_add": {"axis": -1},
    "batch_norm": {"epsilon": 1e-3, "momentum": 0.99, "training": False, "layout": "NHWC"},
    "layer_norm": {"axis": -1, "epsilon": 1e-3}, "rms_norm": {"axis": -1, "epsilon": 1e-3},
    "softmax": {"axis": -1}, "log_softmax": {"axis": -1}, "gather": {"axis": 0},
    "pad": {"value": 0.0}, "one_hot": {"dtype": "float32"}, "slice": {"strides": 1},
    "dropout": {"training": False}, "global_avg_pool2d": {"layout": "NHWC"},
}
for _op in CONVOLUTIONS:
    DEFAULTS[_op] = {"strides": 1, "padding": "same", "dilations": 1, "groups": 1, "layout": "NHWC"}
DEFAULTS["depthwise_conv2d"].pop("groups")
for _op in POOLS:
    DEFAULTS[_op] = {"padding": "valid", "layout": "NHWC"}
DEFAULTS["apply_sgd"] = {"weight_decay": 0.0}
for _op in LOSSES:
    DEFAULTS[_op] = {"reduction": "mean"}
for _op in REDUCTIONS:
    DEFAULTS[_op] = {"keep_dims": False}


# --- type groups -------------------------------------------------------------

NO_GROUP = set(["constant", "iota", "cast", "logical_and", "logical_or", "logical_not"]
               + UPDATES + LOSS_SCALE)


def operand_in_group(op, index, dtype, count=0):
    """Whether operand number `index` of element type `dtype` is in the type group."""
    if op in NO_GROUP or "." in op or dtype not in FLOATS:
        return False
    if op == "one_hot":
        return False
    if op in ("gather",) + tuple(NORMS):
        return index == 0
    if op == "where":
        return index > 0
    if op == "sparse_softmax_cross_entropy":
        return index == 0
    if op == "concat_grad":
        return index == 0
    if op in BACKWARD_GROUPS:
        return index in BACKWARD_GROUPS[op][0]
    return True


def result_in_group(op, index, dtype):
    if op in NO_GROUP or "." in op or dtype not in FLOATS:
        return False
    if op in NORMS:
        return index == 0
    if op in BACKWARD_GROUPS:
        return index in BACKWARD_GROUPS[op][1]
    return True


# Backward ops: (operands in the group, results in the group); all where it says
# nothing. Operands that only tell a size, and parameters with their gradients,
# are outside.
BACKWARD_GROUPS = {
    "conv2d_input_grad": ((0, 2), (0,)), "conv2d_filter_grad": ((0, 1), (0,)),
    "depthwise_conv2d_input_grad": ((0, 2), (0,)), "depthwise_conv2d_filter_grad": ((0, 1), (0,)),
    "conv2d_transpose_input_grad": ((0, 2), (0,)), "conv2d_transpose_filter_grad": ((0, 1), (0,)),
    "avg_pool2d_grad": ((0,), (0,)), "global_avg_pool2d_grad": ((0,), (0,)),
    "batch_norm_grad": ((0, 1), (0,)), "layer_norm_grad": ((0, 1), (0,)), "rms_norm_grad": ((0, 1), (0,)),
    "sparse_softmax_cross_entropy_grad": ((0, 1), (0,)),
    "reduce_sum_grad": ((0,), (0,)), "reduce_mean_grad": ((0,), (0,)), "cumsum_grad": ((0,), (0,)),
    "reshape_grad": ((0,), (0,)), "slice_grad": ((0,), (0,)), "pad_grad": ((0,), (0,)),
    "gather_grad": ((0,), (0,)), "dropout_grad": ((0,), (0,)),
}


# --- shapes ------------------------------------------------------------------

class Bad(Exception):
    """The node does not type-check."""


def broadcast(a, b):
    out = []
    for i in range(max(len(a), len(b))):
        x = a[len(a) - 1 - i] if i < len(a) else 1
        y = b[len(b) - 1 - i] if i < len(b) else 1
        if x == y:
            out.append(x)
        elif x == 1:
            out.append(y)
        elif y == 1:
            out.append(x)
        elif x is None or y is None:
            out.append(y if x is None else x)
        else:
            raise Bad("broadcast %r %r" % (a, b))
    return out[::-1]


def as_list(value, count):
    return [value] * count if isinstance(value, int) else list(value)


def norm_axis(axis, rank):
    if not -rank <= axis < rank:
        raise Bad("axis")
    return axis % rank if rank else 0


def product(shape):
    n = 1
    for d in shape:
        n *= d
    return n


def window_size(size, window, stride, padding, dilation=1):
    if not isinstance(size, int):
        return size if padding == "same" and stride == 1 else None
    reach = (window - 1) * dilation + 1
    if padding == "same":
        return -(-size // stride)
    if size < reach:
        raise Bad("window")
    return (size - reach) // stride + 1


def spatial(shape, attrs):
    """(channel position, the two spatial positions)"""
    return (1, (2, 3)) if attrs.get("layout", "NHWC") == "NCHW" else (3, (1, 2))


def infer(op, types, attrs):
    """Result types [(dtype, shape)] of a forward op; types are those of its operands."""
    a = types[0] if types else None
    if op == "constant":
        return [(attrs["dtype"], list(attrs["shape"]))]
    if op == "iota":
        return [(attrs["dtype"], list(attrs["shape"]))]
    if op == "cast":
        return [(attrs["to"], a[1])]
    if op == "one_hot":
        return [(attrs.get("dtype", "float32"), a[1] + [attrs["depth"]])]
    if op in COMPARISONS + LOGICAL:
        return [("bool", broadcast(a[1], types[1][1]))]
    if op in ("is_finite", "logical_not"):
        return [("bool", a[1])]
    if op in ARITHMETIC:
        return [(a[0], broadcast(a[1], types[1][1]))]
    if op == "add_n":
        return [a]
    if op == "where":
        return [(types[1][0], broadcast(a[1], broadcast(types[1][1], types[2][1])))]
    if op == "matmul":
        x, y = list(a[1]), list(types[1][1])
        if attrs.get("transpose_a"):
            x[-1], x[-2] = x[-2], x[-1]
        if attrs.get("transpose_b"):
            y[-1], y[-2] = y[-2], y[-1]
        if x[-1] != y[-2]:
            raise Bad("matmul")
        return [(a[0], broadcast(x[:-2], y[:-2]) + [x[-2], y[-1]])]
    if op in ("conv2d", "depthwise_conv2d", "conv2d_transpose"):
        channel, places = spatial(a[1], attrs)
        kernel = types[1][1]
        strides = as_list(attrs.get("strides", 1), 2)
        dilations = as_list(attrs.get("dilations", 1), 2)
        padding = attrs.get("padding", "same")
        out = list(a[1])
        for i, at in enumerate(places):
            if op == "conv2d_transpose":
                h, s = a[1][at], strides[i]
                out[at] = h * s if padding == "same" else (h - 1) * s + kernel[i]
            else:
                out[at] = window_size(a[1][at], kernel[i], strides[i], padding, dilations[i])
        out[channel] = kernel[2] * kernel[3] if op == "depthwise_conv2d" else kernel[3]
        return [(a[0], out)]
    if op in POOLS:
        channel, places = spatial(a[1], attrs)
        window = as_list(attrs["window"], 2)
        strides = as_list(attrs.get("strides", window), 2)
        out = list(a[1])
        for i, at in enumerate(places):
            out[at] = window_size(a[1][at], window[i], strides[i], attrs.get("padding", "valid"))
        return [(a[0], out)]
    if op == "global_avg_pool2d":
        channel, _ = spatial(a[1], attrs)
        return [(a[0], [a[1][0], a[1][channel]])]
    if op == "batch_norm":
        stats = types[1]
        return [a] + ([stats, stats] if attrs.get("training") else [])
    if op in LOSSES:
        shape = a[1]
        if op in ("softmax_cross_entropy", "sparse_softmax_cross_entropy"):
            shape = shape[:-1]
        return [(a[0], shape if attrs.get("reduction", "mean") == "none" else [])]
    if op in REDUCTIONS:
        rank = len(a[1])
        axes = attrs.get("axes")
        axes = range(rank) if axes is None else [norm_axis(x, rank) for x in as_list(axes, 1)]
        axes = set(axes)
        if attrs.get("keep_dims"):
            return [(a[0], [1 if i in axes else d for i, d in enumerate(a[1])])]
        return [(a[0], [d for i, d in enumerate(a[1]) if i not in axes])]
    if op == "argmax":
        axis = norm_axis(attrs["axis"], len(a[1]))
        return [("int32", a[1][:axis] + a[1][axis + 1:])]
    if op == "reshape":
        return [(a[0], reshape(a[1], attrs["shape"]))]
    if op == "transpose":
        return [(a[0], [a[1][p] for p in attrs["perm"]])]
    if op == "broadcast_to":
        broadcast(a[1], attrs["shape"])
        return [(a[0], list(attrs["shape"]))]
    if op == "concat":
        axis = norm_axis(attrs["axis"], len(a[1]))
        sizes = [t[1][axis] for t in types]
        out = list(a[1])
        out[axis] = sum(sizes) if all(isinstance(s, int) for s in sizes) else (
            sizes[0] if len(sizes) == 1 else None)
        return [(a[0], out)]
    if op == "split":
        axis = norm_axis(attrs["axis"], len(a[1]))
        return [(a[0], a[1][:axis] + [s] + a[1][axis + 1:]) for s in attrs["sizes"]]
    if op == "slice":
        out = []
        strides = as_list(attrs.get("strides", 1), len(a[1]))
        for d, b, e, s in zip(a[1], attrs["begin"], attrs["end"], strides):
            if not isinstance(d, int):
                out.append(d if b == 0 and e is None and s == 1 else None)
                continue
            e = d if e is None else e
            out.append(-(-(e - b) // s))
        return [(a[0], out)]
    if op == "pad":
        flat = [x for pair in attrs["paddings"] for x in (pair if isinstance(pair, list) else [pair])]
        out = []
        for i, d in enumerate(a[1]):
            extra = flat[2 * i] + flat[2 * i + 1]
            out.append(d + extra if isinstance(d, int) else (d if extra == 0 else None))
        return [(a[0], out)]
    if op == "expand_dims":
        axis = norm_axis(attrs["axis"], len(a[1]) + 1)
        return [(a[0], a[1][:axis] + [1] + a[1][axis:])]
    if op == "squeeze":
        rank = len(a[1])
        axes = attrs.get("axes")
        axes = ([i for i, d in enumerate(a[1]) if d == 1] if axes is None
                else [norm_axis(x, rank) for x in as_list(axes, 1)])
        return [(a[0], [d for i, d in enumerate(a[1]) if i not in axes])]
    if op == "gather":
        axis = norm_axis(attrs.get("axis", 0), len(a[1]))
        return [(a[0], a[1][:axis] + types[1][1] + a[1][axis + 1:])]
    if op == "stack":
        axis = norm_axis(attrs["axis"], len(a[1]) + 1)
        return [(a[0], a[1][:axis] + [len(types)] + a[1][axis:])]
    if op in UPDATES:
        return []
    if op == "all_finite":
        return [("bool", [])]
    if op == "scale_loss" or op == "unscale":
        return [a]
    if op == "update_loss_scale":
        return [("float32", []), ("int32", []), ("int32", [])]
    if op.endswith("_grad") or op == "sum_to":
        return infer_backward(op, types, attrs)
    if op not in FORWARD:
        raise Bad("unknown op " + op)
    # Everything else keeps the type of its first operand.
    return [a]


def infer_backward(op, types, attrs):
    """The gradient of an operand has its shape, and the dtype of the gradient."""
    dtype = types[0][0]
    if op == "sum_to":
        return [(dtype, list(attrs["shape"]))]
    if op == "bias_add_grad":
        return [(dtype, [types[0][1][attrs.get("axis", -1)]])]
    if op.endswith("_filter_grad"):
        return [(dtype, types[2][1])]
    if op in ("div_grad", "pow_grad", "maximum_grad", "minimum_grad"):
        return [(dtype, types[0][1])] * 2
    if op == "concat_grad":
        return [(dtype, t[1]) for t in types[1:]]
    if op in ("batch_norm_grad", "layer_norm_grad", "rms_norm_grad"):
        count = min(len(types) - 2, 2)
        return [(dtype, types[1][1])] + [types[2 + i] for i in range(count)]
    return [(dtype, types[1][1])]


def reshape(shape, wanted):
    """Solves one -1; names on both sides cancel."""
    out = list(wanted)
    if -1 not in out:
        return out
    have, rest = list(shape), [d for d in out if d != -1]
    for d in list(rest):
        if isinstance(d, str) and d in have:
            have.remove(d)
            rest.remove(d)
    names = [d for d in have if not isinstance(d, int)]
    n = product(d for d in have if isinstance(d, int))
    m = product(d for d in rest if isinstance(d, int))
    at = out.index(-1)
    if any(isinstance(d, str) for d in rest) or len(names) > 1 or None in names:
        out[at] = None
    elif names:
        out[at] = names[0] if n == m else None
    else:
        if m == 0 or n % m:
            raise Bad("reshape")
        out[at] = n // m
    return out
