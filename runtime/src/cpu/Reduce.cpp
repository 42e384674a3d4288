//===- Reduce.cpp - Reductions --------------------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Sums and their relatives. Floating inputs are accumulated in float64, in an
// order that depends on the sizes alone.
//===----------------------------------------------------------------------===//

#include "Kernels.h"
#include "ScalarLoops.h"
#include "VectorMath.h"

#include <algorithm>
#include <limits>

using namespace amprt;
using namespace amprt::cpu;

namespace {

constexpr int64_t kBlock = 512;

template <typename T, typename Acc>
AMPRT_ALWAYS_INLINE void addRun(const T *x, int64_t count, Acc *sums) {
  for (int64_t i = 0; i < count; ++i)
    sums[i] += Acc(x[i]);
}

/// Accumulates in Acc (double or int64_t) what registers hold as T.
template <typename T, typename Acc> class Reducer {
public:
  explicit Reducer(const StepCall &call)
      : call(call), p(call.step.params), dtype(call.operandBuffer(0).dtype),
        memory(call.operand<std::byte>(0)), keptCount(elementCount(p.loops)),
        reducedCount(elementCount(p.reduceLoops)) {}

  void run() {
    if (keptCount == 0)
      return;
    if (!p.loops.empty() && p.strides[0].back() == 1)
      reduceRows();
    else if (keptCount == 1)
      reduceAll();
    else
      reduceEach();
  }

private:
  static Acc start(ReduceOp op) {
    switch (op) {
    case ReduceOp::Sum:
    case ReduceOp::Mean:
      return 0;
    case ReduceOp::Prod:
      return 1;
    case ReduceOp::Max:
      return std::is_floating_point_v<Acc>
                 ? -std::numeric_limits<Acc>::infinity()
                 : std::numeric_limits<Acc>::min();
    case ReduceOp::Min:
      return std::is_floating_point_v<Acc>
                 ? std::numeric_limits<Acc>::infinity()
                 : std::numeric_limits<Acc>::max();
    }
    return 0;
  }
  static Acc combine(ReduceOp op, Acc a, Acc b) {
    switch (op) {
    case ReduceOp::Sum:
    case ReduceOp::Mean:
      return a + b;
    case ReduceOp::Prod:
      return a * b;
    case ReduceOp::Max:
      return a > b || a != a ? a : b;
    case ReduceOp::Min:
      return a < b || a != a ? a : b;
    }
    return a;
  }
  bool sums() const {
    return p.reduce == ReduceOp::Sum || p.reduce == ReduceOp::Mean;
  }
  Acc finish(Acc total) const {
    return p.reduce == ReduceOp::Mean ? total / Acc(reducedCount) : total;
  }
  /// A run of elements as they are, or in `own`.
  const T *load(T *own, int64_t offset, int64_t stride, int64_t count) const {
    const std::byte *from = memory + offset * int64_t(amp::dtypeSize(dtype));
    bool asStored = dtype == DType::Float32 || dtype == DType::Float64 ||
                    dtype == DType::Int64;
    if (asStored && stride == 1)
      return reinterpret_cast<const T *>(from);
    loadRun(own, from, dtype, stride, count);
    return own;
  }
  void store(int64_t at, const Acc *values, int64_t count) const {
    const Buffer &result = call.resultBuffer(0);
    T rounded[kBlock];
    for (int64_t i = 0; i < count; ++i)
      rounded[i] = T(values[i]);
    storeRun(call.result<std::byte>(0) +
                 at * int64_t(amp::dtypeSize(result.dtype)),
             result.dtype, rounded, count);
  }
  static int64_t offsetOf(int64_t index, const Dims &loops,
                          const Dims &strides) {
    int64_t offset = 0;
    for (size_t i = loops.size(); i-- > 0;) {
      offset += index % loops[i] * strides[i];
      index /= loops[i];
    }
    return offset;
  }

  /// The innermost kept loop is dense: whole runs are added to each other.
  void reduceRows() const {
    int64_t inner = p.loops.back();
    int64_t chunks = (inner + kBlock - 1) / kBlock;
    int64_t tasks = keptCount / inner * chunks;
    [[maybe_unused]] bool parallel =
        keptCount * reducedCount >= kParallelElements;
#pragma omp parallel for schedule(static) if (parallel)
    for (int64_t task = 0; task < tasks; ++task) {
      int64_t first = task % chunks * kBlock;
      int64_t count = std::min(kBlock, inner - first);
      int64_t at = task / chunks * inner + first;
      int64_t base = offsetOf(at, p.loops, p.strides[0]);
      Acc total[kBlock];
      T own[kBlock];
      std::fill_n(total, count, start(p.reduce));
      for (int64_t r = 0; r < reducedCount; ++r) {
        const T *values =
            load(own, base + offsetOf(r, p.reduceLoops, p.reduceStrides), 1,
                 count);
        if (sums())
          vectorised<addRun<T, Acc>>()(values, count, total);
        else
          for (int64_t i = 0; i < count; ++i)
            total[i] = combine(p.reduce, total[i], values[i]);
      }
      for (int64_t i = 0; i < count; ++i)
        total[i] = finish(total[i]);
      store(at, total, count);
    }
  }

  /// Reduced elements [begin, end) of one kept element.
  Acc reducePart(int64_t base, int64_t begin, int64_t end) const {
    int64_t inner = p.reduceLoops.empty() ? 1 : p.reduceLoops.back();
    int64_t stride = p.reduceStrides.empty() ? 0 : p.reduceStrides.back();
    Acc total = start(p.reduce);
    T own[kBlock];
    while (begin < end) {
      int64_t count = std::min({kBlock, end - begin, inner - begin % inner});
      const T *values =
          load(own, base + offsetOf(begin, p.reduceLoops, p.reduceStrides),
               stride, count);
      Acc part = start(p.reduce);
      if (sums())
        vectorised<sumRun<T, Acc>>()(values, count, &part);
      else
        for (int64_t i = 0; i < count; ++i)
          part = combine(p.reduce, part, values[i]);
      total = combine(p.reduce, total, part);
      begin += count;
    }
    return total;
  }

  void reduceEach() const {
    [[maybe_unused]] bool parallel =
        keptCount * reducedCount >= kParallelElements;
#pragma omp parallel for schedule(static) if (parallel)
    for (int64_t at = 0; at < keptCount; ++at) {
      Acc total = finish(
          reducePart(offsetOf(at, p.loops, p.strides[0]), 0, reducedCount));
      store(at, &total, 1);
    }
  }

  /// One result: parts of a fixed size, added up in order.
  void reduceAll() const {
    constexpr int64_t part = 1 << 15;
    int64_t parts = (reducedCount + part - 1) / part;
    std::vector<Acc> totals(size_t(parts), start(p.reduce));
#pragma omp parallel for schedule(static) if (parts > 1)
    for (int64_t i = 0; i < parts; ++i)
      totals[size_t(i)] =
          reducePart(0, i * part, std::min(reducedCount, (i + 1) * part));
    Acc total = start(p.reduce);
    for (Acc value : totals)
      total = combine(p.reduce, total, value);
    total = finish(total);
    store(0, &total, 1);
  }

  const StepCall &call;
  const StepParams &p;
  DType dtype;
  const std::byte *memory;
  int64_t keptCount, reducedCount;
};

} // namespace

void amprt::cpu::runReduce(const StepCall &call) {
  DType dtype = call.operandBuffer(0).dtype;
  // The mean of no integers is 0, as their sum.
  switch (registerClass(dtype)) {
  case RegisterClass::F32:
    return Reducer<float, double>(call).run();
  case RegisterClass::F64:
    return Reducer<double, double>(call).run();
  case RegisterClass::I64:
    if (call.step.params.reduce == ReduceOp::Mean &&
        elementCount(call.step.params.reduceLoops) == 0)
      return;
    return Reducer<int64_t, int64_t>(call).run();
  }
}
