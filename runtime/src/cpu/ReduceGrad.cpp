//===- ReduceGrad.cpp - Gradients of reductions ---------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Of the largest and smallest: equal elements share the gradient evenly. Of the
// product: the product of all other elements, without dividing, so that zeros
// are elements like any other.
//===----------------------------------------------------------------------===//

#include "Kernels.h"
#include "ScalarLoops.h"

using namespace amprt;
using namespace amprt::cpu;

namespace {

int64_t offsetOf(int64_t index, const Dims &loops, const Dims &strides) {
  int64_t offset = 0;
  for (size_t i = loops.size(); i-- > 0;) {
    offset += index % loops[i] * strides[i];
    index /= loops[i];
  }
  return offset;
}

/// The factor of each element, in place.
template <typename T> void shareEvenly(std::vector<T> &x, bool largest) {
  if (x.empty())
    return;
  T best = x[0];
  for (T value : x)
    if (value != value || (largest ? value > best : value < best)) {
      best = value;
      if (value != value)
        break; // NaN is the result
    }
  auto equals = [&](T value) {
    return best != best ? value != value : value == best;
  };
  int64_t count = 0;
  for (T value : x)
    count += equals(value);
  for (T &value : x)
    value = equals(value) ? T(1.0 / double(count)) : T(0);
}

template <typename T>
void productOfOthers(std::vector<T> &x, std::vector<double> &behind) {
  behind.assign(x.size() + 1, 1);
  for (size_t i = x.size(); i-- > 0;)
    behind[i] = behind[i + 1] * double(x[i]);
  double before = 1;
  for (size_t i = 0; i < x.size(); ++i) {
    double own = double(x[i]);
    x[i] = T(before * behind[i + 1]);
    before *= own;
  }
}

template <typename T> void reduceGrad(const StepCall &call) {
  const StepParams &p = call.step.params;
  int64_t kept = elementCount(p.loops), reduced = elementCount(p.reduceLoops);
  DType dtype = call.resultBuffer(0).dtype;
  auto size = int64_t(amp::dtypeSize(dtype));
#pragma omp parallel if (kept * reduced >= kParallelElements)
  {
    std::vector<T> x(static_cast<size_t>(reduced));
    std::vector<double> products;
#pragma omp for schedule(static)
    for (int64_t at = 0; at < kept; ++at) {
      int64_t base = offsetOf(at, p.loops, p.strides[0]);
      auto place = [&](int64_t i) {
        return (base + offsetOf(i, p.reduceLoops, p.reduceStrides)) * size;
      };
      const auto *from = call.operand<std::byte>(1);
      auto *to = call.result<std::byte>(0);
      for (int64_t i = 0; i < reduced; ++i)
        loadRun(&x[size_t(i)], from + place(i), dtype, 1, 1);
      T gradient = 0;
      loadRun(&gradient, call.operand<std::byte>(0) + at * size, dtype, 1, 1);
      if (p.reduce == ReduceOp::Prod)
        productOfOthers(x, products);
      else
        shareEvenly(x, p.reduce == ReduceOp::Max);
      for (int64_t i = 0; i < reduced; ++i) {
        // Not 0 · gradient: a gradient that is infinite stays where it is due.
        T &value = x[size_t(i)];
        value =
            value == 0 && p.reduce != ReduceOp::Prod ? T(0) : value * gradient;
        storeRun(to + place(i), dtype, &value, 1);
      }
    }
  }
}

} // namespace

void amprt::cpu::runReduceGrad(const StepCall &call) {
  if (call.resultBuffer(0).dtype == DType::Float64)
    reduceGrad<double>(call);
  else
    reduceGrad<float>(call);
}
