# Writes the graph files of well-known networks, in any size:
#
#   networks.py NAME [--PARAMETER=VALUE ...] -o FILE.json
#   networks.py --list                        the networks, their parameters and defaults
#
# Each file has a function `train` with a training section, and `predict` with the
# same variables. `text` is no network: it cuts texts into examples for `gpt`,
#
#   networks.py text FILE... --length=128 -o FILE.safetensors
#
# bytes as numbers, `labels` one byte behind `tokens`. Python standard library only.

import inspect
import json
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from graph_builder import Model  # noqa: E402
from safetensor_files import write_safetensors  # noqa: E402


def training(optimizer, **settings):
    extra = {k: settings.pop(k) for k in ("clip_norm", "schedule", "no_decay") if settings.get(k)}
    return dict({"loss": "loss", "optimizer": {optimizer: {k: v for k, v in settings.items() if v is not None}}},
                **extra)


def classifier(model, inputs, section, body):
    """`train` and `predict` of a network that gives logits: body(function) -> value."""
    for name, part in (("predict", None), ("train", section)):
        given = dict(inputs, labels=("int32", ["batch"])) if part else inputs
        f = model.function(name, given, part)
        logits = body(f)
        if part:
            f.outputs = [f.op("loss", "sparse_softmax_cross_entropy", logits, "labels")]
        else:
            f.outputs = [f.op("probabilities", "softmax", logits)]
    return model


def cnn(size=28, channels=1, filters=16, width=128, classes=10, learning_rate=0.002):
    """LeNet-like: two 5x5 convolutions with batch norm and pooling, two dense layers."""
    model = Model("cnn", "Two convolutions with batch norm and two dense layers, for images of digits.")

    def body(f):
        x, n, before = "images", size, channels
        for i, after in enumerate((filters, 2 * filters), 1):
            layer = "conv_%d" % i
            x = f.conv(layer, x, before, after, 5)
            x = f.op(layer + "/relu", "relu", f.batch_norm(layer + "/norm", x, after))
            x = f.op(layer + "/pool", "max_pool2d", x, window=2)
            n, before = n // 2, after
        flat = n * n * before
        x = f.op("flat", "reshape", x, shape=["batch", flat])
        x = f.op("dense_1/relu", "relu", f.dense("dense_1", x, flat, width, "he_normal"))
        return f.dense("out", x, width, classes)

    return classifier(model, {"images": ("float32", ["batch", size, size, channels])},
                      training("adam", learning_rate=learning_rate), body)


def lenet(size=28, channels=1, classes=10, learning_rate=0.1):
    """LeNet-5 with its own sizes: 6 and 16 filters, dense layers of 120 and 84."""
    model = Model("lenet", "LeNet-5: 6 and 16 filters of 5x5, dense layers of 120 and 84.")

    def body(f):
        x, n, before = "images", size, channels
        for i, after in enumerate((6, 16), 1):
            layer = "conv_%d" % i
            x = f.op(layer + "/bias_add", "bias_add", f.conv(layer, x, before, after, 5),
                     f.variable(layer + "/bias", [after], "zeros"))
            x = f.op(layer + "/pool", "avg_pool2d", f.op(layer + "/tanh", "tanh", x), window=2)
            n, before = n // 2, after
        flat = n * n * before
        x = f.op("flat", "reshape", x, shape=["batch", flat])
        x = f.op("dense_1/tanh", "tanh", f.dense("dense_1", x, flat, 120))
        x = f.op("dense_2/tanh", "tanh", f.dense("dense_2", x, 120, 84))
        return f.dense("out", x, 84, classes)

    return classifier(model, {"images": ("float32", ["batch", size, size, channels])},
                      training("sgd", learning_rate=learning_rate), body)


def norm_relu(f, name, x, channels, layout, relu=True):
    y = f.batch_norm(name + "/norm", x, channels, layout)
    return f.op(name + "/relu", "relu", y) if relu else y


