//===- Scan.cpp - Running sums --------------------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Each element plus all before it along an axis, or all behind it. Floating
// sums are kept in float64 and rounded as they are stored.
//===----------------------------------------------------------------------===//

#include "Kernels.h"
#include "ScalarLoops.h"

#include <algorithm>

using namespace amprt;
using namespace amprt::cpu;

namespace {

constexpr int64_t kBlock = 512;

/// Registers of T, sums in Acc; integers wrap around.
template <typename T, typename Acc> void cumsum(const StepCall &call) {
  const StepParams &p = call.step.params;
  DType dtype = call.operandBuffer(0).dtype;
  auto size = int64_t(amp::dtypeSize(dtype));
  const auto *from = call.operand<std::byte>(0);
  auto *to = call.result<std::byte>(0);
  [[maybe_unused]] bool parallel =
      p.outer * p.size * p.inner >= kParallelElements;
  if (p.inner == 1) {
#pragma omp parallel for schedule(static) if (parallel)
    for (int64_t row = 0; row < p.outer; ++row) {
      Acc total = 0;
      T values[kBlock];
      for (int64_t done = 0; done < p.size; done += kBlock) {
        int64_t run = std::min(kBlock, p.size - done);
        int64_t at = row * p.size + (p.reverse ? p.size - done - run : done);
        loadRun(values, from + at * size, dtype, 1, run);
        for (int64_t i = 0; i < run; ++i) {
          T &value = values[p.reverse ? run - 1 - i : i];
          total += Acc(value);
          value = T(total);
        }
        storeRun(to + at * size, dtype, values, run);
      }
    }
    return;
  }
  int64_t chunks = (p.inner + kBlock - 1) / kBlock;
#pragma omp parallel for schedule(static) if (parallel)
  for (int64_t task = 0; task < p.outer * chunks; ++task) {
    int64_t first = task % chunks * kBlock;
    int64_t run = std::min(kBlock, p.inner - first);
    Acc totals[kBlock];
    T values[kBlock];
    std::fill_n(totals, run, Acc(0));
    for (int64_t i = 0; i < p.size; ++i) {
      int64_t row = task / chunks * p.size + (p.reverse ? p.size - 1 - i : i);
      int64_t at = row * p.inner + first;
      loadRun(values, from + at * size, dtype, 1, run);
      for (int64_t j = 0; j < run; ++j) {
        totals[j] += Acc(values[j]);
        values[j] = T(totals[j]);
      }
      storeRun(to + at * size, dtype, values, run);
    }
  }
}

} // namespace

void amprt::cpu::runCumsum(const StepCall &call) {
  switch (registerClass(call.operandBuffer(0).dtype)) {
  case RegisterClass::F32:
    return cumsum<float, double>(call);
  case RegisterClass::F64:
    return cumsum<double, double>(call);
  case RegisterClass::I64:
    return cumsum<int64_t, uint64_t>(call);
  }
}
