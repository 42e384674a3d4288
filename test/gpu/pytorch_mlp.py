# The guide's network (784-4096-4096-10, RMSprop) in PyTorch on this GPU:
# milliseconds per training step, eager and compiled, one JSON object per line.
#
#   pytorch_mlp.py [BATCH (8192)] [STEPS (50)]
#
# Without a GPU it runs on the CPU, to show that it runs; each line says where.

import json
import sys
import time

import torch

BATCH = int(sys.argv[1]) if len(sys.argv) > 1 else 8192
STEPS = int(sys.argv[2]) if len(sys.argv) > 2 else 50
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def synchronize():
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def network():
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Linear(784, 4096), torch.nn.ReLU(), torch.nn.Linear(4096, 4096),
        torch.nn.ReLU(), torch.nn.Linear(4096, 10)).to(DEVICE)


def measure(kind, dtype, compiled):
    torch.backends.cuda.matmul.allow_tf32 = kind == "tf32"
    model = network()
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3, alpha=0.9, eps=1e-7)
    scaler = torch.amp.GradScaler(DEVICE, enabled=dtype == torch.float16)
    images = torch.rand(BATCH, 784, device=DEVICE)
    labels = torch.randint(0, 10, (BATCH,), device=DEVICE)

    def loss_of(x, y):
        with torch.autocast(DEVICE, dtype=dtype or torch.float16, enabled=dtype is not None):
            return torch.nn.functional.cross_entropy(model(x), y)

    forward = torch.compile(loss_of) if compiled else loss_of

    def step():
        optimizer.zero_grad(set_to_none=True)
        scaler.scale(forward(images, labels)).backward()
        scaler.step(optimizer)
        scaler.update()

    for _ in range(5):
        step()
    synchronize()
    times = []
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(max(1, STEPS // 5)):
            step()
        synchronize()
        times.append((time.perf_counter() - start) * 1e3 / max(1, STEPS // 5))
    times.sort()
    print(json.dumps({"kind": kind, "compiled": compiled, "batch": BATCH, "device": DEVICE, "ms": times[2]}),
          flush=True)


def main():
    for compiled in (False, True):
        for kind, dtype in (("float32", None), ("tf32", None), ("float16", torch.float16),
                            ("bfloat16", torch.bfloat16)):
            measure(kind, dtype, compiled)


main()
