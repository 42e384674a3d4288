"""The files that wrong uses of the programs are about: models and arrays, right
and wrong, all made from code."""

import gzip
import json
import os
import struct

# `bound COMMAND`: runs it without root's right to read and write everything.
BOUND = '''#!/usr/bin/env python3
import ctypes
import os
import sys

if os.geteuid() == 0:
    libc = ctypes.CDLL(None, use_errno=True)
    PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2
    for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
        if libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0):
            sys.exit("cannot drop capabilities")
os.execvp(sys.argv[1], sys.argv[1:])
'''


def write_tools(folder):
    os.makedirs(folder)
    path = os.path.join(folder, "bound")
    with open(path, "w") as file:
        file.write(BOUND)
    os.chmod(path, 0o755)


def node(name, op, inputs=(), **attrs):
    result = {"name": name, "op": op}
    if inputs:
        result["inputs"] = list(inputs)
    if attrs:
        result["attrs"] = attrs
    return result


def tensor(name, dtype, *shape):
    return {"name": name, "dtype": dtype, "shape": list(shape)}


def function(name, inputs, nodes, outputs, **more):
    return dict({"name": name, "inputs": inputs, "nodes": nodes, "outputs": outputs}, **more)


def graph(name, functions, variables=(), **more):
    file = {"format": "amp-graph", "version": "1.0", "name": name}
    file.update(more)
    if variables:
        file["variables"] = [dict(tensor(*v), **rest) for v, rest in variables]
    file["functions"] = functions
    return file


ZEROS = {"init": {"zeros": {}}}


def linear():
    """Softmax regression of two features on two classes."""
    x, labels = tensor("x", "float32", "batch", 2), tensor("labels", "int32", "batch")
    logits = node("logits", "matmul", ["x", "w"])
    train = [logits, node("loss", "sparse_softmax_cross_entropy", ["logits", "labels"])]
    update = train + [
        node("one", "constant", dtype="float32", shape=[], value=1),
        node("loss_grad", "sparse_softmax_cross_entropy_grad", ["one", "logits", "labels"]),
        node("w_grad", "matmul", ["x", "loss_grad"], transpose_a=True),
        node("w_update", "apply_sgd", ["w", "rate", "w_grad"])]
    return graph("linear", [
        function("predict", [x], [logits, node("scores", "softmax", ["logits"])], ["scores"]),
        function("train", [x, labels], update, ["loss"]),
        function("loss_only", [x, labels], train, ["loss"])],
        [(("w", "float32", 2, 2), ZEROS),
         (("rate", "float32"), {"init": {"constant": {"value": 0.5}}, "trainable": False})])


def plain():
    """The functions of it that update nothing."""
    file = linear()
    file["functions"] = [f for f in file["functions"] if f["name"] != "train"]
    return file


def unexpanded():
    """The same with a training section."""
    x, labels = tensor("x", "float32", "batch", 2), tensor("labels", "int32", "batch")
    nodes = [node("logits", "matmul", ["x", "w"]),
             node("loss", "sparse_softmax_cross_entropy", ["logits", "labels"])]
    return graph("unexpanded", [
        function("train", [x, labels], nodes, ["loss"],
                 training={"loss": "loss", "optimizer": {"sgd": {"learning_rate": 0.5}}})],
        [(("w", "float32", 2, 2), ZEROS)])


def training(**more):
    """The same with more, or something else, in its training section."""
    file = unexpanded()
    section = file["functions"][0]["training"]
    section.update(more)
    for key in [key for key, value in section.items() if value is None]:
        del section[key]
    return file


def safetensors(entries):
    """The bytes of a file; an entry is (name, dtype, shape, values)."""
    header, data = {}, b""
    for name, dtype, shape, values in entries:
        letter = {"F32": "f", "F16": "e", "I32": "i", "I64": "q"}[dtype]
        packed = struct.pack(f"<{len(values)}{letter}", *values)
        header[name] = {"dtype": dtype, "shape": shape,
                        "data_offsets": [len(data), len(data) + len(packed)]}
        data += packed
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def npy(descr, shape, data, fortran=False, version=1):
    """The bytes of a .npy file of version 1 or 2."""
    header = f"{{'descr': {descr!r}, 'fortran_order': {fortran}, 'shape': {shape!r}, }}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    length = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + length + header + data


