//===- Half.h - 16-bit floating point, one number at a time -----*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Conversions between float16, bfloat16 and wider numbers, rounded to nearest
// even: the definition that the vector code of every device must match bit for
// bit. Overflow gives infinity; NaN stays NaN (made quiet, payload cut off).
//===----------------------------------------------------------------------===//

#ifndef AMPRT_HALF_H
#define AMPRT_HALF_H

#include <cmath>
#include <cstdint>
#include <cstring>

namespace amprt {

inline uint32_t floatBits(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}
inline float bitsToFloat(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

inline uint16_t floatToHalf(float value) {
  uint32_t bits = floatBits(value);
  uint32_t sign = (bits >> 16) & 0x8000, abs = bits & 0x7fffffff;
  if (abs > 0x7f800000)
    return uint16_t(sign | 0x7e00 | ((abs >> 13) & 0x3ff));
  if (abs >= 0x477ff000) // 65520: the tie above the largest float16
    return uint16_t(sign | 0x7c00);
  if (abs < 0x38800000) {
    // Below 2^-14 the steps of float16 are equal: adding 0.5 makes the
    // hardware round at the right bit.
    uint32_t rounded = floatBits(bitsToFloat(abs) + 0.5f);
    return uint16_t(sign | (rounded - 0x3f000000));
  }
  abs += 0xc8000fff + ((abs >> 13) & 1); // exponent bias 127 -> 15, then round
  return uint16_t(sign | (abs >> 13));
}

inline float halfToFloat(uint16_t half) {
  uint32_t sign = uint32_t(half & 0x8000) << 16, abs = half & 0x7fff;
  if (abs >= 0x7c00) // made quiet, as the hardware does
    return bitsToFloat(sign | 0x7f800000 | ((abs & 0x3ff) << 13) |
                       (abs > 0x7c00 ? 0x400000 : 0));
  if (abs < 0x400) // subnormal: abs * 2^-24, exact in float32
    return bitsToFloat(sign | floatBits(float(abs) * 0x1p-24f));
  return bitsToFloat(sign | ((abs << 13) + 0x38000000));
}

inline uint16_t floatToBFloat(float value) {
  uint32_t bits = floatBits(value);
  if ((bits & 0x7fffffff) > 0x7f800000)
    return uint16_t((bits >> 16) | 0x40);
  return uint16_t((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

inline float bfloatToFloat(uint16_t bits) {
  return bitsToFloat(uint32_t(bits) << 16);
}

/// The float32 below or above `value` whose last bit is odd, or `value` where
/// that is exact ("round to odd"): rounding it again to 16 bits gives what one
/// rounding of `value` would. For double and int64_t.
template <typename T> float roundToOdd(T value) {
  float near = float(value);
  long double exact = value, got = near;
  if (got == exact || near != near || (floatBits(near) & 1))
    return near;
  if (std::isinf(near)) // finite in T: the largest float32 is odd
    return near > 0 ? bitsToFloat(0x7f7fffff) : bitsToFloat(0xff7fffff);
  return std::nextafter(near, exact > got ? INFINITY : -INFINITY);
}

} // namespace amprt

#endif // AMPRT_HALF_H
