"""Each message of the reader of models files, at its place: what is wrong with a file is
said at the byte that @@ marks, alone, and nothing is written.

    wrong_files.py AMP-OPT MODULE
"""

import os
import subprocess
import sys
import tempfile

TOY = '{"dialects": {"toy": {"cast": "convert"}}, "ops": %s}'


def ops(text):
    return TOY % text


def op(text):
    return TOY % ('{"toy.mm": %s}' % text)


def dialect(text):
    return '{"ops": {}, "dialects": {"toy": %s}}' % text


A_NUMBER = "a number, boolean or null"
CASES = [
    # JSON.
    ("{@@", "syntax error while parsing object key - unexpected end of input; expected string literal"),
    ('{"ops": {}, @@"ops": {}}', "duplicate key 'ops'"),
    ("@@\ufeff{}", "the file starts with a byte order mark"),
    ('{"name": ' + "[" * 63 + "@@[", "nested deeper than 64 levels"),
    ("@@[]", "a models file is a list, not an object"),
    ('@@"toy"', "a models file is a string, not an object"),
    ("@@7", "a models file is %s, not an object" % A_NUMBER),
    # The file.
    ('@@{"ops": {}}', "a models file needs 'dialects'"),
    ('@@{"dialects": {}}', "a models file needs 'ops'"),
    ('{"dialects": {}, "ops": @@[]}', "'ops' is a list, not an object"),
    ('{"dialects": @@[], "ops": {}}', "'dialects' is a list, not an object"),
    ('{"dialects": {}, "ops": {}, "name": @@1}', "'name' is %s, not a string" % A_NUMBER),
    ('{"dialects": {}, "ops": {}, @@"opps": 1}', "unknown key 'opps'; did you mean 'ops'?"),
    # Dialects.
    ('{"dialects": {@@"": {}}, "ops": {}}', "'' is no name of a dialect"),
    ('{"dialects": {@@"a.b": {}}, "ops": {}}', "'a.b' is no name of a dialect"),
    (dialect("@@7"), "'toy' is %s, not an object" % A_NUMBER),
    (dialect('{@@"casts": "c"}'), "unknown key 'casts'; did you mean 'cast'?"),
    (dialect('{"cast": @@[]}'), "'cast' is a list, not the name of an op"),
    (dialect('{"cast": @@""}'), "'cast' is empty"),
    (dialect('{"constant": @@"const"}'), "'constant' is a string, not an object with op and attribute"),
    (dialect('{"constant": @@{"op": "c"}}'), "a constant needs 'op' and 'attribute'"),
    (dialect('{"constant": @@{"op": "", "attribute": "v"}}'), "a constant needs 'op' and 'attribute'"),
    (dialect('{"constant": {"op": "c", "attribute": "v", @@"atribute": 1}}'),
     "unknown key 'atribute'; did you mean 'attribute'?"),
    (dialect('{"cast": @@"c", "constant": {"op": "toy.c", "attribute": "v"}}'),
     "'toy.c' is the cast of its dialect and its constant"),
    # Ops.
    (ops('{@@"toi.mm": {"as": "matmul"}}'),
     "'toi.mm' is of none of the dialects of this file; did you mean 'toy'?"),
    (ops('{@@"matmul": {"as": "matmul"}}'), "'matmul' is of none of the dialects of this file; did you mean 'toy'?"),
    (ops('{@@"toy.convert": {"as": "cast"}}'), "'toy.convert' is the cast of its dialect, and no more is to be said"),
    ('{"dialects": {"toy": {"constant": {"op": "c", "attribute": "v"}}}, "ops": {@@"toy.c": {"as": "constant"}}}',
     "'toy.c' is the constant of its dialect, and no more is to be said"),
    (op("@@[]"), "'toy.mm' is a list, not an object"),
    (ops('{@@"toy.mm": {}}'), "'toy.mm' is on no list: it needs 'as' or 'list'"),
    (op('{"as": @@[]}').replace("[]}", '[], "list": "keep"}'),
     "'as' is a list, not the name of an op of the op table"),
    (op('{"as": @@"matmull"}'), "the op table has no 'matmull'; did you mean 'matmul'?"),
    (op('{"list": @@"high"}'), "'list' is allow, infer, clear, deny or keep"),
    (op('{"list": @@7}'), "'list' is allow, infer, clear, deny or keep"),
    (op('{"as": "matmul", @@"region": 1}'), "unknown key 'region'; did you mean 'regions'?"),
    (op('{"as": "matmul", "regions": @@"drop"}'), "'regions' is retype or keep"),
    (op('{"as": "matmul", "regions": @@true}'), "'regions' is retype or keep"),
    (op('{"as": "matmul", "loss": @@1}'), "'loss' is %s, not true or false" % A_NUMBER),
    (op('{"list": "clear", "flow": @@"while"}'), "'flow' is loop or branch"),
    (ops('{@@"toy.if": {"list": "clear", "flow": "branch", "groups": "none"}}'),
     "'toy.if' has a 'flow', which says all of its groups, regions and bodies"),
    (ops('{@@"toy.if": {"list": "clear", "flow": "branch", "regions": "retype"}}'),
     "'toy.if' has a 'flow', which says all of its groups, regions and bodies"),
    # Groups.
    (op('{"as": "matmul", "groups": @@"some"}'), "'groups' is a string, not \"all\", \"none\" or a list of groups"),
    (op('{"as": "matmul", "groups": [@@1]}'), "a group is %s, not an object" % A_NUMBER),
    (op('{"as": "matmul", "groups": [{@@"operand": [0]}]}'), "unknown key 'operand'; did you mean 'operands'?"),
    (op('{"as": "matmul", "groups": [{"operands": @@"some"}]}'),
     "'operands' is a string, not \"all\" or a list of numbers"),
    (op('{"as": "matmul", "groups": [{"operands": @@{}}]}'),
     "'operands' is an object, not \"all\" or a list of numbers"),
    (op('{"as": "matmul", "groups": [{"operands": [@@-1]}]}'), "'operands' are counted from 0"),
    (op('{"as": "matmul", "groups": [{"results": [@@0.5]}]}'), "'results' are counted from 0"),
    (op('{"as": "matmul", "groups": [{"results": [@@18446744073709551615]}]}'), "'results' are counted from 0"),
    (op('{"as": "matmul", "groups": [{"operands": [0, @@0]}]}'), "twice in one group"),
    (op('{"as": "matmul", "groups": [{"operands": [0]}, @@{"operands": [0]}]}'), "0 is in two groups"),
    (op('{"as": "matmul", "groups": [{"operands": [0]}, @@{"operands": "all"}]}'),
     'a group of "all" is the only one of its op'),
    (op('{"as": "matmul", "groups": [{"operands_from": @@-1}]}'), "'operands_from' is a number, counted from 0"),
    (op('{"as": "matmul", "groups": [@@{"operands": [3], "operands_from": 2}]}'),
     "operand 3 is also one of 'operands_from'"),
    (op('{"as": "matmul", "groups": [{"attribute": @@1}]}'), "'attribute' is %s, not a name" % A_NUMBER),
    (op('{"as": "matmul", "groups": [{"types": @@"float16"}]}'), "'types' is a string, not a list"),
    (op('{"as": "matmul", "groups": [{"types": ["float16", @@"float32"]}]}'), "a type is float16 or bfloat16"),
    # Bodies.
    (op('{"as": "matmul", "bodies": @@[]}'), "'bodies' is a list, not an object"),
    (op('{"as": "matmul", "bodies": {@@"add": {"as": "add"}}}'), "'add' is no name of an op with its dialect"),
    (op('{"as": "matmul", "bodies": {"toy.add": @@[]}}'), "'toy.add' is a list, not an object"),
    (op('{"as": "matmul", "bodies": {"toy.add": @@{}}}'), "this body is on no list: it needs 'as' or 'list'"),
    (op('{"as": "matmul", "bodies": {"toy.add": {"as": "add", @@"groups": "all"}}}'), "unknown key 'groups'"),
    # What is loaded.
    ('{"dialects": {"func": {"cast": @@"cal"}}, "ops": {}}',
     "dialect 'func' has no op 'func.cal'; did you mean 'func.call'?"),
    ('{"dialects": {"func": {"constant": @@{"op": "constants", "attribute": "value"}}}, "ops": {}}',
     "dialect 'func' has no op 'func.constants'; did you mean 'func.constant'?"),
    ('{"dialects": {"func": {}}, "ops": {@@"func.cal": {"list": "keep"}}}',
     "dialect 'func' has no op 'func.cal'; did you mean 'func.call'?"),
]


