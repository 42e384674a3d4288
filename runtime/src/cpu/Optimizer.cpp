//===- Optimizer.cpp - Optimizer updates ----------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// One pass over variable, slots and gradient, in place, by Keras 3's formulas.
//===----------------------------------------------------------------------===//

#include "Kernels.h"

#include <algorithm>
#include <cmath>

using namespace amprt;
using namespace amprt::cpu;

namespace {

/// Calls `update(begin, end)` for parts of `count` elements.
template <typename F> void inParts(int64_t count, F update) {
  constexpr int64_t part = 1 << 14;
  int64_t parts = (count + part - 1) / part;
#pragma omp parallel for schedule(static) if (parts > 2)
  for (int64_t i = 0; i < parts; ++i)
    update(i * part, std::min(count, (i + 1) * part));
}

void applySgd(const StepCall &call) {
  const StepParams &p = call.step.params;
  float *variable = call.result<float>(0);
  float rate = *call.operand<float>(0);
  const float *gradient = call.operand<float>(1);
  float decay = float(p.weightDecay) * rate;
  inParts(call.resultSize(0), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      float value = variable[i] - decay * variable[i];
      variable[i] = value - rate * gradient[i];
    }
  });
}

void applyMomentum(const StepCall &call) {
  const StepParams &p = call.step.params;
  float *variable = call.result<float>(0), *slot = call.result<float>(1);
  float rate = *call.operand<float>(0);
  const float *gradient = call.operand<float>(1);
  float decay = float(p.weightDecay) * rate, momentum = float(p.momentum);
  bool nesterov = p.nesterov;
  inParts(call.resultSize(0), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      float value = variable[i] - decay * variable[i];
      float step = rate * gradient[i];
      float moved = momentum * slot[i] - step;
      slot[i] = moved;
      variable[i] = nesterov ? value + momentum * moved - step : value + moved;
    }
  });
}

void applyRmsprop(const StepCall &call) {
  const StepParams &p = call.step.params;
  size_t next = 1;
  float *variable = call.result<float>(0), *rms = call.result<float>(next++);
  float *mean = p.centered ? call.result<float>(next++) : nullptr;
  float *slot =
      next < call.step.results.size() ? call.result<float>(next) : nullptr;
  float rate = *call.operand<float>(0);
  const float *gradient = call.operand<float>(1);
  float rho = float(p.rho), rest = float(1 - p.rho);
  float epsilon = float(p.epsilon), momentum = float(p.momentum);
  inParts(call.resultSize(0), [&](int64_t begin, int64_t end) {
    if (!mean && !slot) { // the usual form, which compilers vectorise
      for (int64_t i = begin; i < end; ++i) {
        float g = gradient[i];
        float square = rho * rms[i] + rest * (g * g);
        rms[i] = square;
        variable[i] -= rate * g / std::sqrt(square + epsilon);
      }
      return;
    }
    for (int64_t i = begin; i < end; ++i) {
      float g = gradient[i];
      rms[i] = rho * rms[i] + rest * (g * g);
      float variance = rms[i];
      if (mean) {
        mean[i] = rho * mean[i] + rest * g;
        variance -= mean[i] * mean[i];
      }
      float step = rate * g / std::sqrt(variance + epsilon);
      if (slot)
        step = slot[i] = momentum * slot[i] + step;
      variable[i] -= step;
    }
  });
}

void applyAdam(const StepCall &call) {
  const StepParams &p = call.step.params;
  float *variable = call.result<float>(0);
  float *m = call.result<float>(1), *v = call.result<float>(2);
  double steps = double(*call.operand<int64_t>(0)) + 1;
  float rate = *call.operand<float>(1);
  const float *gradient = call.operand<float>(2);
  float alpha = float(rate * std::sqrt(1 - std::pow(p.beta2, steps)) /
                      (1 - std::pow(p.beta1, steps)));
  float rest1 = float(1 - p.beta1), rest2 = float(1 - p.beta2);
  float epsilon = float(p.epsilon), decay = float(p.weightDecay) * rate;
  inParts(call.resultSize(0), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      float g = gradient[i];
      float value = variable[i] - decay * variable[i];
      float first = m[i] + (g - m[i]) * rest1;
      float second = v[i] + (g * g - v[i]) * rest2;
      m[i] = first;
      v[i] = second;
      variable[i] = value - alpha * first / (std::sqrt(second) + epsilon);
    }
  });
}

} // namespace

void amprt::cpu::runOptimizer(const StepCall &call) {
  switch (call.step.kernel) {
  case Kernel::ApplySgd:
    return applySgd(call);
  case Kernel::ApplyMomentum:
    return applyMomentum(call);
  case Kernel::ApplyRmsprop:
    return applyRmsprop(call);
  default:
    return applyAdam(call);
  }
}
