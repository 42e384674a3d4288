//===- Pool.cu - Largest and mean of windows ------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// One thread per element of the result. The gradient of the largest finds it
// again: windows are small.
//===----------------------------------------------------------------------===//

#include "Device.cuh"

using namespace amprt_kernels;

struct Span {
  i64 first, last;
};
/// Elements of the image that window `at` covers.
__device__ inline Span covered(const PoolArgs &a, int axis, i64 at) {
  i64 start = at * a.stride[axis] - a.before[axis];
  i64 end = start + a.window[axis];
  return {start > 0 ? start : 0, end < a.in[axis] ? end : a.in[axis]};
}
/// Windows that cover element `at`.
__device__ inline Span covering(const PoolArgs &a, int axis, i64 at) {
  i64 shifted = at + a.before[axis], stride = a.stride[axis];
  i64 first = shifted - a.window[axis] + 1;
  i64 last = shifted / stride + 1;
  return {first <= 0 ? 0 : (first + stride - 1) / stride,
          last < a.out[axis] ? last : a.out[axis]};
}
__device__ inline i64 inPlace(const PoolArgs &a, i64 n, i64 y, i64 x, i64 c) {
  return ((n * a.in[0] + y) * a.in[1] + x) * a.channels + c;
}
__device__ inline i64 outPlace(const PoolArgs &a, i64 n, i64 y, i64 x, i64 c) {
  return ((n * a.out[0] + y) * a.out[1] + x) * a.channels + c;
}

/// The largest of a window and its place in the image; NaN before all.
template <class T>
__device__ inline Found<T> largestIn(const PoolArgs &a, const void *x, i64 n,
                                     i64 oy, i64 ox, i64 c) {
  Span ys = covered(a, 0, oy), xs = covered(a, 1, ox);
  Found<T> best = {0, -1};
  for (i64 iy = ys.first; iy < ys.last; ++iy)
    for (i64 ix = xs.first; ix < xs.last; ++ix) {
      Found<T> next = {load<T>(x, a.type, inPlace(a, n, iy, ix, c)),
                       iy * a.in[1] + ix};
      best = best.at < 0 ? next : larger(best, next);
    }
  return best;
}

template <class T> __device__ inline void pool(const PoolArgs &a) {
  i64 total = a.images * a.out[0] * a.out[1] * a.channels;
  for (i64 at = firstIndex(); at < total; at += indexStep()) {
    i64 c = at % a.channels, ox = at / a.channels % a.out[1];
    i64 oy = at / a.channels / a.out[1] % a.out[0];
    i64 n = at / a.channels / a.out[1] / a.out[0];
    if (!a.mean) {
      store(a.result, a.type, at, largestIn<T>(a, a.a, n, oy, ox, c).value);
      continue;
    }
    Span ys = covered(a, 0, oy), xs = covered(a, 1, ox);
    double sum = 0;
    for (i64 iy = ys.first; iy < ys.last; ++iy)
      for (i64 ix = xs.first; ix < xs.last; ++ix)
        sum += double(load<T>(a.a, a.type, inPlace(a, n, iy, ix, c)));
    double terms = double((ys.last - ys.first) * (xs.last - xs.first));
    store(a.result, a.type, at, T(sum / terms));
  }
}
AMPRT_KERNEL(pool_f32, PoolArgs) { pool<float>(a); }
AMPRT_KERNEL(pool_f64, PoolArgs) { pool<double>(a); }

template <class T> __device__ inline void poolGrad(const PoolArgs &a) {
  i64 total = a.images * a.in[0] * a.in[1] * a.channels;
  for (i64 at = firstIndex(); at < total; at += indexStep()) {
    i64 c = at % a.channels, ix = at / a.channels % a.in[1];
    i64 iy = at / a.channels / a.in[1] % a.in[0];
    i64 n = at / a.channels / a.in[1] / a.in[0];
    Span oys = covering(a, 0, iy), oxs = covering(a, 1, ix);
    double sum = 0;
    for (i64 oy = oys.first; oy < oys.last; ++oy)
      for (i64 ox = oxs.first; ox < oxs.last; ++ox) {
        double g = load<T>(a.a, a.type, outPlace(a, n, oy, ox, c));
        if (a.mean) {
          Span ys = covered(a, 0, oy), xs = covered(a, 1, ox);
          sum += g / double((ys.last - ys.first) * (xs.last - xs.first));
        } else if (largestIn<T>(a, a.x, n, oy, ox, c).at ==
                   iy * a.in[1] + ix) {
          sum += g;
        }
      }
    store(a.result, a.type, at, T(sum));
  }
}
AMPRT_KERNEL(pool_grad_f32, PoolArgs) { poolGrad<float>(a); }
AMPRT_KERNEL(pool_grad_f64, PoolArgs) { poolGrad<double>(a); }
