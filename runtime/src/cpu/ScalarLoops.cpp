//===- ScalarLoops.cpp - Element-wise arithmetic on runs ------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Generic over the register class, so that every operation is written once, and
// compiled for each instruction set. All round after each operation, so they
// give the same bits.
//===----------------------------------------------------------------------===//

#include "ScalarLoops.h"
#include "Convert.h"
#include "VectorMath.h"
#include "amprt/Half.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace amprt;
using namespace amprt::cpu;

namespace {

template <typename T> constexpr bool kFloat = std::is_floating_point_v<T>;

/// Unsigned, so that overflow wraps instead of being undefined.
template <typename T>
using Wrap = std::conditional_t<
    kFloat<T>, T,
    std::make_unsigned_t<std::conditional_t<kFloat<T>, int64_t, T>>>;

int64_t integerPower(int64_t base, int64_t exponent) {
  if (exponent < 0)
    return base == 1 ? 1 : base == -1 ? (exponent % 2 ? -1 : 1) : 0;
  uint64_t result = 1, factor = uint64_t(base);
  for (; exponent; exponent >>= 1, factor *= factor)
    if (exponent & 1)
      result *= factor;
  return int64_t(result);
}

int64_t integerQuotient(int64_t a, int64_t b) {
  if (b == 0)
    return 0;
  return b == -1 ? int64_t(-uint64_t(a)) : a / b;
}

// A result may lie exactly over an operand, never partly: iterations do not
// depend on each other.
#if defined(__clang__)
#define AMPRT_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define AMPRT_INDEPENDENT _Pragma("GCC ivdep")
#else
#define AMPRT_INDEPENDENT
#endif

// Float has functions that loops over vectors can call.
AMPRT_ALWAYS_INLINE float expOf(float x) { return vectorExp(x); }
AMPRT_ALWAYS_INLINE float tanhOf(float x) { return vectorTanh(x); }
AMPRT_ALWAYS_INLINE float sigmoidOf(float x) { return vectorSigmoid(x); }
AMPRT_ALWAYS_INLINE float erfcOf(float x) { return vectorErfc(x); }
inline double expOf(double x) { return std::exp(x); }
inline double tanhOf(double x) { return std::tanh(x); }
inline double sigmoidOf(double x) {
  double e = std::exp(-std::abs(x));
  return (x >= 0 ? 1.0 : e) / (1 + e);
}
inline double erfcOf(double x) { return std::erfc(x); }

namespace plain {
#include "ScalarLoopKernels.inc"
} // namespace plain

// GCC takes the instruction set of lambdas from a pragma alone.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define AMPRT_MORE_TARGETS
#pragma GCC push_options
#pragma GCC target("avx2")
namespace avx2 {
#include "ScalarLoopKernels.inc"
} // namespace avx2
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx512f")
namespace avx512 {
#include "ScalarLoopKernels.inc"
} // namespace avx512
#pragma GCC pop_options
#endif

using Find = RunFunction (*)(ScalarOp op, RegisterClass operands);
Find pickFind() {
#ifdef AMPRT_MORE_TARGETS
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f"))
    return avx512::find;
  if (__builtin_cpu_supports("avx2"))
    return avx2::find;
#endif
  return plain::find;
}

/// Truncates; numbers outside the type take its nearest end, NaN 0.
template <typename T> int64_t truncate(T x, DType to) {
  if (to == DType::Bool)
    return x != 0;
  if (x != x)
    return 0;
  double low, high;
  switch (to) {
  case DType::Int8:
    low = INT8_MIN, high = INT8_MAX;
    break;
  case DType::UInt8:
    low = 0, high = UINT8_MAX;
    break;
  case DType::Int32:
    low = INT32_MIN, high = INT32_MAX;
    break;
  default:
    // The largest int64_t is no double; from 2^63 on it is the nearest end.
    if (double(x) >= 0x1p63)
      return INT64_MAX;
    low = double(INT64_MIN), high = 0x1p63;
  }
  return int64_t(std::clamp(double(x), low, high));
}

} // namespace

RunFunction amprt::cpu::runFunction(ScalarOp op, RegisterClass operands) {
  static const Find find = pickFind();
  return find(op, operands);
}

template <typename T>
static void roundTwice(float *to, const T *x, DType low, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    to[i] = roundToOdd(x[i]);
  roundFloats(to, to, low, count);
}

