# amp-run --sample against a reference: a model that is a table of scores, so that what
# may follow a letter, and how often, is known.
#
#   sample.py --amp-run=build/bin/amp-run

import argparse
import array
import json
import math
import os
import random
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "lib"))
from graph_builder import Model  # noqa: E402
from safetensor_files import write_safetensors  # noqa: E402

LETTERS = b"abcd"
VOCABULARY = 128


def check(condition, text):
    if not condition:
        raise SystemExit("failed: " + text)


def write_model(folder, scores):
    """`next` looks up a row of scores for each of the last eight bytes; letters alone follow."""
    table = array.array("f", [-1e30]) * (VOCABULARY * VOCABULARY)
    for (a, b), score in scores.items():
        table[a * VOCABULARY + b] = score
    write_safetensors(os.path.join(folder, "table.safetensors"),
                      {"table": ("F32", [VOCABULARY, VOCABULARY], table.tobytes())})
    model = Model("letters")
    model.variable("table", [VOCABULARY, VOCABULARY], "zeros")
    f = model.function("next", {"tokens": ("int32", ["batch", 8])})
    f.outputs = [f.op("scores", "gather", "table", "tokens")]
    path = os.path.join(folder, "letters.json")
    with open(path, "w", encoding="utf-8") as out:
        out.write(model.text())
    return path


def main():
    parser = argparse.ArgumentParser(description="amp-run --sample against a table")
    parser.add_argument("--amp-run", required=True)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    args = parser.parse_args()
    print("seed %d" % args.seed)
    rng = random.Random(args.seed)
    scores = {(a, b): rng.uniform(-2, 2) for a in LETTERS for b in LETTERS}

    with tempfile.TemporaryDirectory() as folder:
        model = write_model(folder, scores)
        weights = "--load=" + os.path.join(folder, "table.safetensors")

        def sample(*flags, count=40):
            done = subprocess.run([args.amp_run, model, "--function=next", weights, "--sample=%d" % count] + list(flags),
                                  capture_output=True, timeout=120)
            check(done.returncode == 0, "exit %d: %s" % (done.returncode, done.stderr))
            check(done.stdout.endswith(b"\n"), "a new line at the end")
            return done.stdout[:-1]

        def ranked(letter):
            return sorted(LETTERS, key=lambda b: -scores[letter, b])

        # The likeliest: by temperature 0, and as the only one of the k.
        text = b"b"
        for _ in range(40):
            text += bytes([ranked(text[-1])[0]])
        check(sample("--prompt=b", "--temperature=0") == text, "temperature 0 takes the likeliest")
        check(sample("--prompt=b", "--top-k=1", "--seed=5") == text, "so does the first of one")

        # A prompt longer than what the function takes: its end counts, all of it is printed.
        long = sample("--prompt=abcdabcdabcdb", "--temperature=0", count=5)
        check(long == b"abcdabcdabcdb" + text[1:6], "a long prompt")

        # The same seed, the same text; another one, another text.
        first = sample("--prompt=a", "--seed=7")
        check(first == sample("--prompt=a", "--seed=7"), "a seed gives one text")
        check(first.startswith(b"a") and len(first) == 41, "the prompt and 40 bytes")
        check(len({sample("--prompt=a", "--seed=%d" % s) for s in range(6)}) == 6, "seeds differ")
        check(sample("--prompt=a", "--seed=7", "--top-k=99999") == first, "k may be more than there are")

        # How often each letter follows each other one: within five standard deviations.
        for temperature, k in ((1.0, 4), (0.5, 4), (2.0, 2)):
            text = sample("--prompt=a", "--temperature=%g" % temperature, "--top-k=%d" % k,
                          "--seed=%d" % rng.randrange(1 << 30), count=6000)
            for a in LETTERS:
                kept = ranked(a)[:k]
                weights_of = {b: math.exp(scores[a, b] / temperature) for b in kept}
                total = sum(weights_of.values())
                seen = [text[i + 1] for i in range(len(text) - 1) if text[i] == a]
                for b in LETTERS:
                    p = weights_of.get(b, 0.0) / total
                    count, expected = seen.count(b), p * len(seen)
                    limit = 5 * math.sqrt(max(expected * (1 - p), 1)) if p else 0
                    check(abs(count - expected) <= limit, "temperature %g, k %d: %c follows %c %d times of %d, not %.1f"
                          % (temperature, k, b, a, count, len(seen), expected))
        print(json.dumps({"texts": "as the table says"}))


if __name__ == "__main__":
    main()