def basic_block(f, name, x, before, after, strides, layout):
    y = norm_relu(f, name + "/1", f.conv(name + "/1", x, before, after, 3, strides, layout), after, layout)
    y = norm_relu(f, name + "/2", f.conv(name + "/2", y, after, after, 3, 1, layout), after, layout, relu=False)
    if strides != 1 or before != after:
        x = norm_relu(f, name + "/short", f.conv(name + "/short", x, before, after, 1, strides, layout), after,
                      layout, relu=False)
    return f.op(name + "/relu", "relu", f.op(name + "/add", "add", y, x))


def resnet_cifar(layers=20, size=32, channels=3, width=16, classes=10, layout="NHWC", learning_rate=0.1):
    """ResNet of basic blocks for small images; layers = 6 n + 2."""
    blocks = (layers - 2) // 6
    if layers != 6 * blocks + 2 or not blocks:
        raise SystemExit("networks.py: layers is 6 n + 2: 8, 14, 20, 32, …")
    model = Model("resnet_cifar", "ResNet-%d of basic blocks for images of %dx%d." % (layers, size, size))

    def body(f):
        x = norm_relu(f, "stem", f.conv("stem", "images", channels, width, 3, 1, layout), width, layout)
        before = width
        for stage in range(3):
            after = width << stage
            for i in range(blocks):
                strides = 2 if stage and not i else 1
                x = basic_block(f, "stage_%d/block_%d" % (stage + 1, i + 1), x, before, after, strides, layout)
                before = after
        pooled = f.op("pool", "global_avg_pool2d", x, **layout_attr(layout))
        return f.dense("out", pooled, before, classes)

    return classifier(model, {"images": ("float32", image_shape(size, channels, layout))},
                      training("sgd", learning_rate=learning_rate, momentum=0.9, weight_decay=1e-4), body)


def layout_attr(layout):
    return {} if layout == "NHWC" else {"layout": layout}


def image_shape(size, channels, layout):
    return ["batch", size, size, channels] if layout == "NHWC" else ["batch", channels, size, size]


def bottleneck(f, name, x, before, middle, strides, layout):
    after = 4 * middle
    y = norm_relu(f, name + "/1", f.conv(name + "/1", x, before, middle, 1, 1, layout), middle, layout)
    # v1.5: the stride is on the 3x3 convolution.
    y = norm_relu(f, name + "/2", f.conv(name + "/2", y, middle, middle, 3, strides, layout), middle, layout)
    y = norm_relu(f, name + "/3", f.conv(name + "/3", y, middle, after, 1, 1, layout), after, layout, relu=False)
    if strides != 1 or before != after:
        x = norm_relu(f, name + "/short", f.conv(name + "/short", x, before, after, 1, strides, layout), after,
                      layout, relu=False)
    return f.op(name + "/relu", "relu", f.op(name + "/add", "add", y, x))


def resnet50(size=224, channels=3, width=64, classes=1000, layout="NHWC", stages="3,4,6,3", learning_rate=0.1):
    """ResNet-50 v1.5 of bottleneck blocks; stages counts them."""
    model = Model("resnet50", "ResNet-50 v1.5, images of %dx%d." % (size, size))

    def body(f):
        x = norm_relu(f, "stem", f.conv("stem", "images", channels, width, 7, 2, layout), width, layout)
        x = f.op("stem/pool", "max_pool2d", x, window=3, strides=2, padding="same", **layout_attr(layout))
        before = width
        for stage, blocks in enumerate(int(n) for n in stages.split(",")):
            for i in range(blocks):
                strides = 2 if stage and not i else 1
                x = bottleneck(f, "stage_%d/block_%d" % (stage + 1, i + 1), x, before, width << stage, strides, layout)
                before = 4 * (width << stage)
        pooled = f.op("pool", "global_avg_pool2d", x, **layout_attr(layout))
        return f.dense("out", pooled, before, classes)

    return classifier(model, {"images": ("float32", image_shape(size, channels, layout))},
                      training("sgd", learning_rate=learning_rate, momentum=0.9, weight_decay=1e-4), body)


def mlp_block(f, name, x, width, hidden, activation, init="glorot_uniform", **attrs):
    y = f.dense(name + "/in", x, width, hidden, init)
    return f.dense(name + "/out", f.op(name + "/" + activation, activation, y, **attrs), hidden, width, init)


