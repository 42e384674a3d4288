//===- Norm.cu - Normalisations and sums of channels ----------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Layer and rms normalisation of rows, their gradients, and the sums of each
// channel that batch normalisation and the gradients of scales need.
//===----------------------------------------------------------------------===//

#include "Device.cuh"

using namespace amprt_kernels;

/// Row `row` of an operand or result.
__device__ inline Run rowOf(const void *memory, int type, const RowArgs &a,
                            i64 row) {
  return {memory, type, row / a.inner * a.size * a.inner + row % a.inner,
          a.inner};
}

struct RowScale {
  double mean, factor;
};
/// What a row is moved by and multiplied with.
template <class T>
__device__ inline RowScale scaleOf(const Run &x, const RowArgs &a, i64 size) {
  double mean = 0, squares = 0;
  if (a.flag) {
    walk<T>(x, size, [&](i64, T value) { mean += double(value); });
    mean = sumOfRow(mean) / double(a.size);
  }
  walk<T>(x, size, [&](i64, T value) {
    double d = double(value) - mean;
    squares += d * d;
  });
  squares = sumOfRow(squares);
  return {mean, 1 / sqrt(squares / double(a.size) + a.epsilon)};
}

/// (x, scale [, offset])
template <class T> __device__ inline void rowNorm(const RowArgs &a) {
  i64 rows = a.outer * a.inner;
  const Run scale = {a.b, a.typeB, 0, 1}, offset = {a.c, a.typeC, 0, 1};
  for (i64 first = i64(blockIdx.x) * blockDim.y; first < rows;
       first += i64(gridDim.x) * blockDim.y) {
    i64 row = first + threadIdx.y;
    const i64 size = row < rows ? a.size : 0;
    const Run x = rowOf(a.a, a.typeA, a, row);
    const Run y = rowOf(a.result, a.typeResult, a, row);
    RowScale s = scaleOf<T>(x, a, size);
    auto of = [&](T value, T factor) {
      return (double(value) - s.mean) * s.factor * double(factor);
    };
    if (a.c)
      map3<T>(x, scale, offset, y, size, [&](i64, T value, T factor, T more) {
        return T(of(value, factor) + double(more));
      });
    else
      map2<T>(x, scale, y, size,
              [&](i64, T value, T factor) { return T(of(value, factor)); });
  }
}
AMPRT_KERNEL(row_norm_f32, RowArgs) { rowNorm<float>(a); }
AMPRT_KERNEL(row_norm_f64, RowArgs) { rowNorm<double>(a); }

/// (gradient, x, scale): the gradient of x, and mean and factor of each row
/// for the sums over the rows.
template <class T> __device__ inline void rowNormGrad(const RowArgs &a) {
  i64 rows = a.outer * a.inner;
  const Run scale = {a.c, a.typeC, 0, 1};
  for (i64 first = i64(blockIdx.x) * blockDim.y; first < rows;
       first += i64(gridDim.x) * blockDim.y) {
    i64 row = first + threadIdx.y;
    const bool active = row < rows;
    const i64 size = active ? a.size : 0;
    const Run gradient = rowOf(a.a, a.typeA, a, row);
    const Run x = rowOf(a.b, a.typeB, a, row);
    RowScale s = scaleOf<T>(x, a, size);
    double mean = 0, tilt = 0;
    walk3<T>(gradient, x, scale, size, [&](i64, T g, T value, T factor) {
      double unit = (double(value) - s.mean) * s.factor;
      double pull = double(g) * double(factor);
      mean += pull;
      tilt += pull * unit;
    });
    mean = sumOfRow(mean);
    tilt = sumOfRow(tilt) / double(a.size);
    mean = a.flag ? mean / double(a.size) : 0;
    map3<T>(gradient, x, scale, rowOf(a.result, a.typeResult, a, row), size,
            [&](i64, T g, T value, T factor) {
              double unit = (double(value) - s.mean) * s.factor;
              double pull = double(g) * double(factor);
              return T(s.factor * (pull - mean - unit * tilt));
            });
    if (active && threadIdx.x == 0) {
      ((double *)a.scratch)[2 * row] = s.mean;
      ((double *)a.scratch)[2 * row + 1] = s.factor;
    }
  }
}
AMPRT_KERNEL(row_norm_grad_f32, RowArgs) { rowNormGrad<float>(a); }
AMPRT_KERNEL(row_norm_grad_f64, RowArgs) { rowNormGrad<double>(a); }

