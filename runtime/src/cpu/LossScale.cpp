//===- LossScale.cpp - The kernels of loss scaling ------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The finite check over all gradients, and the rule of the scale.
//===----------------------------------------------------------------------===//

#include "FlatExpression.h"
#include "amp/OpSet/LossScaleRule.h"
#include "amprt/Half.h"

#include <algorithm>

using namespace amprt;
using namespace amprt::cpu;

/// Whether all exponents are below the largest, which infinities and NaN have.
template <typename T>
static bool allFinite(const T *bits, int64_t count, T exponent) {
  constexpr int64_t block = 1 << 14;
  int64_t blocks = (count + block - 1) / block;
  int bad = 0;
#pragma omp parallel for schedule(static) reduction(| : bad) if (blocks > 2)
  for (int64_t b = 0; b < blocks; ++b) {
    int64_t end = std::min(count, (b + 1) * block);
    T found = 0;
    for (int64_t i = b * block; i < end; ++i)
      found |= T((bits[i] & exponent) == exponent);
    bad |= found != 0;
  }
  return !bad;
}

/// The same for an expression, block by block.
static bool allFinite(const FlatExpression &expression, int64_t count) {
  constexpr int64_t chunk = 1 << 14, block = FlatExpression::kBlock;
  int64_t chunks = (count + chunk - 1) / chunk;
  int bad = 0;
#pragma omp parallel if (chunks > 2)
  {
    std::vector<float> memory(expression.registerFloats());
#pragma omp for schedule(static) reduction(| : bad)
    for (int64_t c = 0; c < chunks; ++c)
      for (int64_t at = c * chunk; at < std::min(count, (c + 1) * chunk);
           at += block) {
        int64_t n = std::min({block, (c + 1) * chunk - at, count - at});
        const float *values = expression.evaluate(at, n, memory.data());
        int found = 0;
        for (int64_t i = 0; i < n; ++i)
          found |= (floatBits(values[i]) & 0x7f800000) == 0x7f800000;
        bad |= found;
      }
  }
  return !bad;
}

static bool allFinite(const StepCall &call, size_t operand) {
  int64_t count = call.operandSize(operand);
  switch (call.operandBuffer(operand).dtype) {
  case DType::Float16:
    return allFinite<uint16_t>(call.operand<uint16_t>(operand), count, 0x7c00);
  case DType::BFloat16:
    return allFinite<uint16_t>(call.operand<uint16_t>(operand), count, 0x7f80);
  case DType::Float32:
    return allFinite<uint32_t>(call.operand<uint32_t>(operand), count,
                               0x7f800000);
  case DType::Float64:
    return allFinite<uint64_t>(call.operand<uint64_t>(operand), count,
                               uint64_t(0x7ff) << 52);
  default:
    return true; // integers are finite
  }
}

void amprt::cpu::runAllFinite(const StepCall &call) {
  bool finite = true;
  for (const Part &part : call.step.parts) {
    if (!finite)
      break;
    if (part.gradient.size() == 1) {
      finite = allFinite(call, size_t(part.gradient[0].a));
      continue;
    }
    int64_t count = 1;
    for (const Instr &instr : part.gradient)
      if (instr.op == ScalarOp::Load &&
          call.operandSize(size_t(instr.a)) != 1)
        count = call.operandSize(size_t(instr.a));
    finite = allFinite(FlatExpression(call, part.gradient), count);
  }
  *call.result<uint8_t>(0) = finite;
}

void amprt::cpu::runLossScale(const StepCall &call) {
  const StepParams &p = call.step.params;
  amp::LossScaleParams params;
  params.growthSteps = p.growthSteps;
  params.growth = float(p.growth);
  params.backoff = float(p.backoff);
  params.min = float(p.minimum);
  params.max = float(p.maximum);
  params.decreaseEvery = p.decreaseEvery;
  amp::LossScaleState state;
  state.scale = *call.operand<float>(0);
  state.goodSteps = *call.operand<int32_t>(1);
  state.badSteps = *call.operand<int32_t>(2);
  state = amp::updateLossScale(state, *call.operand<uint8_t>(3) != 0, params);
  *call.result<float>(0) = state.scale;
  *call.result<int32_t>(1) = state.goodSteps;
  *call.result<int32_t>(2) = state.badSteps;
}
