//===- Conv.cu - Convolutions without cuDNN -------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Plain nested loops, one thread per element of the result (a block per
// element of a filter's gradient): right, and far from fast. All forms of the
// op: grouped, depthwise, dilated, transposed, both layouts.
//===----------------------------------------------------------------------===//

#include "Device.cuh"

using namespace amprt_kernels;

__device__ inline i64 at(const i64 (&stride)[4], i64 n, i64 c, i64 y, i64 x) {
  return n * stride[0] + c * stride[1] + y * stride[2] + x * stride[3];
}
__device__ inline i64 filterAt(const ConvArgs &a, i64 g, i64 o, i64 i, i64 ky,
                               i64 kx) {
  return g * a.filterStride[0] + o * a.filterStride[1] +
         i * a.filterStride[2] + ky * a.filterStride[3] +
         kx * a.filterStride[4];
}
/// The row or column of x under tap `k` of window `out`, or -1.
__device__ inline i64 under(const ConvArgs &a, int axis, i64 out, i64 k) {
  i64 place = out * a.stride[axis] + k * a.dilation[axis] - a.before[axis];
  return place < a.in[axis] ? place : -1;
}
/// The window whose tap `k` is at `in`, or -1.
__device__ inline i64 above(const ConvArgs &a, int axis, i64 in, i64 k) {
  i64 place = in + a.before[axis] - k * a.dilation[axis];
  if (place < 0 || place % a.stride[axis] ||
      place / a.stride[axis] >= a.out[axis])
    return -1;
  return place / a.stride[axis];
}

/// (x, filter)
template <class T> __device__ inline void conv(const ConvArgs &a) {
  i64 ins = a.channelsIn / a.groups, outs = a.channelsOut / a.groups;
  i64 total = a.images * a.out[0] * a.out[1] * a.channelsOut;
  for (i64 e = firstIndex(); e < total; e += indexStep()) {
    i64 c = e % a.channelsOut, ox = e / a.channelsOut % a.out[1];
    i64 oy = e / a.channelsOut / a.out[1] % a.out[0];
    i64 n = e / a.channelsOut / a.out[1] / a.out[0], g = c / outs;
    double sum = 0;
    for (i64 ky = 0; ky < a.window[0]; ++ky)
      for (i64 kx = 0; kx < a.window[1]; ++kx) {
        i64 iy = under(a, 0, oy, ky), ix = under(a, 1, ox, kx);
        if (iy < 0 || ix < 0)
          continue;
        for (i64 i = 0; i < ins; ++i)
          sum += double(load<T>(a.a, a.type,
                                at(a.xStride, n, g * ins + i, iy, ix))) *
                 double(load<T>(a.b, a.type,
                                filterAt(a, g, c % outs, i, ky, kx)));
      }
    store(a.result, a.type, at(a.yStride, n, c, oy, ox), T(sum));
  }
}
AMPRT_KERNEL(conv_f32, ConvArgs) { conv<float>(a); }
AMPRT_KERNEL(conv_f64, ConvArgs) { conv<double>(a); }

/// (gradient, filter)
template <class T> __device__ inline void convInputGrad(const ConvArgs &a) {
  i64 ins = a.channelsIn / a.groups, outs = a.channelsOut / a.groups;
  i64 total = a.images * a.in[0] * a.in[1] * a.channelsIn;
  for (i64 e = firstIndex(); e < total; e += indexStep()) {
    i64 c = e % a.channelsIn, ix = e / a.channelsIn % a.in[1];
    i64 iy = e / a.channelsIn / a.in[1] % a.in[0];
    i64 n = e / a.channelsIn / a.in[1] / a.in[0], g = c / ins;
    double sum = 0;
    for (i64 ky = 0; ky < a.window[0]; ++ky)
      for (i64 kx = 0; kx < a.window[1]; ++kx) {
        i64 oy = above(a, 0, iy, ky), ox = above(a, 1, ix, kx);
        if (oy < 0 || ox < 0)
          continue;
        for (i64 o = 0; o < outs; ++o)
          sum += double(load<T>(a.a, a.type,
                                at(a.yStride, n, g * outs + o, oy, ox))) *
                 double(load<T>(a.b, a.type,
                                filterAt(a, g, o, c % ins, ky, kx)));
      }
    store(a.result, a.type, at(a.xStride, n, c, iy, ix), T(sum));
  }
}
AMPRT_KERNEL(conv_input_grad_f32, ConvArgs) { convInputGrad<float>(a); }
AMPRT_KERNEL(conv_input_grad_f64, ConvArgs) { convInputGrad<double>(a); }

/// (gradient, x): a block for each element of the filter.
template <class T> __device__ inline void convFilterGrad(const ConvArgs &a) {
  i64 ins = a.channelsIn / a.groups, outs = a.channelsOut / a.groups;
  i64 total = a.channelsOut * ins * a.window[0] * a.window[1];
  i64 pixels = a.images * a.out[0] * a.out[1];
  for (i64 e = blockIdx.x; e < total; e += gridDim.x) {
    i64 i = e % ins, c = e / ins % a.channelsOut;
    i64 kx = e / ins / a.channelsOut % a.window[1];
    i64 ky = e / ins / a.channelsOut / a.window[1], g = c / outs;
    double sum = 0;
    for (i64 p = threadIdx.x; p < pixels; p += blockDim.x) {
      i64 ox = p % a.out[1], oy = p / a.out[1] % a.out[0];
      i64 n = p / a.out[1] / a.out[0];
      i64 iy = under(a, 0, oy, ky), ix = under(a, 1, ox, kx);
      if (iy >= 0 && ix >= 0)
        sum += double(load<T>(a.a, a.type, at(a.yStride, n, c, oy, ox))) *
               double(load<T>(a.b, a.type,
                              at(a.xStride, n, g * ins + i, iy, ix)));
    }
    sum = sumOfRow(sum);
    if (threadIdx.x == 0)
      store(a.result, a.type, filterAt(a, g, c % outs, i, ky, kx), T(sum));
  }
}
AMPRT_KERNEL(conv_filter_grad_f32, ConvArgs) { convFilterGrad<float>(a); }
AMPRT_KERNEL(conv_filter_grad_f64, ConvArgs) { convFilterGrad<double>(a); }
