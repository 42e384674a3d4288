# What optimizers do, computed in float64 from the documentation of Keras 3 and
# independently of the project: variables and slots after each of 20 steps on
# random gradients, with the error that float32 arithmetic may have there.
#
#   optimizer_tables.py FILE.json   writes the tables that optimizers.py reads
#
# Every quantity is a pair: its value and a bound of what a float32 evaluation of
# the same formula may be off by (each operation rounds once, a setting is rounded
# to float32). optimizers.py allows twice the bound, since an implementation may
# order its operations in another way.

import json
import math
import random
import sys

UNIT = 2.0**-24  # half a unit in the last place of float32
STEPS = 20
SIZES = {"w": 3, "b": 2}
SEED = 20


class Real:
    """A value and a bound of its error in float32."""

    def __init__(self, value, error=0.0):
        self.value, self.error = value, error

    @staticmethod
    def of(x):
        return x if isinstance(x, Real) else Real(float(x), abs(x) * UNIT)

    @staticmethod
    def rounded(value, error):
        return Real(value, error + (abs(value) + error) * UNIT + 2.0**-149)

    def __add__(self, other):
        other = Real.of(other)
        return Real.rounded(self.value + other.value, self.error + other.error)

    def __sub__(self, other):
        other = Real.of(other)
        return Real.rounded(self.value - other.value, self.error + other.error)

    def __mul__(self, other):
        other = Real.of(other)
        error = abs(self.value) * other.error + abs(other.value) * self.error + self.error * other.error
        return Real.rounded(self.value * other.value, error)

    def __truediv__(self, other):
        other = Real.of(other)
        least = abs(other.value) - other.error
        assert least > 0, "division by what may be zero"
        error = (self.error + abs(self.value / other.value) * other.error) / least
        return Real.rounded(self.value / other.value, error)

    def __radd__(self, other):
        return Real.of(other) + self

    def __rsub__(self, other):
        return Real.of(other) - self

    def __rmul__(self, other):
        return Real.of(other) * self

    def __rtruediv__(self, other):
        return Real.of(other) / self

    def sqrt(self):
        low, high = max(0.0, self.value - self.error), self.value + self.error
        root = math.sqrt(self.value)
        return Real.rounded(root, max(root - math.sqrt(low), math.sqrt(high) - root))

    def cos(self):
        # A library's cosine is not correctly rounded: four units.
        return Real.rounded(math.cos(self.value), self.error + 4 * UNIT)


def decayed(variable, rate, decay):
    """Decoupled: the variable shrinks before the step."""
    return variable - variable * (rate * decay) if decay else variable


def sgd(s, variable, slots, rate, gradient, step, decay):
    variable = decayed(variable, rate, decay)
    momentum = s.get("momentum", 0)
    if not momentum:
        return variable - rate * gradient
    slots["momentum"] = slots["momentum"] * momentum - rate * gradient
    if s.get("nesterov"):
        return variable + slots["momentum"] * momentum - rate * gradient
    return variable + slots["momentum"]


def rmsprop(s, variable, slots, rate, gradient, step, decay):
    rho, epsilon = s.get("rho", 0.9), s.get("epsilon", 1e-7)
    slots["rms"] = slots["rms"] * rho + gradient * gradient * (1 - rho)
    denominator = slots["rms"]
    if s.get("centered"):
        slots["mg"] = slots["mg"] * rho + gradient * (1 - rho)
        denominator = slots["rms"] - slots["mg"] * slots["mg"]
    increment = rate * gradient / (denominator + epsilon).sqrt()
    if s.get("momentum"):
        slots["momentum"] = slots["momentum"] * s["momentum"] + increment
        return variable - slots["momentum"]
    return variable - increment


def adam(s, variable, slots, rate, gradient, step, decay):
    beta_1, beta_2 = s.get("beta_1", 0.9), s.get("beta_2", 0.999)
    variable = decayed(variable, rate, decay)
    slots["m"] = slots["m"] * beta_1 + gradient * (1 - beta_1)
    slots["v"] = slots["v"] * beta_2 + gradient * gradient * (1 - beta_2)
    # The powers are taken of the settings themselves, not of rounded ones.
    alpha = rate * (math.sqrt(1 - beta_2 ** (step + 1)) / (1 - beta_1 ** (step + 1)))
    return variable - alpha * slots["m"] / (slots["v"].sqrt() + s.get("epsilon", 1e-7))