def encoder(layers=2, width=64, heads=4, patch=4, size=28, classes=10, dropout=0.0, learning_rate=0.001):
    """Transformer encoder that classifies images cut into patches (pre-norm)."""
    side = size // patch
    if side * patch != size:
        raise SystemExit("networks.py: the patch divides the size")
    length = side * side
    model = Model("encoder", "Transformer encoder over the %dx%d patches of an image." % (patch, patch))

    def body(f):
        x = f.op("patches/grid", "reshape", "images", shape=["batch", side, patch, side, patch])
        x = f.op("patches/order", "transpose", x, perm=[0, 1, 3, 2, 4])
        x = f.op("patches", "reshape", x, shape=["batch", length, patch * patch])
        x = f.dense("embed", x, patch * patch, width)
        x = f.op("positioned", "add", x, f.variable("position", [length, width], ("normal", {"stddev": 0.02})))
        for i in range(layers):
            name = "layer_%d" % (i + 1)
            y = f.layer_norm(name + "/norm_1", x, width)
            y = f.attention(name + "/attention", y, length, width, heads, dropout=dropout)
            x = f.op(name + "/add_1", "add", x, f.dropout(name + "/dropout_1", y, dropout))
            y = mlp_block(f, name + "/mlp", f.layer_norm(name + "/norm_2", x, width), width, 4 * width, "gelu")
            x = f.op(name + "/add_2", "add", x, f.dropout(name + "/dropout_2", y, dropout))
        x = f.layer_norm("norm", x, width)
        return f.dense("out", f.op("mean", "reduce_mean", x, axes=[1]), width, classes)

    return classifier(model, {"images": ("float32", ["batch", size, size])},
                      training("adam", learning_rate=learning_rate), body)


def gpt(layers=2, width=64, heads=4, length=64, vocabulary=256, dropout=0.0, learning_rate=0.001, warmup=20):
    """GPT-2-style decoder: pre-norm, causal, the embedding is the last product's weight too."""
    model = Model("gpt", "GPT-2-style decoder, %d layers of width %d, %d tokens of %d." % (
        layers, width, length, vocabulary))
    init = ("normal", {"stddev": 0.02})

    def body(f):
        table = f.variable("embedding", [vocabulary, width], init)
        x = f.op("embed", "gather", table, "tokens")
        x = f.op("positioned", "add", x, f.variable("position", [length, width], init))
        x = f.dropout("dropout", x, dropout)
        mask = f.causal_mask("mask", length)
        for i in range(layers):
            name = "layer_%d" % (i + 1)
            y = f.layer_norm(name + "/norm_1", x, width)
            y = f.attention(name + "/attention", y, length, width, heads, mask, dropout=dropout, init=init)
            x = f.op(name + "/add_1", "add", x, f.dropout(name + "/dropout_1", y, dropout))
            y = f.layer_norm(name + "/norm_2", x, width)
            y = mlp_block(f, name + "/mlp", y, width, 4 * width, "gelu", init, approximate=True)
            x = f.op(name + "/add_2", "add", x, f.dropout(name + "/dropout_2", y, dropout))
        x = f.layer_norm("norm", x, width)
        return f.op("logits", "matmul", x, table, transpose_b=True)

    tokens = {"tokens": ("int32", ["batch", length])}
    f = model.function("predict", tokens)
    f.outputs = [body(f)]
    schedule = {"constant": {"warmup_steps": warmup}} if warmup else None
    f = model.function("train", dict(tokens, labels=("int32", ["batch", length])),
                       training("adamw", learning_rate=learning_rate, weight_decay=0.01, clip_norm=1.0,
                                schedule=schedule))
    f.outputs = [f.op("loss", "sparse_softmax_cross_entropy", body(f), "labels")]
    return model


def gpt2_124m(layers=12, width=768, heads=12, length=1024, vocabulary=50257, dropout=0.0):
    """GPT-2 with 124 million parameters."""
    return gpt(layers, width, heads, length, vocabulary, dropout, learning_rate=6e-4, warmup=2000)


