# Pieces of GraphDefs as dicts in proto3 JSON form.


def node(name, op, inputs=(), **attrs):
    n = {"name": name, "op": op}
    if inputs:
        n["input"] = list(inputs)
    if attrs:
        n["attr"] = attrs
    return n
