//===- VectorMath.h - Functions that loops over vectors call ----*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Without branches and calls, so that a loop around them becomes vector
// instructions. They round after each operation: the bits are the same with
// every instruction set.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_CPU_VECTORMATH_H
#define AMPRT_CPU_VECTORMATH_H

#include "VectorTarget.h"

#include <cstdint>
#include <limits>

namespace amprt::cpu {

/// Lanes of sums over a row; fixed, so that all machines add alike.
inline constexpr int64_t kLanes = 16;

template <typename Acc>
AMPRT_ALWAYS_INLINE Acc sumOfLanes(const Acc (&lanes)[kLanes]) {
  Acc total = 0;
  for (Acc lane : lanes)
    total += lane;
  return total;
}

template <typename T, typename Acc>
AMPRT_ALWAYS_INLINE void sumRun(const T *x, int64_t count, Acc *sum) {
  Acc lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes)
    for (int64_t l = 0; l < kLanes; ++l)
      lanes[l] += Acc(x[i + l]);
  for (; i < count; ++i)
    lanes[0] += Acc(x[i]);
  *sum = sumOfLanes(lanes);
}

/// The largest that is a number; −∞ if there is none.
AMPRT_ALWAYS_INLINE void largestOf(const float *x, int64_t size,
                                   float *result) {
  float lanes[kLanes];
  for (int64_t l = 0; l < kLanes; ++l)
    lanes[l] = -std::numeric_limits<float>::infinity();
  int64_t i = 0;
  for (; i + kLanes <= size; i += kLanes)
    for (int64_t l = 0; l < kLanes; ++l)
      lanes[l] = x[i + l] > lanes[l] ? x[i + l] : lanes[l];
  for (; i < size; ++i)
    lanes[0] = x[i] > lanes[0] ? x[i] : lanes[0];
  float largest = lanes[0];
  for (int64_t l = 1; l < kLanes; ++l)
    largest = lanes[l] > largest ? lanes[l] : largest;
  *result = largest;
}

/// 2^n for n of -126 to 127.
AMPRT_ALWAYS_INLINE float powerOfTwo(int32_t n) {
  return __builtin_bit_cast(float, uint32_t(n + 127) << 23);
}

/// e^x within 2 units in the last place; denormal results too. NaN stays NaN.
AMPRT_ALWAYS_INLINE float vectorExp(float x) {
  // Beyond these the result is 0 and infinity.
  x = x < -104.0f ? -104.0f : x;
  x = x > 89.0f ? 89.0f : x;
  // Adding 1.5 · 2^23 leaves the nearest whole number in the last bits.
  constexpr float shift = 12582912.0f;
  float shifted = x * 1.44269504088896341f + shift;
  int32_t n = int32_t(__builtin_bit_cast(uint32_t, shifted)) -
              int32_t(__builtin_bit_cast(uint32_t, shift));
  float whole = shifted - shift;
  // ln 2 in two parts, the first with few bits.
  float r = x - whole * 0.693359375f + whole * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  int32_t half = n >> 1;
  return p * powerOfTwo(half) * powerOfTwo(n - half);
}

/// 1 / (1 + e^-x) without overflow in between.
AMPRT_ALWAYS_INLINE float vectorSigmoid(float x) {
  float size = x < 0 ? -x : x;
  float e = vectorExp(-size);
  return (x >= 0 ? 1.0f : e) / (1.0f + e);
}

AMPRT_ALWAYS_INLINE float vectorTanh(float x) {
  float size = x < 0 ? -x : x, z = x * x;
  float p = -5.70498872745e-3f;
  p = p * z + 2.06390887954e-2f;
  p = p * z - 5.37397155531e-2f;
  p = p * z + 1.33314422036e-1f;
  p = p * z - 3.33332819422e-1f;
  p = p * z * x + x;
  float far = 1.0f - 2.0f / (vectorExp(2.0f * size) + 1.0f);
  far = x < 0 ? -far : far;
  return size >= 0.625f ? far : p;
}

/// 1 − erf(x), also far out, where it is small: e^(−x² + p(t)) · t with
/// t = 1 / (1 + x / 2), of relative error 1.2e-7 before rounding.
AMPRT_ALWAYS_INLINE float vectorErfc(float x) {
  float z = x < 0 ? -x : x, t = 1.0f / (1.0f + 0.5f * z);
  float p = 0.17087277f;
  p = p * t - 0.82215223f;
  p = p * t + 1.48851587f;
  p = p * t - 1.13520398f;
  p = p * t + 0.27886807f;
  p = p * t - 0.18628806f;
  p = p * t + 0.09678418f;
  p = p * t + 0.37409196f;
  p = p * t + 1.00002368f;
  p = p * t - 1.26551223f;
  float r = t * vectorExp(p - z * z);
  return x >= 0 ? r : 2.0f - r;
}

} // namespace amprt::cpu

#endif // AMPRT_CPU_VECTORMATH_H
