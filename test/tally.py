# Counts the results of lit (--output) and GoogleTest (--gtest_output=json:) files.
# The first line is 'PASSED FAILED NOT-RUN', then a line for each that failed or
# was not run. A missing file is a program that died, and counts as failed.

import json
import os
import re
import sys


def main(paths):
    passed, failed, skipped = 0, [], {}
    for path in paths:
        name = os.path.basename(path).rsplit(".", 1)[0]
        try:
            with open(path, encoding="utf-8") as f:
                data = json.load(f)
        except (OSError, ValueError):
            failed.append(name + " wrote no result")
            continue
        if isinstance(data.get("tests"), list):  # lit
            for test in data["tests"]:
                code, title = test["code"], test["name"].split(" :: ")[-1]
                if code in ("PASS", "XFAIL", "FLAKYPASS"):
                    passed += 1
                elif code in ("UNSUPPORTED", "SKIPPED", "EXCLUDED"):
                    found = re.search(r"features: (.*)", test.get("output", ""))
                    reason = "needs " + found.group(1).strip() if found else "not supported here"
                    skipped.setdefault(reason, []).append(title)
                else:
                    failed.append("%s (%s)" % (title, code))
            continue
        for suite in data.get("testsuites", []):
            for test in suite["testsuite"]:
                title = "%s.%s" % (suite["name"], test["name"])
                if test.get("failures"):
                    failed.append("%s %s" % (name, title))
                elif test.get("result") == "SKIPPED":
                    # GTEST_SKIP() << "why" is kept by newer versions only.
                    skipped.setdefault(test.get("skipped", [{}])[0].get("message", "skipped by the test")
                                       if isinstance(test.get("skipped"), list) else "skipped by the test",
                                       []).append(title)
                elif test.get("status") == "NOTRUN":
                    skipped.setdefault("disabled", []).append(title)
                else:
                    passed += 1
    if not passed and not failed and not skipped:
        failed.append("no test ran")
    print(passed, len(failed), sum(len(v) for v in skipped.values()))
    for title in failed:
        print("failed", title)
    for reason, titles in skipped.items():
        shown = ", ".join(titles[:4]) + (", …" if len(titles) > 4 else "")
        print("skipped %d tests (%s): %s" % (len(titles), " ".join(reason.split()), shown))


main(sys.argv[1:])