/// What channel_sums adds up: 0: x; 1: (x − mean)²; 2: g and g · (x − mean);
/// 3: g and g · unit, where the rows have their own mean and factor.
struct Terms {
  double first, second;
};
template <class T>
__device__ inline Terms termsOf(const ChannelArgs &a, i64 row, i64 channel,
                                i64 at) {
  switch (a.mode) {
  case 0:
    return {double(load<T>(a.x, a.typeX, at)), 0};
  case 1: {
    double d = double(load<T>(a.x, a.typeX, at)) - a.stats[channel];
    return {d * d, 0};
  }
  case 2: {
    double g = load<T>(a.g, a.typeG, at);
    double d = double(load<T>(a.x, a.typeX, at)) -
               double(load<T>(a.mean, a.typeParam, channel));
    return {g, g * d};
  }
  default: {
    double g = load<T>(a.g, a.typeG, at);
    double unit = (double(load<T>(a.x, a.typeX, at)) - a.stats[2 * row]) *
                  a.stats[2 * row + 1];
    return {g, g * unit};
  }
  }
}

/// Each part of the elements of each channel; blockIdx.y is the part. Channels
/// that lie side by side are taken by neighbouring threads (`byColumns`), else
/// neighbouring threads take the elements of a channel.
template <class T>
__device__ inline void channelSums(const ChannelArgs &a, bool byColumns) {
  i64 elements = a.outer * a.inner;
  i64 length = (elements + a.parts - 1) / a.parts;
  i64 begin = i64(blockIdx.y) * length;
  i64 end = begin + length < elements ? begin + length : elements;
  i64 side = byColumns ? blockDim.x : 1;
  for (i64 first = i64(blockIdx.x) * side; first < a.size;
       first += i64(gridDim.x) * side) {
    i64 channel = byColumns ? first + threadIdx.x : first;
    i64 from = byColumns ? threadIdx.y : threadIdx.x;
    i64 step = byColumns ? blockDim.y : blockDim.x;
    double sum = 0, weighted = 0;
    if (channel < a.size)
      for (i64 e = begin + from; e < end; e += step) {
        i64 at = (e / a.inner * a.size + channel) * a.inner + e % a.inner;
        Terms terms = termsOf<T>(a, e, channel, at);
        sum += terms.first;
        weighted += terms.second;
      }
    if (byColumns) {
      // Rows of the block hold different elements of the same channels.
      __shared__ double cells[2][kThreads];
      int own = int(threadIdx.y * blockDim.x + threadIdx.x);
      __syncthreads();
      cells[0][own] = sum;
      cells[1][own] = weighted;
      for (unsigned half = blockDim.y / 2; half; half /= 2) {
        __syncthreads();
        if (threadIdx.y < half) {
          cells[0][own] += cells[0][own + int(half * blockDim.x)];
          cells[1][own] += cells[1][own + int(half * blockDim.x)];
        }
      }
      __syncthreads();
      sum = cells[0][threadIdx.x];
      weighted = cells[1][threadIdx.x];
    } else {
      sum = sumOfRow(sum);
      weighted = sumOfRow(weighted);
    }
    bool writes = byColumns ? threadIdx.y == 0 : threadIdx.x == 0;
    if (writes && channel < a.size) {
      a.partials[2 * (blockIdx.y * a.size + channel)] = sum;
      a.partials[2 * (blockIdx.y * a.size + channel) + 1] = weighted;
    }
  }
}
AMPRT_KERNEL(channel_columns_f32, ChannelArgs) { channelSums<float>(a, true); }
AMPRT_KERNEL(channel_columns_f64, ChannelArgs) { channelSums<double>(a, true); }
AMPRT_KERNEL(channel_rows_f32, ChannelArgs) { channelSums<float>(a, false); }
AMPRT_KERNEL(channel_rows_f64, ChannelArgs) { channelSums<double>(a, false); }

/// Adds up the parts. Modes 0 and 1 give the mean and the variance, and keep
/// the mean in double for the second pass.
template <class T> __device__ inline void channelFinish(const ChannelArgs &a) {
  double count = double(a.outer * a.inner);
  for (i64 channel = firstIndex(); channel < a.size; channel += indexStep()) {
    double sum = 0, weighted = 0;
    for (i64 part = 0; part < a.parts; ++part) {
      sum += a.partials[2 * (part * a.size + channel)];
      weighted += a.partials[2 * (part * a.size + channel) + 1];
    }
    if (a.mode == 0)
      a.stats[channel] = sum / count;
    if (a.mode < 2)
      store(a.result, a.typeParam, channel, T(sum / count));
    else {
      if (a.result)
        store(a.result, a.typeParam, channel, T(sum));
      store(a.result2, a.typeParam, channel, T(weighted));
    }
  }
}
AMPRT_KERNEL(channel_finish_f32, ChannelArgs) { channelFinish<float>(a); }
AMPRT_KERNEL(channel_finish_f64, ChannelArgs) { channelFinish<double>(a); }
