//===- Move.cpp - Transposes and argmax -----------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Kernels that move elements or find their places.
//===----------------------------------------------------------------------===//

#include "Kernels.h"
#include "ScalarLoops.h"

#include <algorithm>
#include <cstring>

using namespace amprt;
using namespace amprt::cpu;

template <typename T> static void transpose(const StepCall &call) {
  const StepParams &p = call.step.params;
  int64_t count = elementCount(p.loops);
  if (count == 0)
    return;
  const T *from = call.operand<T>(0);
  T *to = call.result<T>(0);
  int64_t inner = p.loops.empty() ? 1 : p.loops.back();
  int64_t stride = p.loops.empty() ? 0 : p.strides[0].back();
  int64_t rows = count / inner;
#pragma omp parallel for schedule(static) if (count >= kParallelElements)
  for (int64_t row = 0; row < rows; ++row) {
    int64_t offset = 0, rest = row;
    for (size_t i = p.loops.size() - (p.loops.empty() ? 0 : 1); i-- > 0;) {
      offset += rest % p.loops[i] * p.strides[0][i];
      rest /= p.loops[i];
    }
    for (int64_t i = 0; i < inner; ++i)
      to[row * inner + i] = from[offset + i * stride];
  }
}

void amprt::cpu::runTranspose(const StepCall &call) {
  switch (amp::dtypeSize(call.operandBuffer(0).dtype)) {
  case 1:
    return transpose<uint8_t>(call);
  case 2:
    return transpose<uint16_t>(call);
  case 4:
    return transpose<uint32_t>(call);
  default:
    return transpose<uint64_t>(call);
  }
}

/// The first index of the largest element; NaN counts as the largest.
template <typename T> static void argMax(const StepCall &call) {
  const StepParams &p = call.step.params;
  DType dtype = call.operandBuffer(0).dtype;
  auto size = int64_t(amp::dtypeSize(dtype));
  int64_t rows = p.outer * p.inner;
#pragma omp parallel if (rows * p.size >= kParallelElements)
  {
    std::vector<T> x(static_cast<size_t>(p.size));
#pragma omp for schedule(static)
    for (int64_t row = 0; row < rows; ++row) {
      int64_t at = row / p.inner * p.size * p.inner + row % p.inner;
      loadRun(x.data(), call.operand<std::byte>(0) + at * size, dtype, p.inner,
              p.size);
      size_t best = 0;
      for (size_t i = 1; i < x.size() && x[best] == x[best]; ++i)
        if (x[i] > x[best] || x[i] != x[i])
          best = i;
      call.result<int32_t>(0)[row] = int32_t(best);
    }
  }
}

void amprt::cpu::runArgMax(const StepCall &call) {
  switch (registerClass(call.operandBuffer(0).dtype)) {
  case RegisterClass::F32:
    return argMax<float>(call);
  case RegisterClass::F64:
    return argMax<double>(call);
  case RegisterClass::I64:
    return argMax<int64_t>(call);
  }
}
