//===- Optimizer.cpp - Optimizer updates ----------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// One flat pass over all variables of a step, in place, by Keras 3's formulas:
// the gradient is computed where it is read, the variable and its slots are
// updated, and the variable's 16-bit copy is written, all while they are in the
// first-level cache. Parts depend on sizes alone.
//===----------------------------------------------------------------------===//

#include "Convert.h"
#include "FlatExpression.h"
#include "VectorTarget.h"

#include <algorithm>
#include <cmath>

using namespace amprt;
using namespace amprt::cpu;

namespace {

/// Numbers of the step, and up to four runs of one variable.
struct Settings {
  float rate, decay, momentum, rho, rest, epsilon;
  float alpha, rest1, rest2; ///< Adam's
  bool nesterov;
};
struct Run {
  float *__restrict variable;
  float *__restrict slots[3];
  const float *__restrict gradient;
  int64_t count;
};

// No contraction and no reassociation: every instruction set gives the same
// bits.

AMPRT_ALWAYS_INLINE void sgd(const Settings &s, const Run &run) {
  for (int64_t i = 0; i < run.count; ++i) {
    float value = run.variable[i] - s.decay * run.variable[i];
    run.variable[i] = value - s.rate * run.gradient[i];
  }
}

AMPRT_ALWAYS_INLINE void momentum(const Settings &s, const Run &run) {
  float *__restrict variable = run.variable;
  float *__restrict slot = run.slots[0];
  for (int64_t i = 0; i < run.count; ++i) {
    float value = variable[i] - s.decay * variable[i];
    float step = s.rate * run.gradient[i];
    float moved = s.momentum * slot[i] - step;
    slot[i] = moved;
    variable[i] =
        s.nesterov ? value + s.momentum * moved - step : value + moved;
  }
}

AMPRT_ALWAYS_INLINE void rmsprop(const Settings &s, const Run &run) {
  float *__restrict variable = run.variable;
  float *__restrict rms = run.slots[0];
  for (int64_t i = 0; i < run.count; ++i) {
    float g = run.gradient[i];
    float square = s.rho * rms[i] + s.rest * (g * g);
    rms[i] = square;
    variable[i] -= s.rate * g / std::sqrt(square + s.epsilon);
  }
}

/// With the mean of the gradients (slots[1]), a momentum (slots[2]), or both.
AMPRT_ALWAYS_INLINE void rmspropWithSlots(const Settings &s, const Run &run) {
  float *mean = run.slots[1], *slot = run.slots[2];
  for (int64_t i = 0; i < run.count; ++i) {
    float g = run.gradient[i];
    float variance = s.rho * run.slots[0][i] + s.rest * (g * g);
    run.slots[0][i] = variance;
    if (mean) {
      mean[i] = s.rho * mean[i] + s.rest * g;
      variance -= mean[i] * mean[i];
    }
    float step = s.rate * g / std::sqrt(variance + s.epsilon);
    if (slot)
      step = slot[i] = s.momentum * slot[i] + step;
    run.variable[i] -= step;
  }
}

AMPRT_ALWAYS_INLINE void adam(const Settings &s, const Run &run) {
  float *__restrict variable = run.variable;
  float *__restrict m = run.slots[0];
  float *__restrict v = run.slots[1];
  for (int64_t i = 0; i < run.count; ++i) {
    float g = run.gradient[i];
    float value = variable[i] - s.decay * variable[i];
    float first = m[i] + (g - m[i]) * s.rest1;
    float second = v[i] + (g * g - v[i]) * s.rest2;
    m[i] = first;
    v[i] = second;
    variable[i] = value - s.alpha * first / (std::sqrt(second) + s.epsilon);
  }
}

using Update = void (*)(const Settings &, const Run &);

Update updateOf(const StepCall &call, const Part &part) {
  switch (call.step.kernel) {
  case Kernel::ApplySgd:
    return vectorised<sgd>();
  case Kernel::ApplyMomentum:
    return vectorised<momentum>();
  case Kernel::ApplyRmsprop:
    if (part.results - part.copies == 2)
      return vectorised<rmsprop>();
    return rmspropWithSlots;
  default:
    return vectorised<adam>();
  }
}

Settings settingsOf(const StepCall &call) {
  const StepParams &p = call.step.params;
  bool isAdam = call.step.kernel == Kernel::ApplyAdam;
  Settings s = {};
  s.rate = *call.operand<float>(isAdam ? 1 : 0);
  s.decay = float(p.weightDecay) * s.rate;
  s.momentum = float(p.momentum);
  s.rho = float(p.rho);
  s.rest = float(1 - p.rho);
  s.epsilon = float(p.epsilon);
  s.nesterov = p.nesterov;
  if (isAdam) {
    double steps = double(*call.operand<int64_t>(0)) + 1;
    s.alpha = float(s.rate * std::sqrt(1 - std::pow(p.beta2, steps)) /
                    (1 - std::pow(p.beta1, steps)));
    s.rest1 = float(1 - p.beta1);
    s.rest2 = float(1 - p.beta2);
  }
  return s;
}

/// One variable of the step.
struct Work {
  FlatExpression gradient;
  Update update;
  float *variable;
  float *slots[3] = {};
  uint16_t *copy = nullptr;
  DType copyType = DType::Float16;
  int64_t count;

