# The presets of lib/Policy/Lists against the lists of op_table.py, which were
# written from the design a second time: every op, both target types.
#
#   policies.py ROOT

import glob
import json
import os
import sys

sys.dont_write_bytecode = True
from op_table import FORWARD, Policy  # noqa: E402


def load(root, name):
    with open(os.path.join(root, "lib", "Policy", "Lists", name + ".json"), encoding="utf-8") as f:
        return json.load(f)


def effective(root, name, target):
    """(op -> list, infer rule, outputs) of a preset file."""
    file = load(root, name)
    lists, rules, outputs = {}, {}, None
    chain = [file]
    while "extends" in chain[0]:
        chain.insert(0, load(root, chain[0]["extends"]))
    for section in chain:
        for which, ops in section.get("lists", {}).items():
            for op in ops:
                # What a file says beats its base, for both types.
                lists[op] = (which, which)
        for i, low in enumerate(("float16", "bfloat16")):
            for which, ops in section.get(low, {}).items():
                for op in ops:
                    both = list(lists.get(op, ("keep", "keep")))
                    both[i] = which
                    lists[op] = tuple(both)
        rules.update(section.get("infer_rule", {}))
        outputs = section.get("outputs", outputs)
    index = ("float16", "bfloat16").index(target)
    return {op: which[index] for op, which in lists.items()}, rules.get(target, "between"), outputs or "value"


def main(root):
    wrong, count = 0, 0
    names = [os.path.basename(p)[:-5] for p in glob.glob(os.path.join(root, "lib", "Policy", "Lists", "*.json"))]
    for name in sorted(names):
        for target in ("float16", "bfloat16"):
            lists, rule, outputs = effective(root, name, target)
            ours = Policy(name, target)
            for op in sorted({op for op in lists if "." not in op} | FORWARD):
                count += 1
                if lists.get(op) != ours.list_of(op):
                    print("%s, %s: %s is on %s, by the design on %s" % (
                        name, target, op, lists.get(op), ours.list_of(op)))
                    wrong += 1
            if name not in ("minimal", "none"):
                if rule != ("follow" if ours.follow else "between") or outputs != ours.outputs:
                    print("%s, %s: infer ops %s, outputs %s" % (name, target, rule, outputs))
                    wrong += 1
    print("%d presets, %d decisions on ops compared, %d differ" % (len(names), count, wrong))
    return 1 if wrong or not names else 0


sys.exit(main(sys.argv[1]))
