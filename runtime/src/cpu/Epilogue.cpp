//===- Epilogue.cpp - What products do for gradients ----------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Behind a 16-bit product that was planned for a GPU: bit masks of ReLU, GELU
// with the value that it reads, their gradients, and the sums of rows that are
// the gradient of a bias.
//===----------------------------------------------------------------------===//

#include "Kernels.h"

#include "amprt/EpiloguePass.h"
#include "amprt/Half.h"

#include <algorithm>
#include <cstring>

using namespace amprt;
using namespace amprt::cpu;

namespace {

struct Rows {
  uint16_t *data;
  int64_t count, width, pitch;
  uint16_t *row(int64_t i) const { return data + i * pitch; }
};

Rows rowsOf(const Buffer &buffer, void *memory, int64_t count) {
  return {static_cast<uint16_t *>(memory), count, buffer.dims.back(),
          buffer.pitch};
}

/// The step's expression over its result and one operand, into the result.
void applyExpression(const StepCall &call, uint32_t first,
                     std::optional<uint32_t> second) {
  std::vector<uint32_t> operands = {first};
  if (second)
    operands.push_back(*second);
  const Step pass =
      epiloguePass(call.program, call.step, call.step.expression,
                   std::move(operands), call.step.results[0]);
  runElementwise({call.program, pass, call.bindings});
}

/// Positive numbers have a bit that is 1; NaN is none.
void writeMask(const Rows &from, DType dtype, uint8_t *mask, int64_t bytes) {
  const uint16_t infinity = dtype == DType::Float16 ? 0x7c00 : 0x7f80;
#pragma omp parallel for schedule(static) if (from.count * from.width >=       \
                                              kParallelElements)
  for (int64_t i = 0; i < from.count; ++i) {
    const uint16_t *row = from.row(i);
    uint8_t *bits = mask + i * bytes;
    std::memset(bits, 0, size_t(bytes));
    for (int64_t j = 0; j < from.width; ++j)
      bits[j / 8] |= uint8_t((row[j] != 0 && row[j] <= infinity) << (j % 8));
  }
}

void applyMask(const Rows &to, const uint8_t *mask, int64_t bytes) {
#pragma omp parallel for schedule(static) if (to.count * to.width >=           \
                                              kParallelElements)
  for (int64_t i = 0; i < to.count; ++i) {
    uint16_t *row = to.row(i);
    const uint8_t *bits = mask + i * bytes;
    for (int64_t j = 0; j < to.width; ++j)
      if (!(bits[j / 8] >> (j % 8) & 1))
        row[j] = 0;
  }
}

/// In float64; a few columns at a time, so that the order does
/// not depend on the number of threads.
void sumRows(const Rows &rows, DType dtype, uint16_t *sums) {
  constexpr int64_t columns = 256;
  const int64_t blocks = (rows.width + columns - 1) / columns;
#pragma omp parallel for schedule(static) if (rows.count * rows.width >=       \
                                              kParallelElements)
  for (int64_t block = 0; block < blocks; ++block) {
    const int64_t first = block * columns;
    const int64_t count = std::min(columns, rows.width - first);
    double total[columns] = {};
    for (int64_t i = 0; i < rows.count; ++i) {
      const uint16_t *row = rows.row(i) + first;
      if (dtype == DType::Float16)
        for (int64_t j = 0; j < count; ++j)
          total[j] += double(halfToFloat(row[j]));
      else
        for (int64_t j = 0; j < count; ++j)
          total[j] += double(bfloatToFloat(row[j]));
    }
    for (int64_t j = 0; j < count; ++j)
      sums[first + j] = dtype == DType::Float16
                            ? floatToHalf(float(total[j]))
                            : floatToBFloat(float(total[j]));
  }
}

} // namespace

void amprt::cpu::runGradientEpilogue(const StepCall &call) {
  const StepParams &p = call.step.params;
  const Buffer &c = call.resultBuffer(0);
  const Rows result = rowsOf(c, call.result(0), p.m);
  const uint32_t last = call.step.operands.back();
  const int64_t maskBytes = maskPitch(p.n) / 8;
  if (p.relu && p.keepsInput)
    writeMask(result, c.dtype, call.result<uint8_t>(1), maskBytes);
  if (p.gelu) {
    const Rows input = rowsOf(call.resultBuffer(1), call.result(1), p.m);
    for (int64_t i = 0; i < p.m; ++i)
      std::memcpy(input.row(i), result.row(i), size_t(p.n) * 2);
    applyExpression(call, call.step.results[1], std::nullopt);
  }
  if (p.reluGrad)
    applyMask(result, static_cast<const uint8_t *>(call.address(last)),
              maskBytes);
  if (p.geluGrad)
    applyExpression(call, call.step.results[0], last);
  if (p.sumsResult)
    sumRows(result, c.dtype, call.result<uint16_t>(p.keepsInput ? 2 : 1));
  if (p.sumsB)
    sumRows(rowsOf(call.operandBuffer(1), call.address(call.step.operands[1]),
                   p.k),
            c.dtype, call.result<uint16_t>(p.keepsInput ? 2 : 1));
}
