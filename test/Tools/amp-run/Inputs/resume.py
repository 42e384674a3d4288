"""resume.py exact|kill FOLDER MODEL...: a training that was interrupted gives the bits of one that was not.

exact  ends a training at several steps with --max-steps, in the middle and at the end of epochs,
       goes on with --load, and compares the checkpoints and the metrics as bytes
kill   kills a training that saves all the time with SIGKILL at random moments, each time looks
       whether the checkpoint is whole, goes on, and compares at the end as above"""

import array
import json
import os
import random
import signal
import struct
import subprocess
import sys
import time

EPOCHS = 2
FLAGS = ["--function=train", "--batch=100", "--seed=7", "--quiet", "--validation-split=0.1", "--eval=predict",
         "--epochs=%d" % EPOCHS]
EXAMPLES = 700
PER_EPOCH = 7  # 630 examples to train on: six batches and a rest


def command(model, name, *more):
    data = os.path.join(os.path.dirname(name), "data.safetensors")
    return ["amp-run", model, "--data=" + data, "--save=" + name + ".safetensors", "--metrics=" + name + ".jsonl"] + FLAGS + list(more)


def run(*args):
    done = subprocess.run(command(*args), capture_output=True, text=True)
    if done.returncode:
        sys.exit("exit code %d: %s\n%s" % (done.returncode, " ".join(command(*args)), done.stderr))


def write_data(path, rng):
    images = array.array("f", (rng.random() for _ in range(EXAMPLES * 784))).tobytes()
    labels = array.array("i", (rng.randrange(10) for _ in range(EXAMPLES))).tobytes()
    header = json.dumps({
        "images": {"dtype": "F32", "shape": [EXAMPLES, 784], "data_offsets": [0, len(images)]},
        "labels": {"dtype": "I32", "shape": [EXAMPLES], "data_offsets": [len(images), len(images) + len(labels)]}})
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(header)) + header.encode() + images + labels)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def step_of(path):
    """The step of a checkpoint; an exception when it is torn."""
    data = read(path)
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    step = int(header.pop("__metadata__")["amp.step"])
    end = max(entry["data_offsets"][1] for entry in header.values())
    assert len(data) == 8 + length + end, "%s has %d bytes, not %d" % (path, len(data), 8 + length + end)
    return step


def compare(whole, broken, what):
    for suffix in (".safetensors", ".jsonl"):
        if read(whole + suffix) != read(broken + suffix):
            sys.exit("%s: %s%s differs from %s%s" % (what, broken, suffix, whole, suffix))


def forget(name):
    for suffix in (".safetensors", ".jsonl"):
        if os.path.exists(name + suffix):
            os.remove(name + suffix)


def exact(model, name):
    whole, broken = name + ".whole", name + ".broken"
    forget(broken)
    run(model, whole)
    for at in (1, 4, PER_EPOCH, PER_EPOCH + 3):
        forget(broken)
        run(model, broken, "--max-steps=%d" % at)
        assert step_of(broken + ".safetensors") == at
        assert len(read(broken + ".jsonl").splitlines()) == at
        run(model, broken, "--load=" + broken + ".safetensors")
        compare(whole, broken, "%s, broken off at step %d" % (model, at))
    print("%s: the same bits" % os.path.basename(model))


def kill(model, name, rng):
    whole, broken = name + ".whole", name + ".killed"
    forget(broken)
    started = time.monotonic()
    run(model, whole, "--save-every=1")
    duration = time.monotonic() - started
    kills = 0
    while True:
        more = ["--save-every=1"]
        if os.path.exists(broken + ".safetensors"):
            more.append("--load=" + broken + ".safetensors")
        process = subprocess.Popen(command(model, broken, *more), stderr=subprocess.PIPE, text=True)
        if kills < 15:
            time.sleep(rng.uniform(0, duration))
            process.send_signal(signal.SIGKILL)
        errors = process.communicate()[1]
        if process.returncode not in (0, -signal.SIGKILL):
            sys.exit("exit code %d: %s" % (process.returncode, errors))
        if os.path.exists(broken + ".safetensors"):
            step_of(broken + ".safetensors")
        if process.returncode == 0:
            break
        kills += 1
    assert step_of(broken + ".safetensors") == EPOCHS * PER_EPOCH
    compare(whole, broken, "%s, killed %d times" % (model, kills))
    print("%s: killed and the same bits" % os.path.basename(model))


def main():
    mode, folder, models = sys.argv[1], sys.argv[2], sys.argv[3:]
    seed = int(os.environ.get("AMP_TEST_SEED", random.randrange(1 << 32)))
    print("AMP_TEST_SEED=%d" % seed, file=sys.stderr)
    rng = random.Random(seed)
    os.makedirs(folder, exist_ok=True)
    write_data(os.path.join(folder, "data.safetensors"), rng)
    for model in models:
        name = os.path.join(folder, os.path.basename(model))
        if mode == "exact":
            exact(model, name)
        else:
            kill(model, name, rng)


main()
