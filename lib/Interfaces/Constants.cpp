//===- Constants.cpp - Elements of converted constants --------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// One element at a time with APFloat, which defines the result, or many with
// loops on the bits of float32 that have no branches, on the vector unit that
// the processor has.
//===----------------------------------------------------------------------===//

#include "amp/Interfaces/Constants.h"

#include "mlir/IR/BuiltinTypes.h"

#include <algorithm>
#include <cstring>
#include <memory>

#if defined(__GNUC__)
#define AMP_ALWAYS_INLINE inline __attribute__((always_inline))
#if defined(__x86_64__)
#include <immintrin.h>
#define AMP_AVX2 __attribute__((target("avx2,f16c")))
#endif
#else
#define AMP_ALWAYS_INLINE inline
#endif

using namespace mlir;
using namespace amp;

llvm::APFloat amp::convertSaturating(const llvm::APFloat &value,
                                     const llvm::fltSemantics &semantics) {
  llvm::APFloat result = value;
  bool lossy;
  result.convert(semantics, llvm::APFloat::rmNearestTiesToEven, &lossy);
  if (result.isInfinity() && !value.isInfinity())
    return llvm::APFloat::getLargest(semantics, value.isNegative());
  if (result.isZero() && !value.isZero())
    return llvm::APFloat::getSmallest(semantics, value.isNegative());
  return result;
}