RULES = {"sgd": sgd, "rmsprop": rmsprop, "adam": adam, "adamw": adam}


def slots_of(kind, s):
    if kind == "sgd":
        return ["momentum"] if s.get("momentum") else []
    if kind == "rmsprop":
        return (["rms"] + (["mg"] if s.get("centered") else [])
                + (["momentum"] if s.get("momentum") else []))
    return ["m", "v"]


def factor(schedule, step):
    """What the schedule multiplies the learning rate with at a step, from 0."""
    if not schedule:
        return Real(1.0)
    ((kind, s),) = schedule.items()
    warmup, total = s.get("warmup_steps", 0), s.get("total_steps")
    end = s.get("end", 1.0 if kind == "constant" else 0.0)
    if step < warmup:
        return Real(float(step)) / Real(float(warmup))
    if kind == "constant":
        return Real.of(end) if total is not None and step >= total else Real(1.0)
    if step >= total:
        return Real.of(end)
    part = Real(float(step - warmup)) / Real(float(total - warmup))
    left = 1 - part if kind == "linear" else ((part * math.pi).cos() + 1) * 0.5
    return left * (1 - end) + end


def clipped(gradients, limit):
    norm = sum((g * g for values in gradients.values() for g in values), Real(0.0)).sqrt()
    # Where it is open whether the norm is beyond the limit, either may happen.
    assert abs(norm.value - limit) > norm.error
    if norm.value <= limit:
        return gradients
    ratio = Real.of(limit) / norm
    return {name: [g * ratio for g in values] for name, values in gradients.items()}


def table(case, start, calls):
    ((kind, s),) = case["optimizer"].items()
    variables = {name: [Real(v) for v in values] for name, values in start.items()}
    slots = {name: [{slot: Real(0.0) for slot in slots_of(kind, s)} for _ in values]
             for name, values in start.items()}
    group = case.get("accumulate_steps", 1)
    sums = {name: [Real(0.0)] * len(values) for name, values in start.items()}
    rows, step = [], 0
    for call, given in enumerate(calls):
        gradients = {name: [Real(g) for g in values] for name, values in given.items()}
        if group > 1:
            sums = {name: [a + g for a, g in zip(sums[name], gradients[name])] for name in sums}
            gradients = {name: [a / Real(float(group)) for a in sums[name]] for name in sums}
        if (call + 1) % group == 0:
            sums = {name: [Real(0.0)] * len(values) for name, values in start.items()}
            if "clip_norm" in case:
                gradients = clipped(gradients, case["clip_norm"])
            rate = Real.of(s.get("learning_rate", 0.01 if kind == "sgd" else 0.001)) * factor(case.get("schedule"), step)
            for name in variables:
                decay = s.get("weight_decay", 0.004 if kind == "adamw" else 0)
                if name in case.get("no_decay", ()):
                    decay = 0
                for i, gradient in enumerate(gradients[name]):
                    variables[name][i] = RULES[kind](s, variables[name][i], slots[name][i], rate, gradient, step, decay)
            step += 1
        row = {}
        for name in variables:
            row[name] = list(variables[name])
            for slot in slots_of(kind, s):
                row[name + "/" + slot] = [element[slot] for element in slots[name]]
            if group > 1:
                row[name + "/accumulator"] = list(sums[name])
        rows.append((step, row))
    return rows


