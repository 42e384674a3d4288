# A lit test format for graph files. JSON has no comments, so RUN: and CHECK:
# lines are strings of a "doc". Before such a test runs, its strings are decoded
# into a side file of equally numbered lines, which lit and FileCheck read in
# place of the JSON: `amp-opt %s | FileCheck %s` works as everywhere else, and
# [[@LINE]] counts lines of the graph file.

import json
import os
import re

import lit.formats
import lit.TestRunner

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
# FileCheck reads its lines from the side file.
_FILECHECK = re.compile(r"(FileCheck\b[^|\n]*?) %s(?!\w)")
_DIRECTIVE = re.compile(r"^\s*(RUN|REQUIRES|UNSUPPORTED|XFAIL|DEFINE|REDEFINE|[A-Z][A-Z0-9_-]*(-[A-Z]+)*):")


def decode(text):
    """The directives of a graph file, one per line, on their lines."""
    lines = []
    for line in text.splitlines():
        found = ""
        for match in _STRING.finditer(line):
            try:
                value = json.loads(match.group(0))
            except ValueError:
                continue
            if _DIRECTIVE.match(value):
                found = _FILECHECK.sub(r"\1 %doc", value) if "RUN:" in value else value
                break
        lines.append(found)
    return "\n".join(lines) + "\n"


class GraphFormat(lit.formats.ShTest):
    def execute(self, test, litConfig):
        source = test.getSourcePath()
        if not source.endswith(".json"):
            return super().execute(test, litConfig)
        with open(source, encoding="utf-8", errors="replace") as f:
            decoded = decode(f.read())
        directory, base = lit.TestRunner.getTempPaths(test)
        os.makedirs(directory, exist_ok=True)
        side = base + ".doc"
        with open(side, "w", encoding="utf-8") as f:
            f.write(decoded)
        here = os.path.dirname(source)
        extra = [("%doc", side), ("%s", source), ("%S", here), ("%p", here)]
        test.getSourcePath = lambda: side
        try:
            return lit.TestRunner.executeShTest(
                test, litConfig, self.execute_external,
                extra + list(self.extra_substitutions), self.preamble_commands)
        finally:
            del test.getSourcePath