void amprt::cpu::castRun(void *d, DType to, const void *a, DType from,
                         int64_t count) {
  RegisterClass source = registerClass(from), target = registerClass(to);
  if (target == RegisterClass::I64) {
    auto *result = static_cast<int64_t *>(d);
    if (source == RegisterClass::F32) {
      plain::unary<float, int64_t>(d, a, count,
                            [to](float x) { return truncate(x, to); });
    } else if (source == RegisterClass::F64) {
      plain::unary<double, int64_t>(d, a, count,
                             [to](double x) { return truncate(x, to); });
    } else {
      std::copy_n(static_cast<const int64_t *>(a), count, result);
      wrapRun(result, to, count);
    }
    return;
  }
  if (target == RegisterClass::F64) {
    if (source == RegisterClass::F32)
      plain::unary<float, double>(d, a, count, [](float x) -> double { return x; });
    else if (source == RegisterClass::F64)
      std::copy_n(static_cast<const double *>(a), count,
                  static_cast<double *>(d));
    else
      plain::unary<int64_t, double>(d, a, count, [](int64_t x) { return double(x); });
    return;
  }
  auto *result = static_cast<float *>(d);
  if (source == RegisterClass::F32) {
    auto *x = static_cast<const float *>(a);
    if (amp::isLow(to))
      roundFloats(result, x, to, count);
    else
      std::copy_n(x, count, result);
  } else if (source == RegisterClass::F64) {
    if (amp::isLow(to))
      roundTwice(result, static_cast<const double *>(a), to, count);
    else
      plain::unary<double, float>(d, a, count, [](double x) { return float(x); });
  } else if (amp::isLow(to)) {
    roundTwice(result, static_cast<const int64_t *>(a), to, count);
  } else {
    plain::unary<int64_t, float>(d, a, count, [](int64_t x) { return float(x); });
  }
}

void amprt::cpu::wrapRun(int64_t *values, DType dtype, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    if (dtype == DType::Int32)
      values[i] = int32_t(uint32_t(values[i]));
    else if (dtype == DType::Int8)
      values[i] = int8_t(uint8_t(values[i]));
    else if (dtype == DType::UInt8)
      values[i] = uint8_t(values[i]);
    else if (dtype == DType::Bool)
      values[i] = values[i] != 0;
  }
}

namespace {

template <typename R, typename T>
void loadStrided(void *d, const void *memory, int64_t stride, int64_t count) {
  auto *to = static_cast<R *>(d);
  auto *from = static_cast<const T *>(memory);
  if (stride == 1)
    for (int64_t i = 0; i < count; ++i)
      to[i] = R(from[i]);
  else if (stride == 0)
    std::fill_n(to, count, R(from[0]));
  else
    for (int64_t i = 0; i < count; ++i)
      to[i] = R(from[i * stride]);
}

template <typename T>
void storeInts(void *memory, const void *a, int64_t count) {
  auto *to = static_cast<T *>(memory);
  auto *from = static_cast<const int64_t *>(a);
  for (int64_t i = 0; i < count; ++i)
    to[i] = T(from[i]);
}

} // namespace

void amprt::cpu::loadRun(void *d, const void *memory, DType dtype,
                         int64_t stride, int64_t count) {
  auto *to = static_cast<float *>(d);
  switch (dtype) {
  case DType::Float16:
  case DType::BFloat16: {
    auto *from = static_cast<const uint16_t *>(memory);
    if (stride == 1)
      return toFloats(to, from, dtype, count);
    for (int64_t i = 0; i < count; ++i) {
      toFloats(to + i, from + i * stride, dtype, 1);
      if (stride == 0)
        return std::fill_n(to + 1, count - 1, to[0]), void();
    }
    return;
  }
  case DType::Float32:
    return loadStrided<float, float>(d, memory, stride, count);
  case DType::Float64:
    return loadStrided<double, double>(d, memory, stride, count);
  case DType::Int8:
    return loadStrided<int64_t, int8_t>(d, memory, stride, count);
  case DType::UInt8:
  case DType::Bool:
    return loadStrided<int64_t, uint8_t>(d, memory, stride, count);
  case DType::Int32:
    return loadStrided<int64_t, int32_t>(d, memory, stride, count);
  case DType::Int64:
    return loadStrided<int64_t, int64_t>(d, memory, stride, count);
  }
}

void amprt::cpu::storeRun(void *memory, DType dtype, const void *a,
                          int64_t count) {
  switch (dtype) {
  case DType::Float16:
  case DType::BFloat16:
  case DType::Float32:
    return fromFloats(memory, dtype, static_cast<const float *>(a), count);
  case DType::Float64:
    std::copy_n(static_cast<const double *>(a), count,
                static_cast<double *>(memory));
    return;
  case DType::Int8:
    return storeInts<int8_t>(memory, a, count);
  case DType::UInt8:
  case DType::Bool:
    return storeInts<uint8_t>(memory, a, count);
  case DType::Int32:
    return storeInts<int32_t>(memory, a, count);
  case DType::Int64:
    return storeInts<int64_t>(memory, a, count);
  }
}
