#!/usr/bin/env python3
"""Makes OpTable.txt from a JSON dump of TensorFlow's op and kernel registries.

usage: make_op_table.py OPDEFS.json[.gz] > OpTable.txt

The dump says for each op its inputs and outputs, its attributes, and for each
type attribute whether a float16 or bfloat16 kernel is registered on GPU and
CPU. One line an op, tab-separated:

  name  flags  inputs  outputs  attributes  half_gpu  bf16_gpu  half_cpu  bf16_cpu

flags       s: stateful
port        NAME:SPEC, with an & behind it for a reference. SPEC is a type
            attribute, =C for a fixed type, N*T or N*=C for N of them, @L for
            the types of a list attribute
attribute   NAME:t (type), :T (list(type)), :i (int), :o (other); behind t or T
            the allowed types in brackets, then ?C, the default; behind an i that
            is a number of ports ?N, its default
kernels     NAME for each type attribute with a kernel whatever the other
            attributes are; NAME(A=CC;B=C|A=C) where one of the alternatives
            must hold, A="x,y" for an attribute that is a string

C is a type: A to Z for the numbers 1 to 26 of TensorFlow's DataType, a to z for
27 to 52.
"""
import gzip
import json
import sys

NUMBERS = {name: i for i, name in enumerate(
    "invalid float double int32 uint8 int16 int8 string complex64 int64 bool qint8 quint8 qint32 "
    "bfloat16 qint16 quint16 uint16 complex128 half resource variant uint32 uint64 float8_e5m2 "
    "float8_e4m3fn float8_e4m3fnuz float8_e4m3b11fnuz float8_e5m2fnuz int4 uint4 int2 uint2 "
    "float4_e2m1fn".split())}


def code(dtype):
    number = NUMBERS[dtype]
    return chr(64 + number) if number <= 26 else chr(70 + number)


def codes(dtypes):
    return "".join(sorted(code(t) for t in dtypes))


def port(p):
    if "type_list_attr" in p:
        spec = "@" + p["type_list_attr"]
    else:
        spec = p["type_attr"] if "type_attr" in p else "=" + code(p["type"])
        if "number_attr" in p:
            spec = p["number_attr"] + "*" + spec
    return p["name"] + ":" + spec + ("&" if p.get("is_ref") else "")


def attribute(name, a, numbers):
    kind = {"type": "t", "list(type)": "T", "int": "i"}.get(a["type"], "o")
    text = name + ":" + kind
    if kind in "tT":
        if a.get("allowed"):
            text += "[" + codes(a["allowed"]) + "]"
        if "default" in a:
            default = a["default"]
            text += "?" + ("".join(code(t) for t in default) if isinstance(default, list) else code(default))
    elif name in numbers and "default" in a:
        text += "?%d" % a["default"]
    return text


def condition(name, values):
    if all(v in NUMBERS for v in values):
        return name + "=" + codes(values)
    return name + '="' + ",".join(sorted(values)) + '"'


def kernels(table):
    out = []
    for name, when in table.items():
        if when is True:
            out.append(name)
        elif when:
            out.append(name + "(" + "|".join(
                ";".join(condition(k, v) for k, v in entry.items()) for entry in when) + ")")
    return " ".join(out)


# What the dump leaves out of the kernels that 2.21 registers: on a CPU these two
# know one format. "" is an attribute that is not there, whose default is NHWC.
CORRECTIONS = {(op, key): {"T": [{"data_format": ["", "NHWC"]}]}
               for op in ("DepthToSpace", "SpaceToDepth") for key in ("half_cpu", "bf16_cpu")}


def main(path):
    with (gzip.open(path, "rt") if path.endswith(".gz") else open(path)) as f:
        ops = json.load(f)["ops"]
    for (op, key), right in CORRECTIONS.items():
        ops[op][key] = right
    print("# Made by make_op_table.py, which explains it.")
    for name in sorted(ops):
        op = ops[name]
        numbers = {p.get("number_attr") for p in op["inputs"] + op["outputs"]}
        fields = [name, "s" if op["stateful"] else "",
                  " ".join(map(port, op["inputs"])), " ".join(map(port, op["outputs"])),
                  " ".join(attribute(k, v, numbers) for k, v in op["attrs"].items())]
        fields += [kernels(op.get(k, {})) for k in ("half_gpu", "bf16_gpu", "half_cpu", "bf16_cpu")]
        print("\t".join(fields))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
