//===- Softmax.cpp - Softmax and losses -----------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Row kernels: 16-bit and float32 rows are computed in float32, float64 rows
// in float64. Sums over rows are float64 and in order.
//===----------------------------------------------------------------------===//

#include "Kernels.h"
#include "ScalarLoops.h"
#include "VectorMath.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

using namespace amprt;
using namespace amprt::cpu;

namespace {

/// The largest of some logits, and the sum of the exponentials relative to it
/// without the largest's own, which is 1. A logit that is much the largest has
/// a probability of 1 / (1 + rest) and a loss of log1p(rest): neither of them
/// may round 1 + rest first.
template <typename T> struct Exponentials {
  T largest;
  double rest;
  double sum() const { return 1 + rest; }
  double logSum() const { return std::log1p(rest); }
};

AMPRT_ALWAYS_INLINE void expOfRow(const float *x, float *e, int64_t size,
                                  float largest) {
  for (int64_t i = 0; i < size; ++i)
    e[i] = vectorExp(x[i] - largest);
}

AMPRT_ALWAYS_INLINE void sumOfRow(const float *e, int64_t size,
                                  double *result) {
  double lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= size; i += kLanes)
    for (int64_t l = 0; l < kLanes; ++l)
      lanes[l] += double(e[i + l]);
  double sum = 0;
  for (; i < size; ++i)
    sum += double(e[i]);
  for (double lane : lanes)
    sum += lane;
  *result = sum;
}

/// y / sum · weight · gradient, in double.
AMPRT_ALWAYS_INLINE void scaleRow(float *y, int64_t size, double sum,
                                  double weight, double gradient) {
  for (int64_t i = 0; i < size; ++i)
    y[i] = float(double(y[i]) / sum * weight * gradient);
}

/// The same as below, in vectors.
Exponentials<float> exponentials(const float *x, float *e, int64_t size) {
  float largest = 0;
  vectorised<largestOf>()(x, size, &largest);
  vectorised<expOfRow>()(x, e, size, largest);
  int64_t best = std::find(x, x + size, largest) - x;
  if (best == size)
    best = 0; // nothing but NaN
  float own = size ? e[best] : 1;
  if (size)
    e[best] = 0;
  double rest = 0;
  vectorised<sumOfRow>()(e, size, &rest);
  if (size)
    e[best] = own;
  // The largest's own is 1, but among infinities it is NaN.
  return {largest, rest + (double(own) - 1)};
}

/// Turns logits into their exponentials relative to the largest.
template <typename T>
Exponentials<T> exponentials(const T *x, T *e, int64_t size) {
  T largest = -std::numeric_limits<T>::infinity();
  int64_t best = 0;
  for (int64_t i = 0; i < size; ++i)
    if (x[i] > largest || x[i] != x[i]) {
      largest = x[i];
      best = i;
    }
  double rest = 0;
  for (int64_t i = 0; i < size; ++i) {
    e[i] = std::exp(x[i] - largest);
    // Not left out: among infinities it is NaN.
    rest += double(e[i]) - double(i == best);
  }
  return {largest, rest};
}

/// Reads and writes rows of [outer, size, inner] as T; those of a loss, which
/// have no inner ones, may be padded.
template <typename T> struct Rows {
  const StepParams &p;
  int64_t count() const { return p.outer * p.inner; }

  void loadPadded(T *to, const void *memory, const Buffer &buffer,
                  int64_t row) const {
    loadRun(to,
            static_cast<const std::byte *>(memory) +
                row * buffer.pitch * int64_t(amp::dtypeSize(buffer.dtype)),
            buffer.dtype, 1, p.size);
  }
  /// What lies between rows is zero.
  void storePadded(void *memory, const Buffer &buffer, int64_t row,
                   const T *from) const {
    const auto size = int64_t(amp::dtypeSize(buffer.dtype));
    auto *to = static_cast<std::byte *>(memory) + row * buffer.pitch * size;
    storeRun(to, buffer.dtype, from, p.size);
    std::memset(to + p.size * size, 0, size_t((buffer.pitch - p.size) * size));
  }
  void load(T *to, const void *memory, DType dtype, int64_t row) const {
    int64_t at = row / p.inner * p.size * p.inner + row % p.inner;
    loadRun(to,
            static_cast<const std::byte *>(memory) +
                at * int64_t(amp::dtypeSize(dtype)),
            dtype, p.inner, p.size);
  }
  void store(void *memory, DType dtype, int64_t row, const T *from) const {
    int64_t at = row / p.inner * p.size * p.inner + row % p.inner;
    auto size = int64_t(amp::dtypeSize(dtype));
    auto *to = static_cast<std::byte *>(memory) + at * size;
    if (p.inner == 1)
      return storeRun(to, dtype, from, p.size);
    for (int64_t i = 0; i < p.size; ++i)
      storeRun(to + i * p.inner * size, dtype, from + i, 1);
  }
};

