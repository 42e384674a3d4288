"""Checks models files against docs/amp-op-models.schema.json, and that files which are
wrong in one place are refused both there and by amp-opt.

    schema.py SCHEMA AMP-OPT MODULE FILE…
"""

import copy
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "Docs"))
from schema import Schema  # noqa: E402

# Changes of the last file, by path, and where the schema points.
CHANGES = [
    (["extra"], 1, ["extra"]),
    (["name"], 1, ["name"]),
    (["dialects"], [], ["dialects"]),
    (["dialects", "toy", "cast"], 1, ["dialects", "toy", "cast"]),
    (["dialects", "toy", "casts"], "c", ["dialects", "toy", "casts"]),
    (["dialects", "toy", "constant"], {"op": "c"}, ["dialects", "toy", "constant"]),
    (["ops", "toy.mm"], {}, ["ops", "toy.mm"]),
    (["ops", "toy.mm"], [], ["ops", "toy.mm"]),
    (["ops", "toy.mm", "list"], "alow", ["ops", "toy.mm", "list"]),
    (["ops", "toy.mm", "as"], 1, ["ops", "toy.mm", "as"]),
    (["ops", "toy.mm", "loss"], 1, ["ops", "toy.mm", "loss"]),
    (["ops", "toy.mm", "regions"], True, ["ops", "toy.mm", "regions"]),
    (["ops", "toy.mm", "flow"], "while", ["ops", "toy.mm", "flow"]),
    (["ops", "toy.mm", "groups"], "some", ["ops", "toy.mm", "groups"]),
    (["ops", "toy.mm", "groups"], [{"operands": [-1]}], ["ops", "toy.mm", "groups"]),
    (["ops", "toy.mm", "groups"], [{"operands": [0.5]}], ["ops", "toy.mm", "groups"]),
    (["ops", "toy.mm", "groups"], [{"types": ["float32"]}], ["ops", "toy.mm", "groups"]),
    (["ops", "toy.mm", "bodies"], {"toy.add": {}}, ["ops", "toy.mm", "bodies", "toy.add"]),
]


def main(schema_file, amp_opt, module, *files):
    with open(schema_file, encoding="utf-8") as f:
        root = json.load(f)
    schema = Schema(root)
    failures = []

    def reader(document):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "m.json")
            with open(path, "w", encoding="utf-8") as f:
                json.dump(document, f)
            return subprocess.run([amp_opt, module, "--op-models=" + path, "-o", os.devnull],
                                  capture_output=True, text=True).returncode

    for name in files:
        with open(name, encoding="utf-8") as f:
            document = json.load(f)
        if schema.errors(document, root, []):
            failures.append("%s: does not fit: %s" % (name, schema.errors(document, root, [])))
    if reader(document):
        failures.append(name + ": amp-opt refuses it")
    for path, new, wanted in CHANGES:
        changed = copy.deepcopy(document)
        target = changed
        for key in path[:-1]:
            target = target[key]
        target[path[-1]] = new
        found = schema.errors(changed, root, [])
        if wanted not in found:
            failures.append("%s: the schema points at %s" % (path, found))
        if reader(changed) != 1:
            failures.append("%s: amp-opt does not refuse it" % path)
    print("\n".join(failures) or "ok")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
