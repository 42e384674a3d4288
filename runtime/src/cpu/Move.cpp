//===- Move.cpp - Transposes, slices, joins and argmax --------------------===//
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

/// Where row number `row` of the loop nest begins on the strided side.
static int64_t offsetOfRow(const StepParams &p, int64_t row) {
  int64_t offset = p.offset;
  for (size_t i = p.loops.size() - (p.loops.empty() ? 0 : 1); i-- > 0;) {
    offset += row % p.loops[i] * p.strides[0][i];
    row /= p.loops[i];
  }
  return offset;
}

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
    int64_t offset = offsetOfRow(p, row);
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

/// Everything is `fill`, then the elements go to their places.
template <typename T> static void pad(const StepCall &call, T fill) {
  const StepParams &p = call.step.params;
  const T *from = call.operand<T>(0);
  T *to = call.result<T>(0);
  int64_t size = call.resultSize(0), count = elementCount(p.loops);
#pragma omp parallel for schedule(static) if (size >= kParallelElements)
  for (int64_t i = 0; i < size; ++i)
    to[i] = fill;
  if (count == 0)
    return;
  int64_t inner = p.loops.empty() ? 1 : p.loops.back();
  int64_t stride = p.loops.empty() ? 0 : p.strides[0].back();
  int64_t rows = count / inner;
#pragma omp parallel for schedule(static) if (count >= kParallelElements)
  for (int64_t row = 0; row < rows; ++row) {
    T *at = to + offsetOfRow(p, row);
    for (int64_t i = 0; i < inner; ++i)
      at[i * stride] = from[row * inner + i];
  }
}

void amprt::cpu::runPad(const StepCall &call) {
  DType dtype = call.resultBuffer(0).dtype;
  // The value as an element: from a register of its class.
  std::byte element[sizeof(int64_t)];
  double value = call.step.params.fill;
  if (registerClass(dtype) == RegisterClass::I64) {
    auto integer = int64_t(value);
    storeRun(element, dtype, &integer, 1);
  } else if (dtype == DType::Float64) {
    storeRun(element, dtype, &value, 1);
  } else {
    float single = 0;
    castRun(&single, dtype, &value, DType::Float64, 1);
    storeRun(element, dtype, &single, 1);
  }
  auto run = [&](auto fill) {
    std::memcpy(&fill, element, sizeof(fill));
    pad(call, fill);
  };
  switch (amp::dtypeSize(dtype)) {
  case 1:
    return run(uint8_t());
  case 2:
    return run(uint16_t());
  case 4:
    return run(uint32_t());
  default:
    return run(uint64_t());
  }
}

/// Calls `copy(part, inWhole, inPart, bytes)` for the runs of bytes that the
/// whole and its parts share: the places are offsets in bytes.
template <typename F>
static void forEachPart(const StepParams &p, DType dtype, F copy) {
  int64_t element = p.inner * int64_t(amp::dtypeSize(dtype));
  [[maybe_unused]] bool parallel =
      p.outer * p.size * p.inner >= kParallelElements;
#pragma omp parallel for schedule(static) if (parallel)
  for (int64_t row = 0; row < p.outer; ++row) {
    int64_t whole = row * p.size * element;
    for (size_t part = 0; part < p.parts.size(); ++part) {
      int64_t bytes = p.parts[part] * element;
      if (bytes)
        copy(part, whole, row * bytes, size_t(bytes));
      whole += bytes;
    }
  }
}

void amprt::cpu::runConcat(const StepCall &call) {
  std::vector<const std::byte *> parts;
  for (size_t i = 0; i < call.step.operands.size(); ++i)
    parts.push_back(call.operand<std::byte>(i));
  auto *whole = call.result<std::byte>(0);
  forEachPart(call.step.params, call.resultBuffer(0).dtype,
              [&](size_t i, int64_t inWhole, int64_t inPart, size_t bytes) {
                std::memcpy(whole + inWhole, parts[i] + inPart, bytes);
              });
}

void amprt::cpu::runSplit(const StepCall &call) {
  std::vector<std::byte *> parts;
  for (size_t i = 0; i < call.step.results.size(); ++i)
    parts.push_back(call.result<std::byte>(i));
  const auto *whole = call.operand<std::byte>(0);
  forEachPart(call.step.params, call.operandBuffer(0).dtype,
              [&](size_t i, int64_t inWhole, int64_t inPart, size_t bytes) {
                std::memcpy(parts[i] + inPart, whole + inWhole, bytes);
              });
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