def bert_base(layers=12, width=768, heads=12, length=128, vocabulary=30522, predictions=20, dropout=0.0,
              learning_rate=1e-4):
    """BERT-base: post-norm encoder, trained to name the tokens at `predictions` positions of each sequence."""
    model = Model("bert_base", "BERT-base-like encoder with a language-model head.")
    init = ("normal", {"stddev": 0.02})

    def body(f):
        table = f.variable("embedding", [vocabulary, width], init)
        x = f.op("embed/tokens", "gather", table, "tokens")
        x = f.op("embed/positioned", "add", x, f.variable("position", [length, width], init))
        kinds = f.op("embed/segments", "gather", f.variable("segment", [2, width], init), "segments")
        x = f.layer_norm("embed/norm", f.op("embed/sum", "add", x, kinds), width, 1e-12)
        x = f.dropout("embed/dropout", x, dropout)
        # 0 where a token stands, -10000 at padding, for every head and query.
        hidden = f.op("mask/hidden", "sub", f.scalar("mask/one", 1.0), "mask")
        bias = f.op("mask/bias", "mul", hidden, f.scalar("mask/large", -1e4))
        bias = f.op("mask/shaped", "reshape", bias, shape=["batch", 1, 1, length])
        for i in range(layers):
            name = "layer_%d" % (i + 1)
            y = f.attention(name + "/attention", x, length, width, heads, bias=bias, dropout=dropout, init=init)
            y = f.op(name + "/add_1", "add", x, f.dropout(name + "/dropout_1", y, dropout))
            x = f.layer_norm(name + "/norm_1", y, width, 1e-12)
            y = mlp_block(f, name + "/mlp", x, width, 4 * width, "gelu", init)
            y = f.op(name + "/add_2", "add", x, f.dropout(name + "/dropout_2", y, dropout))
            x = f.layer_norm(name + "/norm_2", y, width, 1e-12)
        # The rows of the positions asked for, by a product, as BERT does on TPUs.
        chosen = f.op("head/chosen", "one_hot", "positions", depth=length)
        x = f.op("head/rows", "matmul", chosen, x)
        x = f.op("head/gelu", "gelu", f.dense("head/dense", x, width, width, init))
        x = f.op("head/matmul", "matmul", f.layer_norm("head/norm", x, width, 1e-12), table, transpose_b=True)
        return f.op("logits", "bias_add", x, f.variable("head/bias", [vocabulary], "zeros"))

    inputs = {"tokens": ("int32", ["batch", length]), "segments": ("int32", ["batch", length]),
              "mask": ("float32", ["batch", length]), "positions": ("int32", ["batch", predictions])}
    f = model.function("predict", inputs)
    f.outputs = [body(f)]
    f = model.function("train", dict(inputs, labels=("int32", ["batch", predictions])),
                       training("adamw", learning_rate=learning_rate, weight_decay=0.01, clip_norm=1.0))
    f.outputs = [f.op("loss", "sparse_softmax_cross_entropy", body(f), "labels")]
    return model


