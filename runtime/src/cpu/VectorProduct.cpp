//===- VectorProduct.cpp - Products with few rows -------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The work is cut into blocks of rows and columns of the matrix, each a few
// hundred kilobytes that lie together; blocks of the same columns are added up
// in order at the end. The inner loops exist for AVX-512, for AVX2 and in
// portable code; the machine that runs them chooses.
//===----------------------------------------------------------------------===//

#include "VectorProduct.h"
#include "Convert.h"
#include "amprt/Half.h"
#include "amprt/Program.h"

#include <algorithm>

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define AMPRT_X86 1
#include <immintrin.h>
#endif

using namespace amprt;
using namespace amprt::cpu;

namespace {

/// 16-bit elements of the two types, apart for overloads.
struct Half {
  uint16_t bits;
};
struct BFloat {
  uint16_t bits;
};

inline float loadOne(const float *from) { return *from; }
inline float loadOne(const Half *from) { return halfToFloat(from->bits); }
inline float loadOne(const BFloat *from) { return bfloatToFloat(from->bits); }

namespace plain {
#define AMPRT_TARGET
constexpr int64_t kWidth = 8;
struct Vector {
  float x[kWidth];
};
inline Vector zero() { return {}; }
inline Vector add(Vector a, const Vector &b) {
  for (int64_t i = 0; i < kWidth; ++i)
    a.x[i] += b.x[i];
  return a;
}
inline Vector fma(float a, const Vector &b, Vector c) {
  for (int64_t i = 0; i < kWidth; ++i)
    c.x[i] += a * b.x[i];
  return c;
}
inline Vector multiplyAdd(const Vector &a, const Vector &b, Vector c) {
  for (int64_t i = 0; i < kWidth; ++i)
    c.x[i] += a.x[i] * b.x[i];
  return c;
}
inline float sumOf(const Vector &a) {
  float total = 0;
  for (float x : a.x)
    total += x;
  return total;
}
template <typename T> inline Vector load(const T *from) {
  Vector result;
  for (int64_t i = 0; i < kWidth; ++i)
    result.x[i] = loadOne(from + i);
  return result;
}
inline Vector loadFloats(const float *from) { return load(from); }
inline void storeFloats(float *to, const Vector &a) {
  std::copy_n(a.x, kWidth, to);
}
#include "VectorProductKernels.inc"
#undef AMPRT_TARGET
} // namespace plain

#ifdef AMPRT_X86

namespace avx512 {
#define AMPRT_TARGET __attribute__((target("avx512f")))
#define AMPRT_INLINE AMPRT_TARGET inline
constexpr int64_t kWidth = 16;
using Vector = __m512;
AMPRT_INLINE Vector zero() { return _mm512_setzero_ps(); }
AMPRT_INLINE Vector add(Vector a, Vector b) { return _mm512_add_ps(a, b); }
AMPRT_INLINE Vector fma(float a, Vector b, Vector c) {
  return _mm512_fmadd_ps(_mm512_set1_ps(a), b, c);
}
AMPRT_INLINE Vector multiplyAdd(Vector a, Vector b, Vector c) {
  return _mm512_fmadd_ps(a, b, c);
}
AMPRT_INLINE float sumOf(Vector a) {
  alignas(64) float x[kWidth];
  _mm512_store_ps(x, a);
  for (int64_t step = kWidth / 2; step; step /= 2)
    for (int64_t i = 0; i < step; ++i)
      x[i] += x[i + step];
  return x[0];
}
AMPRT_INLINE Vector loadFloats(const float *from) {
  return _mm512_loadu_ps(from);
}
AMPRT_INLINE void storeFloats(float *to, Vector a) { _mm512_storeu_ps(to, a); }
AMPRT_INLINE Vector load(const float *from) { return loadFloats(from); }
// The forms with a mask: GCC 12 warns of its own header in the others.
AMPRT_INLINE Vector load(const Half *from) {
  return _mm512_maskz_cvtph_ps(
      0xffff, _mm256_loadu_si256(reinterpret_cast<const __m256i *>(from)));
}
AMPRT_INLINE Vector load(const BFloat *from) {
  __m512i wide = _mm512_maskz_cvtepu16_epi32(
      0xffff, _mm256_loadu_si256(reinterpret_cast<const __m256i *>(from)));
  return _mm512_castsi512_ps(_mm512_maskz_slli_epi32(0xffff, wide, 16));
}
#include "VectorProductKernels.inc"
#undef AMPRT_INLINE
#undef AMPRT_TARGET
} // namespace avx512

namespace avx2 {
#define AMPRT_TARGET __attribute__((target("avx2,fma,f16c")))
#define AMPRT_INLINE AMPRT_TARGET inline
constexpr int64_t kWidth = 8;
using Vector = __m256;
AMPRT_INLINE Vector zero() { return _mm256_setzero_ps(); }
AMPRT_INLINE Vector add(Vector a, Vector b) { return _mm256_add_ps(a, b); }
AMPRT_INLINE Vector fma(float a, Vector b, Vector c) {
  return _mm256_fmadd_ps(_mm256_set1_ps(a), b, c);
}
AMPRT_INLINE Vector multiplyAdd(Vector a, Vector b, Vector c) {
  return _mm256_fmadd_ps(a, b, c);
}
AMPRT_INLINE float sumOf(Vector a) {
  alignas(32) float x[kWidth];
  _mm256_store_ps(x, a);
  for (int64_t step = kWidth / 2; step; step /= 2)
    for (int64_t i = 0; i < step; ++i)
      x[i] += x[i + step];
  return x[0];
}
AMPRT_INLINE Vector loadFloats(const float *from) {
  return _mm256_loadu_ps(from);
}
AMPRT_INLINE void storeFloats(float *to, Vector a) { _mm256_storeu_ps(to, a); }
AMPRT_INLINE Vector load(const float *from) { return loadFloats(from); }
AMPRT_INLINE Vector load(const Half *from) {
  return _mm256_cvtph_ps(
      _mm_loadu_si128(reinterpret_cast<const __m128i *>(from)));
}
AMPRT_INLINE Vector load(const BFloat *from) {
  __m256i wide = _mm256_cvtepu16_epi32(
      _mm_loadu_si128(reinterpret_cast<const __m128i *>(from)));
  return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
}
#include "VectorProductKernels.inc"
#undef AMPRT_INLINE
#undef AMPRT_TARGET
} // namespace avx2

#endif // AMPRT_X86

/// The inner loops for one element type, by number of rows.
template <typename T> struct Loops {
  using AddRows = void (*)(int64_t, int64_t, const float *, int64_t, const T *,
                           int64_t, float *, int64_t);
  using DotRow = void (*)(int64_t, const float *, int64_t, const T *, float *,
                          int64_t);
  AddRows addRows[kVectorRows];
  DotRow dotRow[kVectorRows];
  int64_t width;
};

#define AMPRT_LOOPS(set)                                                       \
  Loops<T> {                                                                   \
    {set::addRows<1, T>, set::addRows<2, T>, set::addRows<3, T>,               \
     set::addRows<4, T>},                                                      \
        {set::dotRow<1, T>, set::dotRow<2, T>, set::dotRow<3, T>,              \
         set::dotRow<4, T>},                                                   \
        set::kWidth                                                            \
  }
static_assert(kVectorRows == 4);

template <typename T> const Loops<T> &loopsOf(bool vectors) {
  static const Loops<T> plainLoops = AMPRT_LOOPS(plain);
#ifdef AMPRT_X86
  static const Loops<T> best = [] {
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f"))
      return AMPRT_LOOPS(avx512);
    // Every CPU with AVX2 has F16C, which older compilers cannot ask for.
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
      return AMPRT_LOOPS(avx2);
    return AMPRT_LOOPS(plain);
  }();
  if (vectors)
    return best;
#endif
  (void)vectors;
  return plainLoops;
}

/// Rows and columns of a block.
constexpr int64_t kBlockRows = 256, kBlockColumns = 2048;

int64_t rowBlocks(int64_t k) { return (k + kBlockRows - 1) / kBlockRows; }

/// Fewer elements of the matrix are not worth a second thread.
constexpr int64_t kParallelMatrix = 1 << 17;

/// Rows of fewer columns than a vector: the block is converted, then added up
/// number by number.
void addNarrowRows(int64_t m, int64_t rows, int64_t n, const float *a,
                   int64_t aPitch, const StoredMatrix &b, int64_t firstRow,
                   float *sums) {
  constexpr int64_t most = 16;
  float converted[most];
  std::fill_n(sums, m * n, 0.0f);
  auto size = int64_t(amp::dtypeSize(b.dtype));
  const auto *from =
      static_cast<const std::byte *>(b.data) + firstRow * b.pitch * size;
  for (int64_t l = 0; l < rows; ++l) {
    toFloats(converted, from + l * b.pitch * size, b.dtype, n);
    for (int64_t r = 0; r < m; ++r)
      for (int64_t j = 0; j < n; ++j)
        sums[r * n + j] += a[r * aPitch + l] * converted[j];
  }
}

template <typename T>
void product(int64_t m, int64_t n, int64_t k, const float *a,
             const StoredMatrix &b, float *sums, float *partial, bool vectors) {
  const Loops<T> &loops = loopsOf<T>(vectors);
  const auto *data = static_cast<const T *>(b.data);
  [[maybe_unused]] bool parallel = n * k >= kParallelMatrix;
  if (b.transposed) {
    auto dot = loops.dotRow[m - 1];
#pragma omp parallel for schedule(static) if (parallel)
    for (int64_t j = 0; j < n; ++j)
      dot(k, a, k, data + j * b.pitch, sums + j, n);
    return;
  }
  int64_t down = rowBlocks(k);
  int64_t across = std::max<int64_t>(1, n / kBlockColumns);
  float *blocks = down > 1 ? partial : sums;
#pragma omp parallel for schedule(static) if (parallel)
  for (int64_t task = 0; task < down * across; ++task) {
    int64_t block = task / across;
    int64_t row = block * kBlockRows, rows = std::min(kBlockRows, k - row);
    int64_t column = task % across * kBlockColumns;
    int64_t columns =
        task % across + 1 == across ? n - column : kBlockColumns;
    float *to = blocks + block * m * n;
    if (n < loops.width)
      addNarrowRows(m, rows, n, a + row, k, b, row, to);
    else
      loops.addRows[m - 1](rows, columns, a + row, k,
                           data + row * b.pitch + column, b.pitch, to + column,
                           n);
  }
  if (down == 1)
    return;
  int64_t count = m * n;
#pragma omp parallel for schedule(static) if (count * down >= kParallelMatrix)
  for (int64_t from = 0; from < count; from += kBlockColumns) {
    int64_t end = std::min(count, from + kBlockColumns);
    std::copy(blocks + from, blocks + end, sums + from);
    for (int64_t block = 1; block < down; ++block)
      for (int64_t i = from; i < end; ++i)
        sums[i] += blocks[block * count + i];
  }
}

void dispatch(int64_t m, int64_t n, int64_t k, const float *a,
              const StoredMatrix &b, float *sums, float *partial,
              bool vectors) {
  switch (b.dtype) {
  case DType::Float16:
    return product<Half>(m, n, k, a, b, sums, partial, vectors);
  case DType::BFloat16:
    return product<BFloat>(m, n, k, a, b, sums, partial, vectors);
  default:
    return product<float>(m, n, k, a, b, sums, partial, vectors);
  }
}

} // namespace

void amprt::cpu::vectorProduct(int64_t m, int64_t n, int64_t k, const float *a,
                               const StoredMatrix &b, float *sums,
                               float *partial) {
  dispatch(m, n, k, a, b, sums, partial, true);
}

void portable::vectorProduct(int64_t m, int64_t n, int64_t k, const float *a,
                             const StoredMatrix &b, float *sums,
                             float *partial) {
  dispatch(m, n, k, a, b, sums, partial, false);
}

size_t amprt::cpu::vectorScratch(int64_t m, int64_t n, int64_t k) {
  return rowBlocks(k) > 1 ? size_t(rowBlocks(k) * m * n) : 0;
}