template <typename T> void softmax(const StepCall &call) {
  const StepParams &p = call.step.params;
  Rows<T> rows{p};
  bool logarithm = call.step.kernel == Kernel::LogSoftmax;
  DType in = call.operandBuffer(0).dtype, out = call.resultBuffer(0).dtype;
#pragma omp parallel if (rows.count() * p.size >= kParallelElements)
  {
    std::vector<T> x(size_t(p.size)), y(size_t(p.size));
#pragma omp for schedule(static)
    for (int64_t row = 0; row < rows.count(); ++row) {
      rows.load(x.data(), call.operand(0), in, row);
      Exponentials<T> e = exponentials(x.data(), y.data(), p.size);
      double sum = e.sum(), logSum = logarithm ? e.logSum() : 0;
      if constexpr (std::is_same_v<T, float>)
        if (!logarithm) {
          vectorised<scaleRow>()(y.data(), p.size, sum, 1.0, 1.0);
          rows.store(call.result(0), out, row, y.data());
          continue;
        }
      for (size_t i = 0; i < x.size(); ++i)
        y[i] = T(logarithm ? (double(x[i]) - double(e.largest)) - logSum
                           : double(y[i]) / sum);
      rows.store(call.result(0), out, row, y.data());
    }
  }
}

/// The class of a row; nothing when there is no such class.
std::optional<int64_t> labelOf(const StepCall &call, size_t operand,
                               int64_t row) {
  int64_t label = 0;
  loadRun(&label,
          call.operand<std::byte>(operand) +
              row * int64_t(amp::dtypeSize(call.operandBuffer(operand).dtype)),
          call.operandBuffer(operand).dtype, 1, 1);
  if (label < 0 || label >= call.step.params.size)
    return std::nullopt;
  return label;
}

/// A loss per row or in all, its gradient, or both from the same exponentials.
template <typename T>
void loss(const StepCall &call, bool isSparse, bool givesLoss,
          bool givesGradient) {
  const StepParams &p = call.step.params;
  Rows<T> rows{p};
  // The gradient of the loss comes first where it is needed.
  size_t logits = givesGradient ? 1 : 0, target = logits + 1;
  size_t gradientResult = givesLoss ? 1 : 0;
  std::vector<T> losses(static_cast<size_t>(givesLoss ? p.outer : 0));
  auto gradientOf = [&](int64_t row) {
    T gradient = 0;
    DType dtype = call.operandBuffer(0).dtype;
    loadRun(&gradient,
            call.operand<std::byte>(0) +
                (p.perRow ? row : 0) * int64_t(amp::dtypeSize(dtype)),
            dtype, 1, 1);
    return T(gradient * p.factor);
  };
#pragma omp parallel if (p.outer * p.size >= kParallelElements)
  {
    std::vector<T> x(size_t(p.size)), y(size_t(p.size)), q(size_t(p.size));
#pragma omp for schedule(static)
    for (int64_t row = 0; row < p.outer; ++row) {
      rows.loadPadded(x.data(), call.operand(logits),
                      call.operandBuffer(logits), row);
      Exponentials<T> e = exponentials(x.data(), y.data(), p.size);
      double logSum = givesLoss ? e.logSum() : 0, value = 0, weight = 0;
      std::optional<int64_t> label;
      if (isSparse) {
        label = labelOf(call, target, row);
        weight = label ? 1 : std::numeric_limits<double>::quiet_NaN();
        value = label ? (double(e.largest) - double(x[size_t(*label)])) + logSum
                      : weight;
      } else {
        rows.load(q.data(), call.operand(target),
                  call.operandBuffer(target).dtype, row);
        for (size_t i = 0; i < size_t(p.size); ++i) {
          value += double(q[i]) * ((double(e.largest) - double(x[i])) + logSum);
          weight += q[i];
        }
      }
      if (givesLoss)
        losses[size_t(row)] = T(value);
      if (!givesGradient)
        continue;
      // In double, for a probability that is nearly its label.
      double gradient = double(gradientOf(row)), sum = e.sum();
      if constexpr (std::is_same_v<T, float>)
        if (label) { // one element has another formula
          double own = double(y[size_t(*label)]) / sum - 1;
          vectorised<scaleRow>()(y.data(), p.size, sum, weight, gradient);
          y[size_t(*label)] = float(own * gradient);
          rows.storePadded(call.result(gradientResult),
                           call.resultBuffer(gradientResult), row, y.data());
          continue;
        }
      for (size_t i = 0; i < y.size(); ++i) {
        double aim = isSparse ? double(label && size_t(*label) == i) : q[i];
        y[i] = T((double(y[i]) / sum * weight - aim) * gradient);
      }
      rows.storePadded(call.result(gradientResult),
                       call.resultBuffer(gradientResult), row, y.data());
    }
  }
  if (!givesLoss)
    return;
  DType out = call.resultBuffer(0).dtype;
  if (p.perRow)
    return storeRun(call.result(0), out, losses.data(), p.outer);
  double sum = 0;
  for (T value : losses)
    sum += value;
  T total = T(sum * p.factor);
  storeRun(call.result(0), out, &total, 1);
}

} // namespace

void amprt::cpu::runSoftmax(const StepCall &call) {
  if (call.operandBuffer(0).dtype == DType::Float64)
    softmax<double>(call);
  else
    softmax<float>(call);
}

static void runLoss(const StepCall &call, bool isSparse, bool givesLoss,
                    bool givesGradient) {
  if (call.operandBuffer(givesGradient ? 1 : 0).dtype == DType::Float64)
    loss<double>(call, isSparse, givesLoss, givesGradient);
  else
    loss<float>(call, isSparse, givesLoss, givesGradient);
}

void amprt::cpu::runLoss(const StepCall &call) {
  ::runLoss(call, call.step.kernel == Kernel::SparseLoss, true, false);
}

void amprt::cpu::runLossGrad(const StepCall &call) {
  ::runLoss(call, call.step.kernel == Kernel::SparseLossGrad, false, true);
}

void amprt::cpu::runLossBoth(const StepCall &call) {
  ::runLoss(call, call.step.kernel == Kernel::SparseLossBoth, true, true);
}