CASES = {
    "sgd": {"optimizer": {"sgd": {}}},
    "sgd_weight_decay": {"optimizer": {"sgd": {"learning_rate": 0.1, "weight_decay": 0.05}}},
    "momentum": {"optimizer": {"sgd": {"learning_rate": 0.05, "momentum": 0.9}}},
    "nesterov": {"optimizer": {"sgd": {"learning_rate": 0.05, "momentum": 0.8, "nesterov": True}}},
    "momentum_weight_decay": {"optimizer": {"sgd": {"momentum": 0.9, "weight_decay": 0.1}}, "no_decay": ["b"]},
    "nesterov_weight_decay": {"optimizer": {"sgd": {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}}},
    "rmsprop": {"optimizer": {"rmsprop": {}}},
    "rmsprop_momentum": {"optimizer": {"rmsprop": {"learning_rate": 0.01, "rho": 0.8, "momentum": 0.7}}},
    "rmsprop_centered": {"optimizer": {"rmsprop": {"learning_rate": 0.01, "centered": True, "epsilon": 0.001}}},
    "rmsprop_centered_momentum": {"optimizer": {"rmsprop": {"centered": True, "momentum": 0.9, "epsilon": 0.001}}},
    "adam": {"optimizer": {"adam": {}}},
    "adam_betas": {"optimizer": {"adam": {"learning_rate": 0.02, "beta_1": 0.8, "beta_2": 0.95, "epsilon": 0.01}}},
    "adamw": {"optimizer": {"adamw": {"learning_rate": 0.01, "weight_decay": 0.1}}},
    "adamw_no_decay": {"optimizer": {"adamw": {"learning_rate": 0.01}}, "no_decay": ["b"]},
    "clip_norm": {"optimizer": {"sgd": {"learning_rate": 0.1}}, "clip_norm": 2.9},
    "clip_norm_adam": {"optimizer": {"adam": {}}, "clip_norm": 0.3},
    "accumulate": {"optimizer": {"sgd": {"momentum": 0.9}}, "accumulate_steps": 3},
    "accumulate_clip": {"optimizer": {"rmsprop": {}}, "accumulate_steps": 4, "clip_norm": 1.3},
    "schedule_constant": {"optimizer": {"sgd": {}}, "schedule": {"constant": {"warmup_steps": 4, "total_steps": 12, "end": 0.25}}},
    "schedule_warmup": {"optimizer": {"adam": {}}, "schedule": {"constant": {"warmup_steps": 7}}},
    "schedule_linear": {"optimizer": {"sgd": {}}, "schedule": {"linear": {"total_steps": 15}}},
    "schedule_linear_end": {"optimizer": {"rmsprop": {}}, "schedule": {"linear": {"warmup_steps": 3, "total_steps": 13, "end": 0.1}}},
    "schedule_cosine": {"optimizer": {"sgd": {}}, "schedule": {"cosine": {"total_steps": 16}}},
    "schedule_cosine_end": {"optimizer": {"adamw": {}}, "schedule": {"cosine": {"warmup_steps": 5, "total_steps": 17, "end": 0.2}}},
    "all": {"optimizer": {"adamw": {"learning_rate": 0.01}}, "no_decay": ["b"], "clip_norm": 1.0, "accumulate_steps": 2,
            "schedule": {"cosine": {"warmup_steps": 2, "total_steps": 9, "end": 0.1}}},
}


def tables():
    rng = random.Random(SEED)
    # Eight bits each, so that they are exact in every type.
    start = {name: [rng.randrange(-128, 129) / 64 for _ in range(size)] for name, size in SIZES.items()}
    calls = [{name: [(rng.randrange(1, 129) / 64) * rng.choice((-1, 1)) for _ in range(size)]
              for name, size in SIZES.items()} for _ in range(STEPS)]
    result = {"seed": SEED, "start": start, "gradients": calls, "cases": {}}
    for name, case in CASES.items():
        rows = [{"step": step, "state": {key: [[r.value, float("%.3g" % (r.error * 1.001))] for r in values]
                                         for key, values in row.items()}}
                for step, row in table(case, start, calls)]
        result["cases"][name] = {"training": case, "calls": rows}
    return result


if __name__ == "__main__":
    with open(sys.argv[1], "w", encoding="utf-8") as f:
        data = tables()
        cases = data.pop("cases")
        f.write(json.dumps(data)[:-1] + ', "cases": {\n')
        f.write(",\n".join('"%s": {"training": %s, "calls": [\n%s]}' % (
            name, json.dumps(case["training"]), ",\n".join(json.dumps(row) for row in case["calls"]))
            for name, case in cases.items()))
        f.write("}}\n")
