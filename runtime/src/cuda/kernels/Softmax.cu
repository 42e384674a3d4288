//===- Softmax.cu - Softmax, its logarithm and their gradients ------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A group of threads takes a row; exponentials in the type of the registers,
// sums in float64. The row is read again in each pass: it is in a cache.
//===----------------------------------------------------------------------===//

#include "Device.cuh"

using namespace amprt_kernels;

/// Row `row` of an operand or result.
__device__ inline Run rowOf(const void *memory, int type, const RowArgs &a,
                            i64 row) {
  return {memory, type, row / a.inner * a.size * a.inner + row % a.inner,
          a.inner};
}

template <class T>
__device__ inline Found<T> largestIn(const Run &x, i64 size, i64 none) {
  Found<T> found = {T(-infinity()), none};
  walk<T>(x, size,
          [&](i64 i, T value) { found = larger(found, Found<T>{value, i}); });
  return largestOfRow(found);
}

template <class T> __device__ inline void softmax(const RowArgs &a) {
  i64 rows = a.outer * a.inner;
  for (i64 first = i64(blockIdx.x) * blockDim.y; first < rows;
       first += i64(gridDim.x) * blockDim.y) {
    i64 row = first + threadIdx.y;
    const i64 size = row < rows ? a.size : 0;
    const Run x = rowOf(a.a, a.typeA, a, row);
    Found<T> top = largestIn<T>(x, size, a.size);
    // Without the largest's own exponential, which is 1; among infinities it
    // is NaN, and stays in the sum.
    double rest = 0;
    walk<T>(x, size, [&](i64 i, T value) {
      rest += double(exponential(T(value - top.value))) - double(i == top.at);
    });
    rest = sumOfRow(rest);
    const double logSum = log1p(rest);
    map<T>(x, rowOf(a.result, a.typeResult, a, row), size, [&](i64, T value) {
      return T(a.flag ? (double(value) - double(top.value)) - logSum
                      : double(exponential(T(value - top.value))) / (1 + rest));
    });
  }
}
AMPRT_KERNEL(softmax_f32, RowArgs) { softmax<float>(a); }
AMPRT_KERNEL(softmax_f64, RowArgs) { softmax<double>(a); }

/// (gradient, x)
template <class T> __device__ inline void softmaxGrad(const RowArgs &a) {
  i64 rows = a.outer * a.inner;
  for (i64 first = i64(blockIdx.x) * blockDim.y; first < rows;
       first += i64(gridDim.x) * blockDim.y) {
    i64 row = first + threadIdx.y;
    const i64 size = row < rows ? a.size : 0;
    const Run gradient = rowOf(a.a, a.typeA, a, row);
    const Run x = rowOf(a.b, a.typeB, a, row);
    const T top = largestIn<T>(x, size, a.size).value;
    double sum = 0, weight = 0;
    walk2<T>(gradient, x, size, [&](i64, T g, T value) {
      double e = exponential(T(value - top));
      sum += e;
      weight += a.flag ? double(g) : double(g) * e;
    });
    sum = sumOfRow(sum);
    weight = sumOfRow(weight);
    if (!a.flag)
      weight /= sum;
    map2<T>(gradient, x, rowOf(a.result, a.typeResult, a, row), size,
            [&](i64, T own, T value) {
              double y = double(exponential(T(value - top))) / sum;
              double g = own;
              return T(a.flag ? g - y * weight : y * (g - weight));
            });
  }
}
AMPRT_KERNEL(softmax_grad_f32, RowArgs) { softmaxGrad<float>(a); }
AMPRT_KERNEL(softmax_grad_f64, RowArgs) { softmaxGrad<double>(a); }
