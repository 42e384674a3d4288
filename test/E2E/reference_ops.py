# The ops of the table in float64, forward only, written from docs/GraphFile.md
# with plain loops: what gradients and devices are compared with. Slow and short.
#
# A tensor is a pair (shape, flat list); evaluate(op, operands, attrs) gives a
# list of tensors. Layout is NHWC.

import itertools
import math


def size(shape):
    return math.prod(shape)


def strides_of(shape):
    strides, step = [], 1
    for length in reversed(shape):
        strides.insert(0, step)
        step *= length
    return strides


def indices(shape):
    return itertools.product(*(range(length) for length in shape))


def at(shape, index):
    return sum(i * s for i, s in zip(index, strides_of(shape)))


def broadcast_shape(*shapes):
    rank = max(len(s) for s in shapes)
    result = [1] * rank
    for shape in shapes:
        for i, length in enumerate(shape):
            at_ = rank - len(shape) + i
            assert length == 1 or result[at_] in (1, length)
            if length != 1:
                result[at_] = length
    return result


def broadcast(tensor, shape):
    old, values = tensor
    padded = [1] * (len(shape) - len(old)) + list(old)
    strides = [0 if length == 1 else s for length, s in zip(padded, strides_of(padded))]
    return [values[sum(i * s for i, s in zip(index, strides))] for index in indices(shape)]


def elementwise(function, *tensors):
    shape = broadcast_shape(*(t[0] for t in tensors))
    return shape, [function(*row) for row in zip(*(broadcast(t, shape) for t in tensors))]


def softplus(x):
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def sigmoid(x):
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def gelu(x, approximate):
    if approximate:
        return 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * (1 + math.erf(x / math.sqrt(2)))


UNARY = {
    "identity": lambda x: x, "cast": lambda x: x, "neg": lambda x: -x, "abs": abs, "exp": math.exp, "expm1": math.expm1,
    "log": math.log, "log1p": math.log1p, "sqrt": math.sqrt, "rsqrt": lambda x: 1 / math.sqrt(x),
    "reciprocal": lambda x: 1 / x, "square": lambda x: x * x, "sin": math.sin, "cos": math.cos, "tanh": math.tanh,
    "sigmoid": sigmoid, "relu": lambda x: max(x, 0.0), "relu6": lambda x: min(max(x, 0.0), 6.0),
    "silu": lambda x: x * sigmoid(x), "softplus": softplus, "erf": math.erf,
}
BINARY = {
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b, "div": lambda a, b: a / b,
    "pow": lambda a, b: a**b, "maximum": max, "minimum": min,
}
REDUCE = {
    "reduce_sum": sum, "reduce_mean": lambda v: sum(v) / len(v), "reduce_max": max, "reduce_min": min,
    "reduce_prod": math.prod,
}


def axis_of(attrs, rank, default=None):
    axis = attrs.get("axis", default)
    return axis + rank if axis < 0 else axis


def lines(shape, axis):
    """Lists of positions of the elements along `axis`, one for each place of the rest."""
    step, length = strides_of(shape)[axis], shape[axis]
    rest = [range(n) if i != axis else range(1) for i, n in enumerate(shape)]
    return [[at(shape, index) + k * step for k in range(length)] for index in itertools.product(*rest)]


def along(tensor, axis, function):
    """Applies a function of a list to each line along an axis."""
    shape, values = tensor
    result = list(values)
    for line in lines(shape, axis):
        for position, value in zip(line, function([values[p] for p in line])):
            result[position] = value
    return shape, result


def log_softmax(line):
    most = max(line)
    total = math.log(sum(math.exp(x - most) for x in line))
    return [x - most - total for x in line]


def reduce(tensor, attrs, function):
    shape, values = tensor
    axes = attrs.get("axes", list(range(len(shape))))
    axes = [a + len(shape) if a < 0 else a for a in ([axes] if isinstance(axes, int) else axes)]
    kept = [1 if i in axes else n for i, n in enumerate(shape)]
    groups = [[] for _ in range(size(kept))]
    for index in indices(shape):
        place = at(kept, [0 if i in axes else k for i, k in enumerate(index)])
        groups[place].append(values[at(shape, index)])
    if not attrs.get("keep_dims", False):
        kept = [n for i, n in enumerate(shape) if i not in axes]
    return kept, [function(group) for group in groups]