def idx(code, dims, data):
    return bytes([0, 0, code, len(dims)]) + struct.pack(f">{len(dims)}I", *dims) + data


def mnist(folder, images=8, labels=8, classes=10, cut=0, magic=None, squeeze=False, rows=28):
    """The four IDX files, with what is wrong in those to train on."""
    os.makedirs(folder)
    for part, wrong in (("t10k", False), ("train", True)):
        count = images if wrong else 4
        pixels = idx(8, [count, rows, rows], bytes(count * rows * rows))
        classes_of = idx(8, [labels if wrong else 4],
                         bytes(i % classes for i in range(labels if wrong else 4)))
        if wrong and cut:
            pixels = pixels[:-cut]
        if wrong and magic:
            pixels = magic + pixels[4:]
        ending = ""
        if wrong and squeeze:
            # Noise, so that there is something left to cut.
            noise = bytes((i * i * 31 + i // 7) % 251 for i in range(count * rows * rows))
            pixels = gzip.compress(idx(8, [count, rows, rows], noise), mtime=0)[:-200]
            ending = ".gz"
        with open(os.path.join(folder, f"{part}-images-idx3-ubyte{ending}"), "wb") as file:
            file.write(pixels)
        with open(os.path.join(folder, f"{part}-labels-idx1-ubyte"), "wb") as file:
            file.write(classes_of)


def digits_model():
    """A model of images of 28 by 28 and labels."""
    images, labels = tensor("images", "float32", "batch", 784), tensor("labels", "int32", "batch")
    nodes = [node("logits", "matmul", ["images", "w"]),
             node("loss", "sparse_softmax_cross_entropy", ["logits", "labels"]),
             node("one", "constant", dtype="float32", shape=[], value=1),
             node("loss_grad", "sparse_softmax_cross_entropy_grad", ["one", "logits", "labels"]),
             node("w_grad", "matmul", ["images", "loss_grad"], transpose_a=True),
             node("w_update", "apply_sgd", ["w", "rate", "w_grad"])]
    return graph("digits", [function("train", [images, labels], nodes, ["loss"])],
                 [(("w", "float32", 784, 10), ZEROS),
                  (("rate", "float32"), {"init": {"constant": {"value": 0.5}}, "trainable": False})])


def with_weights(path="w.safetensors"):
    return graph("weighted", [function("f", [tensor("x", "float32", "batch", 2)],
                                       [node("y", "matmul", ["x", "k"])], ["y"])],
                 [(("k", "float32", 2, 2), {"weights": "k"})], weights=path)


def strange_ops():
    """Ops that no table knows: kept by amp-opt, more than amp-run can run."""
    types = [{"dtype": "float32", "shape": ["batch", 2]}]
    x = tensor("x", "float32", "batch", 2)
    nodes = [dict(node("a", "mylib.fancy", ["x"]), types=types),
             dict(node("b", "mylib.fancier", ["a"]), types=types),
             dict(node("c", "other.thing", ["b"]), types=types),
             node("d", "relu", ["c"])]
    return graph("strange", [function("f", [x], nodes, ["d"])])


def text_models():
    """Functions that give scores to what may follow four bytes, and some that do not."""
    tokens = [tensor("tokens", "int32", "batch", 4)]
    scores = node("scores", "gather", ["w", "tokens"])

    def more(name, *ops):
        nodes, value = [scores], "scores"
        for op in ops:
            nodes.append(node(op, op, [value]))
            value = op
        return function(name, tokens, nodes, [value])

    wide = node("scores", "gather", ["wide", "tokens"])
    largest = node("largest", "reduce_max", ["scores"], axes=2)
    return graph("text", [
        more("next"), more("never", "log"), more("always", "log", "neg"), more("unclear", "exp", "neg", "log"),
        function("wide", tokens, [wide], ["scores"]),
        function("flat", tokens, [scores, largest], ["largest"]),
        function("named", [tensor("tokens", "int32", "batch", "time")], [scores], ["scores"]),
        function("two", tokens + [tensor("x", "float32", "batch")], [scores], ["scores"])],
        [(("w", "float32", 128, 128), ZEROS), (("wide", "float32", 128, 300), ZEROS)])


def write(folder):
    os.makedirs(os.path.join(folder, "a-folder"))
    os.makedirs(os.path.join(folder, "folder.json"))

    def put(name, content):
        if not isinstance(content, (str, bytes)):
            content = json.dumps(content, indent=1)
        with open(os.path.join(folder, name), "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)

    put("linear.json", linear())
    put("plain.json", plain())
    put("unexpanded.json", unexpanded())
    put("text.json", text_models())
    put("digits.json", digits_model())
    put("warmup.json", training(schedule={"linear": {"warmup_steps": 20, "total_steps": 10}}))
    put("endless.json", training(schedule={"cosine": {"end": 0.1}}))
    put("no-decay.json", training(no_decay=["w"], optimizer={"rmsprop": {}}))
    put("no-decay-name.json", training(no_decay=["ww"], optimizer={"adamw": {}}))
    put("accumulate.json", training(accumulate_steps=0))
    put("momentum.json", training(optimizer={"sgd": {"momentum": 2}}))
    put("no-optimizer.json", training(optimizer=None))
    put("gradients.json", training(gradients={"w": "logits"}, loss_gradient="loss"))
    put("weighted.json", with_weights())
    put("absent-weights.json", with_weights("absent.safetensors"))
    put("strange.json", strange_ops())
    put("secret.json", plain())
    os.chmod(os.path.join(folder, "secret.json"), 0)
    put("locked.json", plain())
    os.chmod(os.path.join(folder, "locked.json"), 0o444)
    os.makedirs(os.path.join(folder, "closed"))
    os.chmod(os.path.join(folder, "closed"), 0o555)
    put("empty.json", "")
    put("notes.txt", "This is a text.\n")
    put("model.onnx", b"\x08\x08\x12\x07pytorch")
    put("bad.json", json.dumps(plain(), indent=1).replace("matmul", "matmull"))
    os.symlink("loop.json", os.path.join(folder, "loop.json"))

    # Arrays for one call.
    x = struct.pack("<6f", 1, 0, 0, 1, 2, 2)
    put("x.npy", npy("<f4", (3, 2), x))
    put("labels.npy", npy("<i4", (3,), struct.pack("<3i", 0, 1, 1)))
    put("labels-two.npy", npy("<i4", (3,), struct.pack("<3i", 0, 1, 2)))
    put("labels-negative.npy", npy("<i4", (3,), struct.pack("<3i", 0, -1, 1)))
    put("labels-four.npy", npy("<i4", (4,), struct.pack("<4i", 0, 1, 1, 0)))
    put("labels-large.npy", npy("<i8", (3,), struct.pack("<3q", 0, 1, 1 << 40)))
    put("wide.npy", npy("<f4", (2, 3), x))
    put("flat.npy", npy("<f4", (6,), x))
    put("integers.npy", npy("<i4", (3, 2), struct.pack("<6i", *range(6))))
    put("big-endian.npy", npy(">f4", (3, 2), x))
    put("fortran.npy", npy("<f4", (3, 2), x, fortran=True))
    put("object.npy", npy("|O", (3,), b"\x80\x04N."))
    put("structured.npy", npy([("a", "<f4")], (3,), x))
    put("complex.npy", npy("<c8", (3,), x))
    put("text.npy", npy("<U4", (1,), x))
    put("cut.npy", npy("<f4", (3, 2), x)[:-3])
    put("long.npy", npy("<f4", (3, 2), x + b"more"))
    put("header-cut.npy", npy("<f4", (3, 2), x)[:40])
    put("negative.npy", npy("<f4", (-3, 2), x))
    put("huge.npy", npy("<f4", (1 << 62, 1 << 62), x))
    put("version9.npy", npy("<f4", (3, 2), x).replace(b"NUMPY\x01", b"NUMPY\x09"))
    put("empty.npy", b"")
    put("archive.npy", b"PK\x03\x04 an archive of arrays")

    # Data to train on, weights and checkpoints.
    features = [float(i % 5 - 2) for i in range(32)]
    labels = [i % 2 for i in range(16)]
    good = safetensors([("x", "F32", [16, 2], features), ("labels", "I32", [16], labels)])
    put("data.safetensors", good)
    put("data-label.safetensors", safetensors(
        [("x", "F32", [16, 2], features), ("labels", "I32", [16], labels[:9] + [7] + labels[10:])]))
    put("data-uneven.safetensors", safetensors(
        [("x", "F32", [16, 2], features), ("labels", "I32", [4], labels[:4])]))
    put("data-scalar.safetensors", safetensors([("x", "F32", [], [1.0])]))
    put("data-nothing.safetensors", safetensors([]))
    put("data-no-examples.safetensors", safetensors(
        [("x", "F32", [0, 2], []), ("labels", "I32", [0], [])]))
    put("data-cut.safetensors", good[:-5])
    put("data-header.safetensors", good[:20])
    put("data-hole.safetensors", good.replace(b"[128, 192]", b"[132, 196]") + bytes(4))
    put("data-dtype.safetensors", good.replace(b'"I32"', b'"I33"'))
    put("data-json.safetensors", good.replace(b'{"x"', b'["x"'))
    put("w.safetensors", safetensors([("k", "F32", [2, 2], [1, 2, 3, 4])]))
    put("checkpoint.safetensors", safetensors(
        [("w", "F32", [2, 2], [0] * 4), ("rate", "F32", [], [0.5])]))
    put("checkpoint-other.safetensors", safetensors(
        [("w", "F32", [2, 3], [0] * 6), ("bias", "F32", [1], [0])]))
    put("checkpoint-float16.safetensors", safetensors(
        [("w", "F16", [2, 2], [0] * 4), ("rate", "F32", [], [0.5])]))

    # MNIST as IDX files.
    mnist(os.path.join(folder, "mnist-good"))
    mnist(os.path.join(folder, "mnist-count"), labels=7)
    mnist(os.path.join(folder, "mnist-cut"), cut=10)
    mnist(os.path.join(folder, "mnist-magic"), magic=b"\0\0\x07\x03")
    mnist(os.path.join(folder, "mnist-header"), cut=8 * 784 + 6)
    mnist(os.path.join(folder, "mnist-gz"), squeeze=True)
    mnist(os.path.join(folder, "mnist-label"), classes=8, labels=8)
    with open(os.path.join(folder, "mnist-label", "train-labels-idx1-ubyte"), "r+b") as file:
        file.seek(8 + 5)
        file.write(b"\x0a")
    mnist(os.path.join(folder, "mnist-size"), rows=27)
    os.makedirs(os.path.join(folder, "mnist-part"))

    # Policies.
    put("policy-cut.json", '{"name": "mine", "lists": {"allow": ["matmul"')
    put("policy-list.json", '["matmul"]\n')
    put("policy-key.json", '{"name": "mine", "list": {}}\n')
    put("policy-op.json", '{"name": "mine", "lists": {"allow": ["matmull"]}}\n')
    put("policy-twice.json", '{"name": "mine", "lists": {"allow": ["matmul"], "deny": ["matmul"]}}\n')
    put("policy-kind.json", '{"name": "mine", "lists": {"permit": ["matmul"]}}\n')
    put("policy-loop.json", '{"name": "mine", "extends": "policy-loop.json"}\n')
    put("policy-base.json", '{"name": "mine", "extends": "defualt"}\n')
    put("policy-rule.json", '{"name": "mine", "extends": "default", "infer_rule": {"float16": "after"}}\n')
    put("policy-outputs.json", '{"name": "mine", "extends": "default", "outputs": "values"}\n')
