"""Fails on an op of a dialect that its models do not describe, and on one that the
dialect does not have.

    complete.py MODELS.json OPS.txt
"""

import json
import sys


def main(models, ops):
    with open(models, encoding="utf-8") as f:
        models = json.load(f)
    with open(ops, encoding="utf-8") as f:
        wanted = {line.strip() for line in f if not line.startswith("#")}
    described = set(models["ops"])
    for name, dialect in models["dialects"].items():
        for op in (dialect.get("cast"), dialect.get("constant", {}).get("op")):
            if op:
                described.add(name + "." + op)
    failed = ["described by nothing: " + op for op in sorted(wanted - described)]
    failed += ["no op of the dialect: " + op for op in sorted(described - wanted)]
    for name, op in models["ops"].items():
        for listing in [op] + list(op.get("bodies", {}).values()):
            if not ("as" in listing or "list" in listing):
                failed.append("on no list: " + name)
        failed += ["no op of the dialect: " + body for body in op.get("bodies", {}) if body not in wanted]
    print("\n".join(failed) or "%d ops" % len(described))
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