def matmul(a, b, attrs):
    def turned(tensor, flip):
        shape, values = tensor
        if not flip:
            return tensor
        perm = list(range(len(shape) - 2)) + [len(shape) - 1, len(shape) - 2]
        return transpose(tensor, perm)
    (sa, va), (sb, vb) = turned(a, attrs.get("transpose_a")), turned(b, attrs.get("transpose_b"))
    lead = broadcast_shape(sa[:-2], sb[:-2])
    m, k, n = sa[-2], sa[-1], sb[-1]
    va, vb = broadcast((sa, va), lead + [m, k]), broadcast((sb, vb), lead + [k, n])
    result = []
    for batch in range(size(lead)):
        for i in range(m):
            for j in range(n):
                result.append(sum(va[(batch * m + i) * k + p] * vb[(batch * k + p) * n + j] for p in range(k)))
    return lead + [m, n], result


def transpose(tensor, perm):
    shape, values = tensor
    new = [shape[p] for p in perm]
    old = strides_of(shape)
    return new, [values[sum(i * old[p] for i, p in zip(index, perm))] for index in indices(new)]


def losses(op, operands, attrs):
    (shape, first), (_, second) = operands
    if op == "mean_squared_error":
        values, kept = [(a - b) ** 2 for a, b in zip(first, second)], shape
    elif op == "sigmoid_cross_entropy":
        values, kept = [max(x, 0) - x * y + math.log1p(math.exp(-abs(x))) for x, y in zip(first, second)], shape
    else:
        rows = lines(shape, len(shape) - 1)
        logs = along((shape, first), len(shape) - 1, log_softmax)[1]
        kept = shape[:-1]
        if op == "softmax_cross_entropy":
            values = [-sum(second[p] * logs[p] for p in row) for row in rows]
        else:
            values = [-logs[row[int(label)]] for row, label in zip(rows, second)]
    how = attrs.get("reduction", "mean")
    if how == "none":
        return kept, values
    return [], [sum(values) / (len(values) if how == "mean" else 1)]


def pair(value):
    return [value, value] if isinstance(value, int) else list(value)


