//===- Loss.cu - Cross-entropy losses and their gradients -----------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Softmax cross-entropy of labels or of probabilities: the loss of each row,
// its gradient, or both from the same exponentials. A second kernel adds up the
// losses of the rows.
//===----------------------------------------------------------------------===//

#include "Device.cuh"

using namespace amprt_kernels;

/// Operands: a gradient, b logits, c labels or probabilities. result is the
/// gradient; the losses of the rows go to the scratch memory, in double.
template <class T> __device__ inline void loss(const RowArgs &a) {
  for (i64 first = i64(blockIdx.x) * blockDim.y; first < a.outer;
       first += i64(gridDim.x) * blockDim.y) {
    i64 row = first + threadIdx.y;
    bool active = row < a.outer;
    i64 base = row * a.size;
    Found<T> top = {T(-infinity()), a.size};
    if (active)
      for (i64 i = threadIdx.x; i < a.size; i += blockDim.x)
        top = larger(top, Found<T>{load<T>(a.b, a.typeB, base + i), i});
    top = largestOfRow(top);
    double rest = 0;
    if (active)
      for (i64 i = threadIdx.x; i < a.size; i += blockDim.x) {
        T x = load<T>(a.b, a.typeB, base + i);
        rest += double(exponential(T(x - top.value))) - double(i == top.at);
      }
    rest = sumOfRow(rest);
    double logSum = log1p(rest), value = 0, weight = 0;
    i64 label = -1;
    if (a.sparse) {
      if (active)
        label = loadInt(a.c, a.typeC, row);
      bool known = label >= 0 && label < a.size;
      weight = known ? 1 : notANumber();
      value = known ? (double(top.value) -
                       double(load<T>(a.b, a.typeB, base + label))) +
                          logSum
                    : weight;
    } else {
      if (active)
        for (i64 i = threadIdx.x; i < a.size; i += blockDim.x) {
          double q = load<T>(a.c, a.typeC, base + i);
          double x = load<T>(a.b, a.typeB, base + i);
          value += q * ((double(top.value) - x) + logSum);
          weight += q;
        }
      value = sumOfRow(value);
      weight = sumOfRow(weight);
    }
    if (!active)
      continue;
    if (a.givesLoss && threadIdx.x == 0)
      ((double *)a.scratch)[row] = double(T(value));
    if (!a.givesGradient)
      continue;
    T scale = load<T>(a.a, a.typeA, a.flag ? row : 0);
    double gradient = double(T(scale * a.factor));
    for (i64 i = threadIdx.x; i < a.size; i += blockDim.x) {
      T x = load<T>(a.b, a.typeB, base + i);
      double y = exponential(T(x - top.value));
      double aim = a.sparse ? double(i == label)
                            : double(load<T>(a.c, a.typeC, base + i));
      store(a.result, a.typeResult, base + i,
            T((y / (1 + rest) * weight - aim) * gradient));
    }
  }
}
AMPRT_KERNEL(loss_f32, RowArgs) { loss<float>(a); }
AMPRT_KERNEL(loss_f64, RowArgs) { loss<double>(a); }

/// The losses of the rows, or their sum times the factor; one block.
template <class T> __device__ inline void lossFinish(const RowArgs &a) {
  const double *losses = (const double *)a.scratch;
  if (a.flag) {
    for (i64 row = threadIdx.x; row < a.outer; row += blockDim.x)
      store(a.result2, a.typeResult2, row, T(losses[row]));
    return;
  }
  double sum = 0;
  for (i64 row = threadIdx.x; row < a.outer; row += blockDim.x)
    sum += losses[row];
  sum = sumOfRow(sum);
  if (threadIdx.x == 0)
    store(a.result2, a.typeResult2, 0, T(sum * a.factor));
}
AMPRT_KERNEL(loss_finish_f32, RowArgs) { lossFinish<float>(a); }
AMPRT_KERNEL(loss_finish_f64, RowArgs) { lossFinish<double>(a); }
