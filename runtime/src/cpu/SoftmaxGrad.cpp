//===- SoftmaxGrad.cpp - Gradients of softmax -----------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// With y = softmax(x): y · (g − Σ g·y), and g − y · Σ g for its logarithm. Sums
// in float64, rows of any stride.
//===----------------------------------------------------------------------===//

#include "Kernels.h"
#include "ScalarLoops.h"

#include <cmath>
#include <limits>

using namespace amprt;
using namespace amprt::cpu;

template <typename T> static void softmaxGrad(const StepCall &call) {
  const StepParams &p = call.step.params;
  bool logarithm = call.step.kernel == Kernel::LogSoftmaxGrad;
  int64_t rows = p.outer * p.inner;
  auto size = static_cast<size_t>(p.size);
#pragma omp parallel if (rows * p.size >= kParallelElements)
  {
    std::vector<T> gradient(size), x(size);
    // Unrounded, since 1 - y counts where y is nearly 1.
    std::vector<double> y(size);
#pragma omp for schedule(static)
    for (int64_t row = 0; row < rows; ++row) {
      int64_t at = row / p.inner * p.size * p.inner + row % p.inner;
      auto place = [&](const Buffer &buffer, int64_t index) {
        return index * int64_t(amp::dtypeSize(buffer.dtype));
      };
      auto load = [&](size_t operand, T *to) {
        const Buffer &buffer = call.operandBuffer(operand);
        loadRun(to, call.operand<std::byte>(operand) + place(buffer, at),
                buffer.dtype, p.inner, p.size);
      };
      load(0, gradient.data());
      load(1, x.data());
      T largest = -std::numeric_limits<T>::infinity();
      for (T value : x)
        largest = value > largest || value != value ? value : largest;
      double sum = 0;
      for (size_t i = 0; i < size; ++i) {
        y[i] = std::exp(x[i] - largest);
        sum += y[i];
      }
      double weight = 0;
      for (size_t i = 0; i < size; ++i) {
        y[i] /= sum;
        weight += logarithm ? double(gradient[i]) : double(gradient[i]) * y[i];
      }
      for (size_t i = 0; i < size; ++i)
        x[i] = T(logarithm ? double(gradient[i]) - y[i] * weight
                           : y[i] * (double(gradient[i]) - weight));
      const Buffer &result = call.resultBuffer(0);
      auto *to = call.result<std::byte>(0);
      if (p.inner == 1)
        storeRun(to + place(result, at), result.dtype, x.data(), p.size);
      else
        for (size_t i = 0; i < size; ++i)
          storeRun(to + place(result, at + int64_t(i) * p.inner), result.dtype,
                   &x[i], 1);
    }
  }
}

void amprt::cpu::runSoftmaxGrad(const StepCall &call) {
  if (call.operandBuffer(1).dtype == DType::Float64)
    softmaxGrad<double>(call);
  else
    softmaxGrad<float>(call);
}