def window_of(sizes, window, strides, dilations, padding):
    """Output sizes and the padding in front, of two spatial axes."""
    out, front = [], []
    for n, k, s, d in zip(sizes, window, strides, dilations):
        reach = (k - 1) * d + 1
        if padding == "valid":
            out.append((n - reach) // s + 1)
            front.append(0)
        else:
            out.append(-(-n // s))
            front.append(max((out[-1] - 1) * s + reach - n, 0) // 2)
    return out, front


def convolution(x, f, attrs, depthwise=False):
    (b, h, w, c), values = x
    (kh, kw, ci, co), weights = f
    strides, dilations = pair(attrs.get("strides", 1)), pair(attrs.get("dilations", 1))
    groups = attrs.get("groups", 1)
    (oh, ow), (top, left) = window_of((h, w), (kh, kw), strides, dilations, attrs.get("padding", "same"))
    channels = c * co if depthwise else co
    result = []
    for n, i, j, o in indices([b, oh, ow, channels]):
        total = 0.0
        for di, dj, k in indices([kh, kw, 1 if depthwise else ci]):
            y, z = i * strides[0] + di * dilations[0] - top, j * strides[1] + dj * dilations[1] - left
            if not (0 <= y < h and 0 <= z < w):
                continue
            if depthwise:
                source, weight = o // co, at(f[0], [di, dj, o // co, o % co])
            else:
                source, weight = (o // (co // groups)) * ci + k, at(f[0], [di, dj, k, o])
            total += values[at(x[0], [n, y, z, source])] * weights[weight]
        result.append(total)
    return [b, oh, ow, channels], result


def convolution_transpose(x, f, attrs):
    (b, h, w, c), values = x
    (kh, kw, ci, co), weights = f
    strides = pair(attrs.get("strides", 1))
    same = attrs.get("padding", "same") == "same"
    sizes = [n * s if same else (n - 1) * s + k for n, s, k in zip((h, w), strides, (kh, kw))]
    # The place where the forward convolution of that size would have started.
    front = [max((n - 1) * s + k - m, 0) // 2 if same else 0
             for n, s, k, m in zip((h, w), strides, (kh, kw), sizes)]
    shape = [b, sizes[0], sizes[1], co]
    result = [0.0] * size(shape)
    for n, i, j, k in indices(x[0]):
        for di, dj, o in indices([kh, kw, co]):
            y, z = i * strides[0] + di - front[0], j * strides[1] + dj - front[1]
            if 0 <= y < sizes[0] and 0 <= z < sizes[1]:
                result[at(shape, [n, y, z, o])] += values[at(x[0], [n, i, j, k])] * weights[at(f[0], [di, dj, k, o])]
    return shape, result


def pool(x, attrs, function):
    (b, h, w, c), values = x
    window = pair(attrs["window"])
    strides = pair(attrs.get("strides", window))
    (oh, ow), (top, left) = window_of((h, w), window, strides, (1, 1), attrs.get("padding", "valid"))
    result = []
    for n, i, j, k in indices([b, oh, ow, c]):
        inside = [values[at(x[0], [n, y, z, k])]
                  for y in range(i * strides[0] - top, i * strides[0] - top + window[0]) if 0 <= y < h
                  for z in range(j * strides[1] - left, j * strides[1] - left + window[1]) if 0 <= z < w]
        result.append(function(inside))
    return [b, oh, ow, c], result


def normalisation(op, operands, attrs):
    x, scale, offset = operands[0], operands[1], operands[2] if len(operands) > 2 else None
    shape, values = x
    epsilon = attrs.get("epsilon", 1e-3)
    if op == "batch_norm":
        channels = shape[-1]
        columns = [values[k::channels] for k in range(channels)]
        mean, variance = operands[3][1], operands[4][1]
        if attrs.get("training"):
            mean = [sum(c) / len(c) for c in columns]
            variance = [sum((v - m) ** 2 for v in c) / len(c) for c, m in zip(columns, mean)]
        y = [(v - mean[i % channels]) / math.sqrt(variance[i % channels] + epsilon) * scale[1][i % channels]
             + offset[1][i % channels] for i, v in enumerate(values)]
        extra = [([channels], mean), ([channels], variance)] if attrs.get("training") else []
        return [(shape, y)] + extra
    axis = axis_of(attrs, len(shape), -1)

    def line(v):
        mean = sum(v) / len(v) if op == "layer_norm" else 0.0
        variance = sum((a - mean) ** 2 for a in v) / len(v)
        return [(a - mean) / math.sqrt(variance + epsilon) for a in v]
    shape, values = along(x, axis, line)
    y = list(values)
    for row in lines(shape, axis):
        for k, p in enumerate(row):
            y[p] = values[p] * scale[1][k] + (offset[1][k] if offset else 0.0)
    return [(shape, y)]


def shape_op(op, operands, attrs):
    x = operands[0]
    shape, values = x
    rank = len(shape)
    if op == "reshape":
        new = list(attrs["shape"])
        if -1 in new:
            new[new.index(-1)] = size(shape) // -size(new)
        return [(new, values)]
    if op == "expand_dims":
        axis = axis_of(attrs, rank + 1)
        return [(shape[:axis] + [1] + shape[axis:], values)]
    if op == "squeeze":
        axes = [a % rank for a in pair_list(attrs["axes"])]
        return [([n for i, n in enumerate(shape) if i not in axes], values)]
    if op == "transpose":
        return [transpose(x, [p % rank for p in attrs["perm"]])]
    if op == "broadcast_to":
        return [(list(attrs["shape"]), broadcast(x, attrs["shape"]))]
    if op == "stack":
        axis = axis_of(attrs, rank + 1)
        joined = [(s[:axis] + [1] + s[axis:], v) for s, v in operands]
        return [concat(joined, axis)]
    if op == "concat":
        return [concat(operands, axis_of(attrs, rank))]
    if op == "split":
        axis, results, begin = axis_of(attrs, rank), [], 0
        for length in attrs["sizes"]:
            starts = [begin if i == axis else 0 for i in range(rank)]
            ends = [begin + length if i == axis else n for i, n in enumerate(shape)]
            results.append(part(x, starts, ends, [1] * rank))
            begin += length
        return results
    if op == "slice":
        strides = attrs.get("strides", 1)
        strides = [strides] * rank if isinstance(strides, int) else strides
        ends = [n if e is None else e for e, n in zip(attrs["end"], shape)]
        return [part(x, attrs["begin"], ends, strides)]
    if op == "pad":
        new = [n + a + b for n, (a, b) in zip(shape, attrs["paddings"])]
        result = [float(attrs.get("value", 0))] * size(new)
        for index in indices(shape):
            result[at(new, [i + a for i, (a, _) in zip(index, attrs["paddings"])])] = values[at(shape, index)]
        return [(new, result)]
    assert op == "gather", op
    axis, (ishape, picks) = axis_of(attrs, rank, 0), operands[1]
    new = shape[:axis] + ishape + shape[axis + 1:]
    result = []
    for index in indices(new):
        inner = index[axis:axis + len(ishape)]
        source = list(index[:axis]) + [int(picks[at(ishape, inner)])] + list(index[axis + len(ishape):])
        result.append(values[at(shape, source)])
    return [(new, result)]


def pair_list(value):
    return [value] if isinstance(value, int) else value


def part(x, begin, end, strides):
    shape, values = x
    ranges = [range(b, e, s) for b, e, s in zip(begin, end, strides)]
    return [len(r) for r in ranges], [values[at(shape, index)] for index in itertools.product(*ranges)]


def concat(tensors, axis):
    shape = list(tensors[0][0])
    shape[axis] = sum(t[0][axis] for t in tensors)
    result, begin = [0.0] * size(shape), 0
    for old, values in tensors:
        for index in indices(old):
            result[at(shape, [k + begin if i == axis else k for i, k in enumerate(index)])] = values[at(old, index)]
        begin += old[axis]
    return shape, result


def evaluate(op, operands, attrs):
    x = operands[0]
    rank = len(x[0])
    if op in UNARY:
        return [(x[0], [UNARY[op](v) for v in x[1]])]
    if op in BINARY:
        return [elementwise(BINARY[op], *operands)]
    if op == "gelu":
        return [(x[0], [gelu(v, attrs.get("approximate")) for v in x[1]])]
    if op == "elu":
        return [(x[0], [v if v > 0 else attrs.get("alpha", 1.0) * math.expm1(v) for v in x[1]])]
    if op == "leaky_relu":
        return [(x[0], [v if v > 0 else attrs.get("alpha", 0.2) * v for v in x[1]])]
    if op == "clip":
        return [(x[0], [min(max(v, attrs["min"]), attrs["max"]) for v in x[1]])]
    if op == "where":
        return [elementwise(lambda c, a, b: a if c else b, *operands)]
    if op == "add_n":
        return [(x[0], [sum(row) for row in zip(*(t[1] for t in operands))])]
    if op == "matmul":
        return [matmul(operands[0], operands[1], attrs)]
    if op == "bias_add":
        axis = axis_of(attrs, rank, -1)
        return [(x[0], [v + operands[1][1][index[axis]] for v, index in zip(x[1], indices(x[0]))])]
    if op in REDUCE:
        return [reduce(x, attrs, REDUCE[op])]
    if op == "softmax":
        return [along(x, axis_of(attrs, rank, -1), lambda v: [math.exp(a) for a in log_softmax(v)])]
    if op == "log_softmax":
        return [along(x, axis_of(attrs, rank, -1), log_softmax)]
    if op == "cumsum":
        return [along(x, axis_of(attrs, rank), lambda v: list(itertools.accumulate(v)))]
    if op in ("softmax_cross_entropy", "sparse_softmax_cross_entropy", "sigmoid_cross_entropy", "mean_squared_error"):
        return [losses(op, operands, attrs)]
    if op == "conv2d":
        return [convolution(operands[0], operands[1], attrs)]
    if op == "depthwise_conv2d":
        return [convolution(operands[0], operands[1], attrs, depthwise=True)]
    if op == "conv2d_transpose":
        return [convolution_transpose(operands[0], operands[1], attrs)]
    if op in ("max_pool2d", "avg_pool2d"):
        return [pool(x, attrs, max if op == "max_pool2d" else lambda v: sum(v) / len(v))]
    if op == "global_avg_pool2d":
        b, h, w, c = x[0]
        return [([b, c], [sum(x[1][at(x[0], [n, i, j, k])] for i in range(h) for j in range(w)) / (h * w)
                          for n, k in indices([b, c])])]
    if op in ("batch_norm", "layer_norm", "rms_norm"):
        return normalisation(op, operands, attrs)
    return shape_op(op, operands, attrs)
