//===- ConvertTest.cpp - 16-bit conversions -------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Every float16 and bfloat16, and float32 numbers around every rounding
// decision, against a reference that works on real numbers and knows nothing
// of the bits that the runtime manipulates.
//===----------------------------------------------------------------------===//

#include "../../runtime/src/cpu/Convert.h"
#include "Support.h"
#include "amprt/Half.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

using namespace amprt;
using namespace amprt::test;

namespace {

struct Format {
  int mantissa, minExponent, maxExponent; ///< explicit mantissa bits
};
constexpr Format kHalf = {10, -14, 15}, kBFloat = {7, -126, 127};

/// The value of a 16-bit pattern by the definition of the format.
double decode(uint16_t bits, Format format) {
  int exponentBits = 15 - format.mantissa;
  int fraction = bits & ((1 << format.mantissa) - 1);
  int exponent = (bits >> format.mantissa) & ((1 << exponentBits) - 1);
  double sign = bits & 0x8000 ? -1 : 1;
  if (exponent == (1 << exponentBits) - 1)
    return fraction ? std::nan("") : sign * INFINITY;
  if (exponent == 0)
    return sign * std::ldexp(fraction, format.minExponent - format.mantissa);
  return sign * std::ldexp((1 << format.mantissa) + fraction,
                           exponent - 1 + format.minExponent - format.mantissa);
}

/// The pattern nearest to a number, ties to even, by arithmetic alone.
uint16_t encode(double value, Format format) {
  uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  double size = std::fabs(value);
  uint16_t infinity =
      uint16_t(((1 << (15 - format.mantissa)) - 1) << format.mantissa);
  if (std::isinf(size))
    return sign | infinity;
  int exponent = size == 0 ? format.minExponent : std::ilogb(size);
  exponent = std::max(exponent, format.minExponent);
  double steps = std::ldexp(size, format.mantissa - exponent);
  double rounded = std::nearbyint(steps); // ties to even
  // The pattern counts steps from zero: a carry moves to the next exponent.
  uint32_t pattern =
      uint32_t(rounded) +
      (uint32_t(exponent - format.minExponent) << format.mantissa);
  return sign | uint16_t(std::min<uint32_t>(pattern, infinity));
}

/// float32 numbers that decide something: all patterns' values, their
/// midpoints, and the neighbours of both.
std::vector<float> interestingFloats(Format format) {
  std::vector<float> result = {0.0f,
                               -0.0f,
                               INFINITY,
                               -INFINITY,
                               std::numeric_limits<float>::max(),
                               std::numeric_limits<float>::lowest(),
                               std::numeric_limits<float>::denorm_min()};
  for (uint32_t bits = 0; bits < 0x8000; ++bits) {
    double here = decode(uint16_t(bits), format);
    double next = decode(uint16_t(bits + 1), format);
    if (!std::isfinite(here))
      continue;
    double middle = std::isfinite(next)
                        ? (here + next) / 2
                        : std::ldexp((4 << format.mantissa) - 1,
                                     format.maxExponent - format.mantissa - 1);
    for (double value : {here, middle}) {
      float f = float(value);
      for (float x :
           {f, std::nextafter(f, INFINITY), std::nextafter(f, -INFINITY)})
        for (float signedX : {x, -x})
          result.push_back(signedX);
    }
  }
  std::mt19937_64 random(testSeed());
  for (int i = 0; i < 1 << 20; ++i)
    result.push_back(bitsToFloat(uint32_t(random())));
  return result;
}

TEST(Convert, EveryHalfToFloat) {
  std::vector<uint16_t> all(65536);
  for (size_t i = 0; i < all.size(); ++i)
    all[i] = uint16_t(i);
  std::vector<float> fast(65536), portable(65536), bfloat(65536);
  cpu::halfToFloats(fast.data(), all.data(), 65536);
  cpu::portable::halfToFloats(portable.data(), all.data(), 65536);
  cpu::bfloatToFloats(bfloat.data(), all.data(), 65536);
  for (size_t i = 0; i < all.size(); ++i) {
    double half = decode(all[i], kHalf);
    if (std::isnan(half))
      EXPECT_TRUE(std::isnan(fast[i])) << i;
    else
      EXPECT_EQ(floatBits(fast[i]), floatBits(float(half))) << i;
    EXPECT_EQ(floatBits(fast[i]), floatBits(portable[i])) << i;
    double other = decode(all[i], kBFloat);
    if (std::isnan(other))
      EXPECT_TRUE(std::isnan(bfloat[i])) << i;
    else
      EXPECT_EQ(floatBits(bfloat[i]), floatBits(float(other))) << i;
  }
}

TEST(Convert, FloatToHalfRoundsToNearestEven) {
  std::vector<float> floats = interestingFloats(kHalf);
  std::vector<uint16_t> fast(floats.size()), portable(floats.size());
  cpu::floatsToHalf(fast.data(), floats.data(), int64_t(floats.size()));
  cpu::portable::floatsToHalf(portable.data(), floats.data(),
                              int64_t(floats.size()));
  for (size_t i = 0; i < floats.size(); ++i) {
    ASSERT_EQ(fast[i], portable[i]) << std::hexfloat << floats[i];
    if (std::isnan(floats[i]))
      ASSERT_TRUE(std::isnan(decode(fast[i], kHalf)));
    else
      ASSERT_EQ(fast[i], encode(floats[i], kHalf))
          << std::hexfloat << floats[i] << " seed " << testSeed();
  }
}

TEST(Convert, FloatToBFloatRoundsToNearestEven) {
  std::vector<float> floats = interestingFloats(kBFloat);
  std::vector<uint16_t> got(floats.size());
  cpu::floatsToBFloat(got.data(), floats.data(), int64_t(floats.size()));
  for (size_t i = 0; i < floats.size(); ++i) {
    ASSERT_EQ(got[i], floatToBFloat(floats[i])) << std::hexfloat << floats[i];
    if (std::isnan(floats[i]))
      ASSERT_TRUE(std::isnan(decode(got[i], kBFloat)));
    else
      ASSERT_EQ(got[i], encode(floats[i], kBFloat))
          << std::hexfloat << floats[i] << " seed " << testSeed();
  }
}

TEST(Convert, DoublesAreRoundedOnce) {
  // Just above a midpoint of float16, but not in float32: two roundings to
  // nearest would lose what decides.
  double value = 1 + 0x1p-11 + 0x1p-40;
  EXPECT_EQ(floatToHalf(roundToOdd(value)), encode(value, kHalf));
  EXPECT_NE(floatToHalf(float(value)), encode(value, kHalf));
  std::mt19937_64 random(testSeed());
  for (int i = 0; i < 1 << 20; ++i) {
    uint64_t bits = random();
    double x;
    std::memcpy(&x, &bits, sizeof(x));
    if (i % 2) // within the range of float16
      x = std::ldexp(1 + double(bits >> 12) * 0x1p-52, int(bits % 44) - 27);
    if (!std::isfinite(x))
      continue;
    ASSERT_EQ(floatToHalf(roundToOdd(x)), encode(x, kHalf)) << x;
    ASSERT_EQ(floatToBFloat(roundToOdd(x)), encode(x, kBFloat)) << x;
  }
}

} // namespace
