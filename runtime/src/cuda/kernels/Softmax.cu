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

/// Place of element i of a row.
__device__ inline i64 placeOf(const RowArgs &a, i64 row, i64 i) {
  return (row / a.inner * a.size + i) * a.inner + row % a.inner;
}

template <class T>
__device__ inline Found<T> largestIn(const void *x, int type, const RowArgs &a,
                                     i64 row, bool active) {
  Found<T> found = {T(-infinity()), a.size};
  if (active)
    for (i64 i = threadIdx.x; i < a.size; i += blockDim.x)
      found = larger(found, Found<T>{load<T>(x, type, placeOf(a, row, i)), i});
  return largestOfRow(found);
}

template <class T> __device__ inline void softmax(const RowArgs &a) {
  i64 rows = a.outer * a.inner;
  for (i64 first = i64(blockIdx.x) * blockDim.y; first < rows;
       first += i64(gridDim.x) * blockDim.y) {
    i64 row = first + threadIdx.y;
    bool active = row < rows;
    Found<T> top = largestIn<T>(a.a, a.typeA, a, row, active);
    // Without the largest's own exponential, which is 1; among infinities it
    // is NaN, and stays in the sum.
    double rest = 0;
    if (active)
      for (i64 i = threadIdx.x; i < a.size; i += blockDim.x) {
        T x = load<T>(a.a, a.typeA, placeOf(a, row, i));
        rest += double(exponential(T(x - top.value))) - double(i == top.at);
      }
    rest = sumOfRow(rest);
    if (!active)
      continue;
    double logSum = log1p(rest);
    for (i64 i = threadIdx.x; i < a.size; i += blockDim.x) {
      i64 at = placeOf(a, row, i);
      T x = load<T>(a.a, a.typeA, at);
      double y = a.flag ? (double(x) - double(top.value)) - logSum
                        : double(exponential(T(x - top.value))) / (1 + rest);
      store(a.result, a.typeResult, at, T(y));
    }
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
    bool active = row < rows;
    T top = largestIn<T>(a.b, a.typeB, a, row, active).value;
    double sum = 0, weight = 0;
    if (active)
      for (i64 i = threadIdx.x; i < a.size; i += blockDim.x) {
        i64 at = placeOf(a, row, i);
        double e = exponential(T(load<T>(a.b, a.typeB, at) - top));
        double g = load<T>(a.a, a.typeA, at);
        sum += e;
        weight += a.flag ? g : g * e;
      }
    sum = sumOfRow(sum);
    weight = sumOfRow(weight);
    if (!a.flag)
      weight /= sum;
    if (!active)
      continue;
    for (i64 i = threadIdx.x; i < a.size; i += blockDim.x) {
      i64 at = placeOf(a, row, i);
      double y = double(exponential(T(load<T>(a.b, a.typeB, at) - top))) / sum;
      double g = load<T>(a.a, a.typeA, at);
      store(a.result, a.typeResult, at,
            T(a.flag ? g - y * weight : y * (g - weight)));
    }
  }
}
AMPRT_KERNEL(softmax_grad_f32, RowArgs) { softmaxGrad<float>(a); }
AMPRT_KERNEL(softmax_grad_f64, RowArgs) { softmaxGrad<double>(a); }