def main(amp_opt, module):
    failures = []
    with tempfile.TemporaryDirectory() as folder:
        path, out = os.path.join(folder, "m.json"), os.path.join(folder, "out.mlir")

        def run(models):
            result = subprocess.run([amp_opt, module, "--op-models=" + models, "-o", out], capture_output=True,
                                    text=True)
            lines = [line for line in result.stderr.splitlines() if "error: " in line]
            if result.returncode != 1 or os.path.exists(out):
                failures.append("%s: exit %d, %s written" % (lines, result.returncode, os.path.exists(out)))
            return lines

        for number, (text, message) in enumerate(CASES):
            # Lines and columns count, so that neither is always 1.
            text = text.replace(', "', ',\n  "') if number % 2 else text
            before = text[:text.index("@@")]
            line, column = before.count("\n") + 1, len(before.encode()) - (before.encode().rfind(b"\n") + 1) + 1
            with open(path, "w", encoding="utf-8") as f:
                f.write(text.replace("@@", ""))
            expected = "%s:%d:%d: error: %s" % (path, line, column, message)
            said = run(path)
            if len(said) != 1 or not said[0].endswith(expected):
                failures.append("expected %s\n     got %s" % (expected, "\n         ".join(said) or "nothing"))
        with open(path, "w") as f:
            f.write(TOY % '{"toy.mm": {"as": "matmul"}}')
        said = run(path + "," + path)
        expected = "%s:1:52: error: 'toy.mm' is described already, by %s" % (path, path)
        if len(said) != 1 or not said[0].endswith(expected):
            failures.append("expected %s\n     got %s" % (expected, said))
        with open(path, "w") as f:
            f.truncate(16 * 1024 * 1024 + 1)
        said = run(path)
        if len(said) != 1 or "error: models file '%s' is larger than 16 MiB" % path not in said[0]:
            failures.append("a large file: %s" % said)
    for failure in failures:
        print(failure)
    print("%d wrong files, %d of them not as expected" % (len(CASES) + 2, len(failures)))
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
