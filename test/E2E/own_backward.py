# Files that hold their own backward part, and files that apply updates themselves.
#
#   own_backward.py AMP_OPT AMP_RUN
#
# The backward part is the one that amp-opt makes of the digits example, written back
# as a user would write it: plain nodes, no updates, and a training section that says
# which node is whose gradient. It must train to the same bits as the example.

import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from training import EXAMPLE, check, examples, read_safetensors  # noqa: E402

WARNING = "variables are updated without a loss scale, so small float16 gradients become zero"


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=500)
    check(done.returncode == 0, "exit %d: %s\n%s" % (done.returncode, " ".join(command), done.stderr[-3000:]))
    return done.stderr


def load(path):
    with open(path, encoding="utf-8") as f:
        return json.load(f)


def save(path, graph):
    with open(path, "w", encoding="utf-8") as f:
        json.dump(graph, f)
    return path


def function_of(graph):
    return next(f for f in graph["functions"] if f["name"] == "train")


def with_own_backward(example, expanded, training):
    """The expansion without its updates, as a training section says it."""
    graph = json.loads(json.dumps(example))
    function = function_of(graph)
    gradients, nodes = {}, []
    for node in function_of(expanded)["nodes"]:
        if node["op"].startswith("apply_"):
            gradients[node["inputs"][0]] = node["inputs"][-1]
        elif not node["op"].startswith("assign") and node["name"] != "optimizer/one":
            nodes.append({key: node[key] for key in ("name", "op", "inputs", "attrs") if key in node})
    function["nodes"] = nodes
    function["training"] = dict(training, gradients=gradients, loss_gradient="loss/seed")
    return graph


def main():
    amp_opt, amp_run = sys.argv[1:]
    with tempfile.TemporaryDirectory() as directory:
        path = lambda name: os.path.join(directory, name)
        example = load(EXAMPLE)
        run(amp_opt, EXAMPLE, "--policy=none", "-o", path("expanded.json"))
        expanded = load(path("expanded.json"))
        base = function_of(example)["training"]
        examples(path("data.safetensors"), 64, 4)
        ways = 0
        for extra in ({}, {"clip_norm": 0.5, "accumulate_steps": 2},
                      {"schedule": {"linear": {"warmup_steps": 2, "total_steps": 30}}}):
            training = dict(base, **extra)
            function_of(example)["training"] = training
            save(path("ours.json"), example)
            save(path("own.json"), with_own_backward(example, expanded, training))
            for flags in (["--policy=none"], [], ["--loss-scale=256"], ["--target=bfloat16"]):
                states = []
                for name in ("ours", "own"):
                    run(amp_opt, path(name + ".json"), "-o", path("model.json"), *flags)
                    run(amp_run, path("model.json"), "--function=train", "--data=" + path("data.safetensors"), "--batch=16",
                        "--epochs=1", "--seed=3", "--save=" + path(name + ".state"))
                    states.append(read_safetensors(path(name + ".state")))
                check(states[0] == states[1], "%s %s: another state than with amp-opt's backward part" % (extra, flags))
                ways += 1
        # Updates of the file's own are warned of in float16 without a scale, and only there.
        text = run(amp_opt, path("expanded.json"), "-o", path("model.json"))
        check(WARNING in text, "a file that updates by itself gets a warning in float16:\n" + text)
        for flags in (["--loss-scale=none"], ["--target=bfloat16"], ["--policy=none"]):
            text = run(amp_opt, path("expanded.json"), "-o", path("model.json"), *flags)
            check(WARNING not in text, "%s needs no scale:\n%s" % (flags, text))
        # On a file that has scale_loss the flag does nothing.
        run(amp_opt, EXAMPLE, "-o", path("scaled.json"))
        scaled = load(path("scaled.json"))
        for scale in ("none", "8", "dynamic:preset=pytorch,growth_steps=7"):
            text = run(amp_opt, path("scaled.json"), "--loss-scale=" + scale, "-o", path("again.json"))
            check(load(path("again.json")) == scaled, "--loss-scale=%s changes a file that has scale_loss" % scale)
            check(WARNING not in text, "a file that has scale_loss needs no warning")
        print("%d ways to train give the same bits with the file's own backward part" % ways)


if __name__ == "__main__":
    sys.exit(main())
