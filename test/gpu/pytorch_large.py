# GPT-2 of 124 million parameters and ResNet-50 in PyTorch on this GPU, as
# test/lib/networks.py has them: milliseconds per training step, eager and compiled,
# one JSON object per line.
#
#   pytorch_large.py gpt2_124m|resnet50 BATCH float16|bfloat16 [STEPS (10)] [--tiny]
#
# Without a GPU it runs on the CPU; --tiny makes the networks small, to show that they run.

import json
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

TINY = "--tiny" in sys.argv
ARGUMENTS = [a for a in sys.argv[1:] if a != "--tiny"]
NAME, BATCH, KIND = ARGUMENTS[0], int(ARGUMENTS[1]), ARGUMENTS[2]
STEPS = int(ARGUMENTS[3]) if len(ARGUMENTS) > 3 else 10
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
DTYPE = {"float16": torch.float16, "bfloat16": torch.bfloat16}[KIND]


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm_1, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        batch, length, width = x.shape
        q, k, v = (t.view(batch, length, self.heads, -1).transpose(1, 2)
                   for t in self.qkv(self.norm_1(x)).split(width, dim=2))
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).reshape(batch, length, width))
        return x + self.down(F.gelu(self.up(self.norm_2(x)), approximate="tanh"))


class Gpt(nn.Module):
    def __init__(self, layers=12, width=768, heads=12, length=1024, vocabulary=50257):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.position = nn.Parameter(0.02 * torch.randn(length, width))
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens):
        x = self.embedding(tokens) + self.position
        for block in self.blocks:
            x = block(x)
        return F.linear(self.norm(x), self.embedding.weight)


class Bottleneck(nn.Module):
    def __init__(self, before, width, strides):
        super().__init__()
        def conv(a, b, size, s=1):
            return nn.Sequential(nn.Conv2d(a, b, size, s, size // 2, bias=False), nn.BatchNorm2d(b))
        self.body = nn.Sequential(conv(before, width, 1), nn.ReLU(), conv(width, width, 3, strides), nn.ReLU(),
                                  conv(width, 4 * width, 1))
        self.side = conv(before, 4 * width, 1, strides) if strides > 1 or before != 4 * width else nn.Identity()

    def forward(self, x):
        return F.relu(self.body(x) + self.side(x))


def resnet(stages=(3, 4, 6, 3), width=64, classes=1000):
    parts = [nn.Conv2d(3, width, 7, 2, 3, bias=False), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    before = width
    for stage, blocks in enumerate(stages):
        for i in range(blocks):
            parts.append(Bottleneck(before, width << stage, 2 if stage and not i else 1))
            before = 4 * (width << stage)
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, classes))


def synchronize():
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def measure(compiled):
    torch.manual_seed(0)
    if NAME == "gpt2_124m":
        length, vocabulary = (16, 97) if TINY else (1024, 50257)
        model = (Gpt(1, 16, 2, length, vocabulary) if TINY else Gpt()).to(DEVICE)
        data = torch.randint(0, vocabulary, (BATCH, length), device=DEVICE)
        labels = torch.randint(0, vocabulary, (BATCH, length), device=DEVICE)
        optimizer = torch.optim.AdamW(model.parameters(), lr=6e-4, fused=DEVICE == "cuda")
    else:
        size = 32 if TINY else 224
        model = (resnet((1, 1), 8, 10) if TINY else resnet()).to(DEVICE, memory_format=torch.channels_last)
        data = torch.rand(BATCH, 3, size, size, device=DEVICE).to(memory_format=torch.channels_last)
        labels = torch.randint(0, 10, (BATCH,), device=DEVICE)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    scaler = torch.amp.GradScaler(DEVICE, enabled=KIND == "float16")

    def loss_of(x, y):
        with torch.autocast(DEVICE, dtype=DTYPE):
            logits = model(x)
            return F.cross_entropy(logits.view(-1, logits.shape[-1]), y.view(-1))

    forward = torch.compile(loss_of) if compiled else loss_of

    def step():
        optimizer.zero_grad(set_to_none=True)
        scaler.scale(forward(data, labels)).backward()
        if NAME == "gpt2_124m":
            scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()

    for _ in range(3):
        step()
    times = []
    for _ in range(STEPS):
        synchronize()
        start = time.perf_counter()
        step()
        synchronize()
        times.append((time.perf_counter() - start) * 1e3)
    times.sort()
    print(json.dumps({"network": NAME, "kind": KIND, "compiled": compiled, "batch": BATCH, "device": DEVICE,
                      "ms": times[len(times) // 2]}), flush=True)


for compiled in (False, True):
    measure(compiled)
