//===- Update.cuh - Flat optimizer steps and finite checks ------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// One pass over all variables of a step: chunks of one size, each in one block.
// The gradient of a part is an expression, which the source generator prints as
// `Gradient::at(part, i)`; everything is left alone where the flag in device
// memory says that a gradient was not finite.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_CUDA_UPDATE_CUH
#define AMPRT_CUDA_UPDATE_CUH

#include "Scalar.cuh"

namespace amprt_kernels {

/// The part that a chunk belongs to.
__device__ inline const UpdatePart &partOf(const UpdateArgs &a, i64 chunk) {
  int low = 0, high = a.partCount - 1;
  while (low < high) {
    int middle = (low + high + 1) / 2;
    if (a.parts[middle].firstChunk <= chunk)
      low = middle;
    else
      high = middle - 1;
  }
  return a.parts[low];
}

struct Settings {
  float rate, decay, alpha;
};
__device__ inline Settings settingsOf(const UpdateArgs &a) {
  Settings s = {*a.rate, 0, 0};
  s.decay = a.weightDecay * s.rate;
  if (a.iterations) {
    double steps = double(*a.iterations) + 1;
    s.alpha = float(double(s.rate) * sqrt(1 - pow(a.beta2, steps)) /
                    (1 - pow(a.beta1, steps)));
  }
  return s;
}

struct Sgd {
  static __device__ float run(const UpdateArgs &, const Settings &s,
                              const UpdatePart &, i64, float old, float g) {
    return (old - s.decay * old) - s.rate * g;
  }
};
struct Momentum {
  static __device__ float run(const UpdateArgs &a, const Settings &s,
                              const UpdatePart &part, i64 i, float old,
                              float g) {
    float *slot = (float *)part.result[1];
    float value = old - s.decay * old, step = s.rate * g;
    float moved = a.momentum * slot[i] - step;
    slot[i] = moved;
    return a.nesterov ? value + a.momentum * moved - step : value + moved;
  }
};
/// Slots: the mean square, the mean gradient (or null), the momentum (or null).
struct Rmsprop {
  static __device__ float run(const UpdateArgs &a, const Settings &s,
                              const UpdatePart &part, i64 i, float old,
                              float g) {
    float *rms = (float *)part.result[1], *mean = (float *)part.result[2],
          *slot = (float *)part.result[3];
    float variance = a.rho * rms[i] + a.rest * (g * g);
    rms[i] = variance;
    if (mean) {
      float m = a.rho * mean[i] + a.rest * g;
      mean[i] = m;
      variance -= m * m;
    }
    float step = s.rate * g / sqrtf(variance + a.epsilon);
    if (slot)
      step = slot[i] = a.momentum * slot[i] + step;
    return old - step;
  }
};
struct Adam {
  static __device__ float run(const UpdateArgs &a, const Settings &s,
                              const UpdatePart &part, i64 i, float old,
                              float g) {
    float *m = (float *)part.result[1], *v = (float *)part.result[2];
    float value = old - s.decay * old;
    float first = m[i] + (g - m[i]) * a.rest1;
    float second = v[i] + (g * g - v[i]) * a.rest2;
    m[i] = first;
    v[i] = second;
    return value - s.alpha * first / (sqrtf(second) + a.epsilon);
  }
};

template <class Rule, class Gradient>
__device__ inline void applyUpdate(const UpdateArgs &a) {
  if (a.condition && !*a.condition)
    return;
  Settings s = settingsOf(a);
  for (i64 chunk = blockIdx.x; chunk < a.chunks; chunk += gridDim.x) {
    const UpdatePart &part = partOf(a, chunk);
    i64 begin = (chunk - part.firstChunk) * kChunk;
    i64 end = begin + kChunk < part.count ? begin + kChunk : part.count;
    float *variable = (float *)part.result[0];
    for (i64 i = begin + threadIdx.x; i < end; i += blockDim.x) {
      float value =
          Rule::run(a, s, part, i, variable[i], Gradient::at(part, i));
      variable[i] = value;
      if (part.copy)
        store(part.copy, part.copyType, i, value);
    }
  }
}

/// Σ gradient² of each chunk, in float64; the squares are float32 numbers.
template <class Gradient>
__device__ inline void sumSquares(const UpdateArgs &a) {
  for (i64 chunk = blockIdx.x; chunk < a.chunks; chunk += gridDim.x) {
    const UpdatePart &part = partOf(a, chunk);
    i64 begin = (chunk - part.firstChunk) * kChunk;
    i64 end = begin + kChunk < part.count ? begin + kChunk : part.count;
    double sum = 0;
    for (i64 i = begin + threadIdx.x; i < end; i += blockDim.x) {
      float g = Gradient::at(part, i);
      sum += double(g * g);
    }
    sum = sumOfRow(sum);
    if (threadIdx.x == 0)
      a.partials[chunk] = sum;
  }
}
/// Adds up the chunks of each part.
__device__ inline void sumParts(const UpdateArgs &a) {
  for (i64 at = blockIdx.x; at < a.partCount; at += gridDim.x) {
    const UpdatePart &part = a.parts[at];
    i64 end = part.firstChunk + (part.count + kChunk - 1) / kChunk;
    double sum = 0;
    for (i64 chunk = part.firstChunk + threadIdx.x; chunk < end;
         chunk += blockDim.x)
      sum += a.partials[chunk];
    sum = sumOfRow(sum);
    if (threadIdx.x == 0)
      *(float *)part.result[0] = float(sum);
  }
}

/// Sets the flag, which is 1 before, to 0 where a number is not finite.
template <class Check>
__device__ inline void checkFinite(const UpdateArgs &a) {
  for (i64 chunk = blockIdx.x; chunk < a.chunks; chunk += gridDim.x) {
    const UpdatePart &part = partOf(a, chunk);
    i64 begin = (chunk - part.firstChunk) * kChunk;
    i64 end = begin + kChunk < part.count ? begin + kChunk : part.count;
    bool bad = false;
    for (i64 i = begin + threadIdx.x; i < end; i += blockDim.x)
      bad |= !Check::at(part, i);
    if (bad)
      *a.finite = 0;
  }
}

} // namespace amprt_kernels

#endif // AMPRT_CUDA_UPDATE_CUH