namespace {

/// Elements that are converted at a time: the steps between stay in the cache.
constexpr size_t kBlock = 512;
/// As signed numbers, which every vector unit compares.
constexpr int32_t kInfinity = 0x7F800000;

/// Each loop is one that a compiler turns into vector code by itself: no
/// branches, and arithmetic on floats apart from selections, since it might
/// trap.
AMP_ALWAYS_INLINE void toFloat16(const uint32_t *in, uint16_t *out,
                                 size_t size) {
  int32_t near[kBlock], sums[kBlock];
  float floats[kBlock];
  // Between 2^-24 and 65504, the smallest and the largest value.
  for (size_t i = 0; i < size; ++i) {
    int32_t magnitude = in[i] & 0x7FFFFFFF;
    magnitude = magnitude > 0x477FE000 ? 0x477FE000 : magnitude;
    near[i] = magnitude < 0x33800000 ? 0x33800000 : magnitude;
  }
  // The last bit of a sum with 0.5 is worth 2^-24, and the sum is rounded.
  std::memcpy(floats, near, size * sizeof(float));
  for (size_t i = 0; i < size; ++i)
    floats[i] += 0.5f;
  std::memcpy(sums, floats, size * sizeof(float));
  for (size_t i = 0; i < size; ++i) {
    int32_t magnitude = in[i] & 0x7FFFFFFF;
    // Eight exponents and ten bits of fraction, rounded to even.
    int32_t normal =
        (near[i] - 0x38000000 + 0xFFF + ((near[i] >> 13) & 1)) >> 13;
    int32_t result = near[i] < 0x38800000 ? sums[i] - 0x3F000000 : normal;
    result = magnitude == 0 ? 0 : result;
    // A NaN becomes a quiet one.
    int32_t special =
        magnitude == kInfinity ? 0x7C00 : 0x7E00 | ((magnitude >> 13) & 0x3FF);
    result = magnitude >= kInfinity ? special : result;
    out[i] = result | ((in[i] >> 16) & 0x8000);
  }
}

AMP_ALWAYS_INLINE void toBFloat16(const uint32_t *in, uint16_t *out,
                                  size_t size) {
  for (size_t i = 0; i < size; ++i) {
    int32_t magnitude = in[i] & 0x7FFFFFFF;
    int32_t result = (magnitude + 0x7FFF + ((magnitude >> 16) & 1)) >> 16;
    result = result == 0x7F80 ? 0x7F7F : result;
    result = result == 0 ? int32_t(magnitude != 0) : result;
    int32_t special =
        magnitude == kInfinity ? 0x7F80 : (magnitude >> 16) | 0x40;
    result = magnitude >= kInfinity ? special : result;
    out[i] = result | ((in[i] >> 16) & 0x8000);
  }
}

void toFloat16Plain(const uint32_t *in, uint16_t *out, size_t size) {
  toFloat16(in, out, size);
}
void toBFloat16Plain(const uint32_t *in, uint16_t *out, size_t size) {
  toBFloat16(in, out, size);
}

#ifdef AMP_AVX2
/// Eight at a time: the instruction rounds, and keeps infinities and NaN; what
/// is neither, nor zero, is brought into its range before.
AMP_AVX2 void toFloat16Wide(const uint32_t *in, uint16_t *out, size_t size) {
  const __m256 signBit = _mm256_set1_ps(-0.0f);
  const __m256 least = _mm256_set1_ps(0x1p-24f), most = _mm256_set1_ps(65504);
  const __m256 infinity = _mm256_castsi256_ps(_mm256_set1_epi32(kInfinity));
  size_t i = 0;
  for (; i + 8 <= size; i += 8) {
    __m256 value = _mm256_loadu_ps(reinterpret_cast<const float *>(in + i));
    __m256 magnitude = _mm256_andnot_ps(signBit, value);
    __m256 near = _mm256_min_ps(_mm256_max_ps(magnitude, least), most);
    __m256 stays =
        _mm256_or_ps(_mm256_cmp_ps(magnitude, _mm256_setzero_ps(), _CMP_EQ_UQ),
                     _mm256_cmp_ps(magnitude, infinity, _CMP_EQ_UQ));
    __m256 chosen = _mm256_blendv_ps(near, magnitude, stays);
    chosen = _mm256_or_ps(chosen, _mm256_and_ps(value, signBit));
    _mm_storeu_si128(
        reinterpret_cast<__m128i *>(out + i),
        _mm256_cvtps_ph(chosen, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
  }
  if (i < size)
    toFloat16(in + i, out + i, size - i);
}
AMP_AVX2 void toBFloat16Wide(const uint32_t *in, uint16_t *out, size_t size) {
  const __m256i one = _mm256_set1_epi32(1), zero = _mm256_setzero_si256();
  const __m256i infinity = _mm256_set1_epi32(kInfinity);
  size_t i = 0;
  for (; i + 8 <= size; i += 8) {
    __m256i bits =
        _mm256_loadu_si256(reinterpret_cast<const __m256i *>(in + i));
    __m256i magnitude = _mm256_and_si256(bits, _mm256_set1_epi32(0x7FFFFFFF));
    __m256i high = _mm256_srli_epi32(magnitude, 16);
    __m256i result = _mm256_srli_epi32(
        _mm256_add_epi32(_mm256_add_epi32(magnitude, _mm256_set1_epi32(0x7FFF)),
                         _mm256_and_si256(high, one)),
        16);
    // The largest value; the smallest, but for zero.
    __m256i isFinite = _mm256_cmpgt_epi32(infinity, magnitude);
    __m256i low = _mm256_min_epi32(result, _mm256_set1_epi32(0x7F7F));
    low = _mm256_max_epi32(
        low, _mm256_andnot_si256(_mm256_cmpeq_epi32(magnitude, zero), one));
    // Infinity has no fraction; a NaN becomes a quiet one.
    __m256i isNaN = _mm256_cmpgt_epi32(magnitude, infinity);
    __m256i special =
        _mm256_or_si256(high, _mm256_and_si256(isNaN, _mm256_set1_epi32(0x40)));
    result = _mm256_blendv_epi8(special, low, isFinite);
    result =
        _mm256_or_si256(result, _mm256_and_si256(_mm256_srli_epi32(bits, 16),
                                                 _mm256_set1_epi32(0x8000)));
    __m256i packed =
        _mm256_permute4x64_epi64(_mm256_packus_epi32(result, result), 0x08);
    _mm_storeu_si128(reinterpret_cast<__m128i *>(out + i),
                     _mm256_castsi256_si128(packed));
  }
  if (i < size)
    toBFloat16(in + i, out + i, size - i);
}
#endif

using BlockFunction = void (*)(const uint32_t *, uint16_t *, size_t);

BlockFunction chooseFunction(bool isFloat16) {
#ifdef AMP_AVX2
  // Who has it has F16C, which clang 14 cannot ask for.
  static const bool isWide = __builtin_cpu_supports("avx2");
  if (isWide)
    return isFloat16 ? toFloat16Wide : toBFloat16Wide;
#endif
  return isFloat16 ? toFloat16Plain : toBFloat16Plain;
}

} // namespace

static void convertBlocks(llvm::ArrayRef<char> in, uint16_t *out,
                          BlockFunction convert) {
  const size_t count = in.size() / sizeof(uint32_t);
  // The bytes of an attribute need not be aligned.
  uint32_t block[kBlock];
  for (size_t first = 0; first < count; first += kBlock) {
    const size_t size = std::min(kBlock, count - first);
    std::memcpy(block, in.data() + first * sizeof(uint32_t),
                size * sizeof(uint32_t));
    convert(block, out + first, size);
  }
}

void constants::convert(llvm::ArrayRef<char> in, uint16_t *out,
                        bool isFloat16) {
  convertBlocks(in, out, chooseFunction(isFloat16));
}

void constants::convertPlain(llvm::ArrayRef<char> in, uint16_t *out,
                             bool isFloat16) {
  convertBlocks(in, out, isFloat16 ? toFloat16Plain : toBFloat16Plain);
}

DenseElementsAttr amp::convertSaturating(DenseFPElementsAttr value,
                                         FloatType type) {
  const llvm::fltSemantics &semantics = type.getFloatSemantics();
  if (!value.getElementType().isF32() || value.isSplat() ||
      !(type.isF16() || type.isBF16()))
    return value.mapValues(type, [&](const llvm::APFloat &element) {
      return convertSaturating(element, semantics).bitcastToAPInt();
    });
  llvm::ArrayRef<char> raw = value.getRawData();
  const size_t count = raw.size() / sizeof(uint32_t);
  // Not a vector, which would write zeros first.
  std::unique_ptr<uint16_t[]> low(new uint16_t[count]);
  constants::convert(raw, low.get(), type.isF16());
  return DenseElementsAttr::getFromRawBuffer(
      value.getType().clone(type),
      llvm::ArrayRef(reinterpret_cast<const char *>(low.get()),
                     count * sizeof(uint16_t)));
}
