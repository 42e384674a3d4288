# The report of amp-opt against the file it wrote: keys, counts, casts and users.
#
#   report.py REWRITTEN.json REPORT.json

import json
import sys

SUMMARY = {"generated", "nodes", "considered", "lowered", "casts_to_low", "casts_to_float32",
           "cast_bytes", "policy", "target"}
NODE = {"function", "name", "op", "list", "before", "after", "rule", "reason", "because"}
CAST = {"function", "name", "source", "from", "to", "users"}


def main(file_path, report_path):
    with open(file_path, encoding="utf-8") as f:
        file = json.load(f)
    with open(report_path, encoding="utf-8") as f:
        report = json.load(f)
    wrong = []

    def expect(condition, text):
        if not condition:
            wrong.append(text)

    summary = report["summary"]
    expect(set(summary) == SUMMARY, "keys of summary: %s" % sorted(summary))
    expect(set(summary["generated"]) == {"nodes", "considered", "lowered"}, "keys of generated")
    functions = {f["name"]: {n["name"]: n for n in f["nodes"]} for f in file["functions"]}
    for node in report["nodes"]:
        expect(set(node) - {"origin"} == NODE, "keys of %s: %s" % (node["name"], sorted(node)))
        expect(node["list"] in ("allow", "infer", "clear", "deny", "keep"), "list of " + node["name"])
        expect(node["reason"] and node["rule"].startswith("R"), "reason of " + node["name"])
        written = functions[node["function"]].get(node["name"])
        expect(written is not None, node["name"] + " is in the file")
        if written and node["op"] not in ("argmax", "is_finite"):
            for name in node["because"]:
                expect(name in functions[node["function"]] or "/" in name or name,
                       "%s names %s" % (node["name"], name))
    lowered = sum(n["before"] != n["after"] for n in report["nodes"])
    expect(lowered == summary["lowered"] + summary["generated"]["lowered"],
           "%d nodes changed, the summary says %d and %d" % (
               lowered, summary["lowered"], summary["generated"]["lowered"]))

    written = {(f, n["name"]): n for f, nodes in functions.items() for n in nodes.values()
               if n["op"] == "cast"}
    listed = {(c["function"], c["name"]): c for c in report["casts"]}
    expect(set(written) == set(listed), "casts: %s" % sorted(set(written) ^ set(listed)))
    for key, cast in listed.items():
        expect(set(cast) == CAST, "keys of a cast: %s" % sorted(cast))
        node = written.get(key)
        if node:
            expect(node["inputs"] == [cast["source"]] and node["attrs"]["to"] == cast["to"],
                   "%s is %s" % (key[1], node))
            users = [n["name"] for n in functions[key[0]].values() if key[1] in n.get("inputs", [])]
            expect(set(users) <= set(cast["users"]) and cast["users"],
                   "users of %s: %s, listed %s" % (key[1], users, cast["users"]))
    low = sum(c["to"] in ("float16", "bfloat16") for c in report["casts"])
    expect(low == summary["casts_to_low"], "casts_to_low")
    expect(len(report["casts"]) - low == summary["casts_to_float32"], "casts_to_float32")
    for text in wrong:
        print("wrong: " + text)
    print("%d nodes and %d casts, %d wrong" % (len(report["nodes"]), len(report["casts"]), len(wrong)))
    return 1 if wrong else 0


sys.exit(main(*sys.argv[1:]))