def lstm(layers=1, width=64, length=28, features=28, classes=10, learning_rate=0.002):
    """LSTM unrolled over time, that classifies from its last state."""
    model = Model("lstm", "LSTM of width %d, unrolled over %d steps." % (width, length))

    def step(f, name, layer, x, h, c, inputs):
        kernel = f.variable(layer + "/kernel", [inputs, 4 * width], "glorot_uniform")
        gates = f.op(name + "/input", "matmul", x, kernel)
        if h:
            recurrent = f.variable(layer + "/recurrent", [width, 4 * width], "glorot_uniform")
            gates = f.op(name + "/sum", "add", gates, f.op(name + "/state", "matmul", h, recurrent))
        gates = f.op(name + "/gates", "bias_add", gates, f.variable(layer + "/bias", [4 * width], "zeros"))
        parts = f.op(name + "/parts", "split", gates, axis=-1, sizes=[width] * 4)
        write = f.op(name + "/write", "sigmoid", parts)
        new = f.op(name + "/new", "mul", write, f.op(name + "/candidate", "tanh", parts + ":2"))
        if c:
            keep = f.op(name + "/keep", "sigmoid", parts + ":1")
            new = f.op(name + "/cell", "add", f.op(name + "/kept", "mul", keep, c), new)
        show = f.op(name + "/show", "sigmoid", parts + ":3")
        return f.op(name + "/output", "mul", show, f.op(name + "/shown", "tanh", new)), new

    def body(f):
        rows = f.op("rows", "split", "images", axis=1, sizes=[1] * length)
        xs = [f.op("row_%d" % (t + 1), "squeeze", rows if t == 0 else "%s:%d" % (rows, t), axes=[1])
              for t in range(length)]
        for i in range(layers):
            h = c = None
            for t in range(length):
                h, c = step(f, "lstm_%d/step_%d" % (i + 1, t + 1), "lstm_%d" % (i + 1), xs[t], h, c,
                            width if i else features)
                xs[t] = h
        return f.dense("out", xs[-1], width, classes)

    return classifier(model, {"images": ("float32", ["batch", length, features])},
                      training("adam", learning_rate=learning_rate, clip_norm=1.0), body)


NETWORKS = {f.__name__: f for f in
            (cnn, lenet, resnet_cifar, resnet50, encoder, gpt, gpt2_124m, bert_base, lstm)}


def text_examples(data, length, stride=None):
    """Windows of a text, `stride` bytes apart (half of one by default): the bytes of
    each, and those that follow each byte."""
    starts = range(0, len(data) - length, stride or max(1, length // 2))
    if not len(starts):
        raise SystemExit("networks.py: the text is shorter than %d bytes" % (length + 1))
    return {name: ("U8", [len(starts), length], b"".join(data[s + off:s + off + length] for s in starts))
            for name, off in (("tokens", 0), ("labels", 1))}


def list_networks():
    for name, make in NETWORKS.items():
        print("%s: %s" % (name, make.__doc__.strip().split("\n")[0]))
        print("    " + " ".join("%s=%s" % (p.name, p.default) for p in inspect.signature(make).parameters.values()))


def parse(arguments):
    """Positional words, parameters, and the output file."""
    words, given, out = [], {}, None
    arguments = list(arguments)
    while arguments:
        argument = arguments.pop(0)
        if argument == "-o":
            out = arguments.pop(0) if arguments else None
        elif argument.startswith("--"):
            name, _, value = argument[2:].partition("=")
            given[name.replace("-", "_")] = value
        else:
            words.append(argument)
    return words, given, out


def make(name, **given):
    """A network by name; the parameters may be text, as a command line has them."""
    if name not in NETWORKS:
        raise SystemExit("networks.py: no network '%s'; there are %s" % (name, ", ".join(NETWORKS)))
    known = inspect.signature(NETWORKS[name]).parameters
    for key, value in given.items():
        if key not in known:
            raise SystemExit("networks.py: '%s' has no parameter '%s'; it has %s" % (name, key, ", ".join(known)))
        kind = type(known[key].default)
        try:
            given[key] = kind(value)
        except ValueError:
            raise SystemExit("networks.py: --%s takes a value like %s, not '%s'" % (key, known[key].default, value))
    return NETWORKS[name](**given)


def main(arguments):
    words, given, out = parse(arguments)
    if "list" in given:
        list_networks()
        return 0
    if not words or not out:
        raise SystemExit("usage: networks.py NAME [--PARAMETER=VALUE ...] -o FILE, or networks.py --list")
    if words[0] == "text":
        data = b""
        for path in words[1:]:
            with open(path, "rb") as f:
                data += f.read()
        arrays = text_examples(data, int(given.get("length", 64)), int(given["stride"]) if "stride" in given else None)
        write_safetensors(out, arrays)
        print("%s: %d examples" % (out, arrays["tokens"][1][0]))
        return 0
    model = make(words[0], **given)
    with open(out, "w", encoding="utf-8") as f:
        f.write(model.text())
    print("%s: %s parameters" % (out, format(model.parameters(), ",")))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
