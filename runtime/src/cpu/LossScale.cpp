//===- LossScale.cpp - The kernels of loss scaling ------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The finite check over all gradients, and the rule of the scale.
//===----------------------------------------------------------------------===//

#include "Kernels.h"
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

void amprt::cpu::runAllFinite(const StepCall &call) {
  bool finite = true;
  for (size_t i = 0; i < call.step.operands.size() && finite; ++i) {
    int64_t count = call.operandSize(i);
    switch (call.operandBuffer(i).dtype) {
    case DType::Float16:
      finite = allFinite<uint16_t>(call.operand<uint16_t>(i), count, 0x7c00);
      break;
    case DType::BFloat16:
      finite = allFinite<uint16_t>(call.operand<uint16_t>(i), count, 0x7f80);
      break;
    case DType::Float32:
      finite =
          allFinite<uint32_t>(call.operand<uint32_t>(i), count, 0x7f800000);
      break;
    case DType::Float64:
      finite = allFinite<uint64_t>(call.operand<uint64_t>(i), count,
                                   uint64_t(0x7ff) << 52);
      break;
    default:
      break; // integers are finite
    }
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