  Work(const StepCall &call, const Part &part)
      : gradient(call, part.gradient), update(updateOf(call, part)),
        variable(call.result<float>(part.firstResult)),
        count(call.resultSize(part.firstResult)) {
    uint32_t next = part.firstResult + 1;
    uint32_t end = part.firstResult + part.results - part.copies;
    // Without the mean of the gradients, the momentum is the second slot.
    bool gap = call.step.kernel == Kernel::ApplyRmsprop &&
               !call.step.params.centered;
    for (size_t slot = 0; next < end; ++next) {
      slots[slot] = call.result<float>(next);
      slot += slot == 0 && gap ? 2 : 1;
    }
    if (part.copies) {
      copy = call.result<uint16_t>(end);
      copyType = call.resultBuffer(end).dtype;
    }
  }

  void run(const Settings &settings, int64_t begin, int64_t end,
           float *registers) const {
    constexpr int64_t block = FlatExpression::kBlock;
    for (int64_t at = begin; at < end; at += block) {
      int64_t count = std::min(block, end - at);
      Run run = {variable + at,
                 {},
                 gradient.evaluate(at, count, registers),
                 count};
      for (size_t i = 0; i < std::size(slots); ++i)
        run.slots[i] = slots[i] ? slots[i] + at : nullptr;
      update(settings, run);
      if (copy)
        fromFloats(copy + at, copyType, variable + at, count);
    }
  }
};

} // namespace

void amprt::cpu::runOptimizer(const StepCall &call) {
  constexpr int64_t chunk = 1 << 14;
  Settings settings = settingsOf(call);
  std::vector<Work> work;
  work.reserve(call.step.parts.size());
  std::vector<std::pair<size_t, int64_t>> chunks; // part, first element
  size_t registers = 0;
  int64_t total = 0;
  for (const Part &part : call.step.parts) {
    work.emplace_back(call, part);
    registers = std::max(registers, work.back().gradient.registerFloats());
    total += work.back().count;
    for (int64_t at = 0; at < work.back().count; at += chunk)
      chunks.emplace_back(work.size() - 1, at);
  }
#pragma omp parallel if (total > 2 * chunk)
  {
    std::vector<float> memory(registers);
#pragma omp for schedule(static)
    for (size_t i = 0; i < chunks.size(); ++i) {
      const Work &one = work[chunks[i].first];
      int64_t at = chunks[i].second;
      one.run(settings, at, std::min(one.count, at + chunk), memory.data());
    }
  }
}
