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
/// gradient, which may lie where the logits lie; the losses of the rows go to
/// the scratch memory, in double.
template <class T> __device__ inline void loss(const RowArgs &a) {
  for (i64 first = i64(blockIdx.x) * blockDim.y; first < a.outer;
       first += i64(gridDim.x) * blockDim.y) {
    i64 row = first + threadIdx.y;
    bool active = row < a.outer;
    const Run logits = {a.b, a.typeB, row * a.pitchB, 1};
    const Run target = {a.c, a.typeC, row * a.size, 1};
    const Run result = {a.result, a.typeResult, row * a.pitchResult, 1};
    const i64 size = active ? a.size : 0;
    Found<T> top = {T(-infinity()), a.size};
    walk<T>(logits, size, [&](i64 i, T x) { top = larger(top, Found<T>{x, i}); });
    top = largestOfRow(top);
    double rest = 0;
    walk<T>(logits, size, [&](i64 i, T x) {
      rest += double(exponential(T(x - top.value))) - double(i == top.at);
    });
    rest = sumOfRow(rest);
    double logSum = log1p(rest), value = 0, weight = 0;
    i64 label = -1;
    if (a.sparse) {
      if (active)
        label = loadInt(a.c, a.typeC, row);
      bool known = label >= 0 && label < a.size;
      weight = known ? 1 : notANumber();
      value = known ? (double(top.value) -
                       double(load<T>(a.b, a.typeB, logits.at + label))) +
                          logSum
                    : weight;
    } else {
      walk2<T>(target, logits, size, [&](i64, T q, T x) {
        value += double(q) * ((double(top.value) - double(x)) + logSum);
        weight += double(q);
      });
      value = sumOfRow(value);
      weight = sumOfRow(weight);
    }
    if (active && a.givesLoss && threadIdx.x == 0)
      ((double *)a.scratch)[row] = double(T(value));
    if (!a.givesGradient)
      continue;
    // No thread writes before all have read the logit of the label.
    __syncthreads();
    if (!active)
      continue;
    T scale = load<T>(a.a, a.typeA, a.flag ? row : 0);
    double gradient = double(T(scale * a.factor));
    auto of = [&](double aim, T x) {
      double y = exponential(T(x - top.value));
      return T((y / (1 + rest) * weight - aim) * gradient);
    };
    if (a.sparse)
      map<T>(logits, result, size,
             [&](i64 i, T x) { return of(double(i == label), x); });
    else
      map2<T>(target, logits, result, size,
              [&](i64, T q, T x) { return of(double(q), x); });
    // What lies between rows is zero.
    for (i64 i = a.size + threadIdx.x; i < a.pitchResult; i += blockDim.x)
      store(a.result, a.typeResult, result.at + i, T(0));
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
