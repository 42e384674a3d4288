//===- Convert.cpp - Runs of numbers between element types ----------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// oneDNN's float16 conversion is scalar and hundreds of times slower than the
// instructions below, so the runtime converts by itself.
//===----------------------------------------------------------------------===//

#include "Convert.h"
#include "amprt/Half.h"

#include <algorithm>

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define AMPRT_X86 1
#include <immintrin.h>
#endif

using namespace amprt;
using namespace amprt::cpu;

void portable::halfToFloats(float *to, const uint16_t *from, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    to[i] = halfToFloat(from[i]);
}

void portable::floatsToHalf(uint16_t *to, const float *from, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    to[i] = floatToHalf(from[i]);
}

#ifdef AMPRT_X86
namespace {

// The forms with a mask: GCC 12 warns of its own header in the others.
__attribute__((target("avx512f"))) void
halfToFloats512(float *to, const uint16_t *from, int64_t count) {
  int64_t i = 0;
  for (; i + 16 <= count; i += 16)
    _mm512_storeu_ps(
        to + i, _mm512_maskz_cvtph_ps(
                    0xffff, _mm256_loadu_si256(
                                reinterpret_cast<const __m256i *>(from + i))));
  portable::halfToFloats(to + i, from + i, count - i);
}

__attribute__((target("avx512f"))) void
floatsToHalf512(uint16_t *to, const float *from, int64_t count) {
  int64_t i = 0;
  for (; i + 16 <= count; i += 16)
    _mm256_storeu_si256(reinterpret_cast<__m256i *>(to + i),
                        _mm512_maskz_cvtps_ph(0xffff, _mm512_loadu_ps(from + i),
                                              _MM_FROUND_TO_NEAREST_INT));
  portable::floatsToHalf(to + i, from + i, count - i);
}

__attribute__((target("avx,f16c"))) void
halfToFloats256(float *to, const uint16_t *from, int64_t count) {
  int64_t i = 0;
  for (; i + 8 <= count; i += 8)
    _mm256_storeu_ps(to + i, _mm256_cvtph_ps(_mm_loadu_si128(
                                 reinterpret_cast<const __m128i *>(from + i))));
  portable::halfToFloats(to + i, from + i, count - i);
}

__attribute__((target("avx,f16c"))) void
floatsToHalf256(uint16_t *to, const float *from, int64_t count) {
  int64_t i = 0;
  for (; i + 8 <= count; i += 8)
    _mm_storeu_si128(
        reinterpret_cast<__m128i *>(to + i),
        _mm256_cvtps_ph(_mm256_loadu_ps(from + i), _MM_FROUND_TO_NEAREST_INT));
  portable::floatsToHalf(to + i, from + i, count - i);
}

} // namespace
#endif

namespace {

struct HalfFunctions {
  void (*toFloats)(float *, const uint16_t *, int64_t) = portable::halfToFloats;
  void (*fromFloats)(uint16_t *, const float *,
                     int64_t) = portable::floatsToHalf;

  HalfFunctions() {
#ifdef AMPRT_X86
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f")) {
      toFloats = halfToFloats512;
      fromFloats = floatsToHalf512;
    } else if (__builtin_cpu_supports("avx2")) {
      // Every CPU with AVX2 has F16C, which older compilers cannot ask for.
      toFloats = halfToFloats256;
      fromFloats = floatsToHalf256;
    }
#endif
  }
};

const HalfFunctions &halfFunctions() {
  static const HalfFunctions functions;
  return functions;
}

} // namespace

void amprt::cpu::halfToFloats(float *to, const uint16_t *from, int64_t count) {
  halfFunctions().toFloats(to, from, count);
}

void amprt::cpu::floatsToHalf(uint16_t *to, const float *from, int64_t count) {
  halfFunctions().fromFloats(to, from, count);
}

void amprt::cpu::bfloatToFloats(float *to, const uint16_t *from,
                                int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    to[i] = bfloatToFloat(from[i]);
}

void amprt::cpu::floatsToBFloat(uint16_t *to, const float *from,
                                int64_t count) {
  // Without a branch, so that compilers use vector instructions.
  for (int64_t i = 0; i < count; ++i) {
    uint32_t bits = floatBits(from[i]);
    uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    uint32_t quiet = (bits >> 16) | 0x40;
    to[i] = uint16_t((bits & 0x7fffffff) > 0x7f800000 ? quiet : rounded);
  }
}

void amprt::cpu::toFloats(float *to, const void *from, DType dtype,
                          int64_t count) {
  if (dtype == DType::Float16)
    halfToFloats(to, static_cast<const uint16_t *>(from), count);
  else if (dtype == DType::BFloat16)
    bfloatToFloats(to, static_cast<const uint16_t *>(from), count);
  else
    std::copy_n(static_cast<const float *>(from), count, to);
}

void amprt::cpu::fromFloats(void *to, DType dtype, const float *from,
                            int64_t count) {
  if (dtype == DType::Float16)
    floatsToHalf(static_cast<uint16_t *>(to), from, count);
  else if (dtype == DType::BFloat16)
    floatsToBFloat(static_cast<uint16_t *>(to), from, count);
  else
    std::copy_n(from, count, static_cast<float *>(to));
}

void amprt::cpu::roundFloats(float *to, const float *from, DType dtype,
                             int64_t count) {
  constexpr int64_t block = 512;
  uint16_t rounded[block];
  for (int64_t i = 0; i < count; i += block) {
    int64_t n = std::min(block, count - i);
    fromFloats(rounded, dtype, from + i, n);
    toFloats(to + i, rounded, dtype, n);
  }
}
