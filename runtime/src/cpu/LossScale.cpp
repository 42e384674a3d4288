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

/// Elements of a part: those of the tensor among its operands.
static int64_t partSize(const StepCall &call, const Part &part) {
  for (const Instr &instr : part.gradient)
    if (instr.op == ScalarOp::Load && call.operandSize(size_t(instr.a)) != 1)
      return call.operandSize(size_t(instr.a));
  return 1;
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
    finite = allFinite(FlatExpression(call, part.gradient),
                       partSize(call, part));
  }
  *call.result<uint8_t>(0) = finite;
}

/// Squares are float32 numbers, as the graph's are; they add up in float64, in
/// lanes and in chunks that depend on sizes alone.
void amprt::cpu::runSumSquares(const StepCall &call) {
  constexpr int64_t chunk = 1 << 14, block = FlatExpression::kBlock;
  constexpr int lanes = 16;
  struct Chunk {
    size_t part;
    int64_t begin, end;
    double sum;
  };
  std::vector<FlatExpression> gradients;
  std::vector<Chunk> chunks;
  size_t registers = 0;
  for (const Part &part : call.step.parts) {
    gradients.emplace_back(call, part.gradient);
    registers = std::max(registers, gradients.back().registerFloats());
    int64_t count = partSize(call, part);
    for (int64_t at = 0; at < count; at += chunk)
      chunks.push_back(
          {gradients.size() - 1, at, std::min(count, at + chunk), 0});
  }
#pragma omp parallel if (chunks.size() > 2)
  {
    std::vector<float> memory(registers);
#pragma omp for schedule(static)
    for (Chunk &one : chunks) {
      double sums[lanes] = {};
      for (int64_t at = one.begin; at < one.end; at += block) {
        int64_t n = std::min(block, one.end - at);
        const float *values =
            gradients[one.part].evaluate(at, n, memory.data());
        int64_t i = 0;
        for (; i + lanes <= n; i += lanes)
          for (int lane = 0; lane < lanes; ++lane)
            sums[lane] += double(values[i + lane] * values[i + lane]);
        for (; i < n; ++i)
          sums[0] += double(values[i] * values[i]);
      }
      for (double sum : sums)
        one.sum += sum;
    }
  }
  std::vector<double> totals(call.step.parts.size());
  for (const Chunk &one : chunks)
    totals[one.part] += one.sum;
  for (size_t i = 0; i < totals.size(); ++i)
    *call.result<float>(call.step.parts[i].firstResult) = float(totals[i]);
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
