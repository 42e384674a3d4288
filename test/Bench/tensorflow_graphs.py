# GraphDefs of any size as binary files, written without protobuf: what the
# benchmarks of TensorFlow graphs read.
#
#   tensorflow_graphs.py KIND SIZE FILE.pb
#
# KIND: network (blocks of a residual network with a softmax now and then), list
# (one tensor-list cluster), users (one value with SIZE users), inputs (one node
# with SIZE inputs).

import struct
import sys

FLOAT, INT32, VARIANT = 1, 3, 21


def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def field(number, payload):
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def attr(name, value):
    return field(5, field(1, name.encode()) + field(2, value))


def type_attr(name, dtype):
    return attr(name, varint(6 << 3) + varint(dtype))


def int_attr(name, value):
    return attr(name, varint(3 << 3) + varint(value))


def node(name, op, inputs=(), attrs=b""):
    body = field(1, name.encode()) + field(2, op.encode())
    for i in inputs:
        body += field(3, i.encode())
    return field(1, body + attrs)


T = type_attr("T", FLOAT)
SHAPE = attr("shape", field(7, varint(3 << 3) + varint(1)))


def network(size):
    yield node("x", "Placeholder", attrs=type_attr("dtype", FLOAT) + SHAPE)
    kernels = 16
    one = struct.pack("<f", 0.5)
    value = attr("value", field(8, varint(1 << 3) + varint(FLOAT) + field(2, b"") + field(5, one)))
    for k in range(kernels):
        for what in ("kernel", "bias"):
            yield node("%s_%d" % (what, k), "Const", attrs=type_attr("dtype", FLOAT) + value)
    count, block, x = 2 * kernels + 1, 0, "x"
    while count + 7 <= size:
        stem, k = "block_%d/" % block, block % kernels
        yield node(stem + "MatMul", "MatMul", [x, "kernel_%d" % k], T)
        yield node(stem + "BiasAdd", "BiasAdd", [stem + "MatMul", "bias_%d" % k], T)
        yield node(stem + "Relu", "Relu", [stem + "BiasAdd"], T)
        yield node(stem + "add", "AddV2", [stem + "Relu", x], T)
        yield node(stem + "Tanh", "Tanh", [stem + "add"], T)
        count, x = count + 5, stem + "Tanh"
        if block % 10 == 9:
            yield node(stem + "Softmax", "Softmax", [x], T)
            count, x = count + 1, stem + "Softmax"
        block += 1
    yield node("fetch", "Identity", [x], T)


def tensor_list(size):
    e, s = type_attr("element_dtype", FLOAT), type_attr("shape_type", INT32)
    yield node("x", "Placeholder", attrs=type_attr("dtype", FLOAT) + SHAPE)
    yield node("n", "Placeholder", attrs=type_attr("dtype", INT32) + SHAPE)
    yield node("m", "MatMul", ["x", "x"], T)
    yield node("list", "EmptyTensorList", ["n", "n"], e + s)
    handle = "list"
    # Writers, and after each a reader.
    for i in range((size - 6) // 2):
        yield node("push_%d" % i, "TensorListPushBack", [handle, "m"], e)
        handle = "push_%d" % i
        yield node("get_%d" % i, "TensorListGetItem", [handle, "n", "n"], e)
    yield node("stack", "TensorListStack", [handle, "n"], e)
    yield node("product", "MatMul", ["stack", "stack"], T)
    yield node("fetch", "Identity", ["product"], T)


def users(size):
    yield node("x", "Placeholder", attrs=type_attr("dtype", FLOAT) + SHAPE)
    yield node("m", "MatMul", ["x", "x"], T)
    for i in range(size):
        yield node("user_%d" % i, ("Relu", "Tanh", "Exp")[i % 3], ["m"], T)
    yield node("fetch", "Identity", ["m"], T)


def inputs(size):
    yield node("x", "Placeholder", attrs=type_attr("dtype", FLOAT) + SHAPE)
    for i in range(size):
        yield node("m_%d" % i, "MatMul", ["x", "x"], T)
    yield node("sum", "AddN", ["m_%d" % i for i in range(size)], T + int_attr("N", size))
    yield node("product", "MatMul", ["sum", "sum"], T)
    yield node("fetch", "Identity", ["product"], T)


KINDS = {"network": network, "list": tensor_list, "users": users, "inputs": inputs}


def write(kind, size, path):
    """Writes the file; returns its number of nodes."""
    parts = list(KINDS[kind](size))
    with open(path, "wb") as f:
        f.write(b"".join(parts))
    return len(parts)


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] not in KINDS:
        sys.exit("usage: tensorflow_graphs.py network|list|users|inputs SIZE FILE.pb")
    print(write(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
