//===- ScalarLoops.cpp - Element-wise arithmetic on runs ------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Generic over the register class, so that every operation is written once.
//===----------------------------------------------------------------------===//

#include "ScalarLoops.h"
#include "Convert.h"
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

template <typename T, typename R, typename F>
void unary(void *d, const void *a, int64_t count, F f) {
  auto *to = static_cast<R *>(d);
  auto *x = static_cast<const T *>(a);
  AMPRT_INDEPENDENT
  for (int64_t i = 0; i < count; ++i)
    to[i] = f(x[i]);
}

template <typename T, typename R, typename F>
void binary(void *d, const void *a, const void *b, int64_t count, F f) {
  auto *to = static_cast<R *>(d);
  auto *x = static_cast<const T *>(a);
  auto *y = static_cast<const T *>(b);
  AMPRT_INDEPENDENT
  for (int64_t i = 0; i < count; ++i)
    to[i] = f(x[i], y[i]);
}

template <typename T> T sigmoid(T x) {
  T e = std::exp(-std::abs(x));
  return (x >= 0 ? T(1) : e) / (1 + e);
}

#define AMPRT_UNARY(OP, EXPRESSION)                                            \
  case ScalarOp::OP:                                                           \
    return [](void *d, const void *a, const void *, const void *,              \
              int64_t count, [[maybe_unused]] double imm) {                    \
      unary<T, T>(d, a, count, [=](T x) -> T { return EXPRESSION; });          \
    };
#define AMPRT_BINARY(OP, RESULT, EXPRESSION)                                   \
  case ScalarOp::OP:                                                           \
    return [](void *d, const void *a, const void *b, const void *,             \
              int64_t count, double) {                                         \
      binary<T, RESULT>(d, a, b, count,                                        \
                        [](T x, T y) -> RESULT { return EXPRESSION; });        \
    };

/// Operations of floating types.
template <typename T> RunFunction floatingFunction(ScalarOp op) {
  switch (op) {
    AMPRT_UNARY(Exp, std::exp(x))
    AMPRT_UNARY(Expm1, std::expm1(x))
    AMPRT_UNARY(Log, std::log(x))
    AMPRT_UNARY(Log1p, std::log1p(x))
    AMPRT_UNARY(Sqrt, std::sqrt(x))
    AMPRT_UNARY(Rsqrt, 1 / std::sqrt(x))
    AMPRT_UNARY(Reciprocal, 1 / x)
    AMPRT_UNARY(Sin, std::sin(x))
    AMPRT_UNARY(Cos, std::cos(x))
    AMPRT_UNARY(Tanh, std::tanh(x))
    AMPRT_UNARY(Sigmoid, sigmoid(x))
    AMPRT_UNARY(Silu, x * sigmoid(x))
    AMPRT_UNARY(Softplus,
                (x > 0 ? x : T(0)) + std::log1p(std::exp(-std::abs(x))))
    AMPRT_UNARY(Erf, std::erf(x))
    AMPRT_UNARY(Erfc, std::erfc(x))
    AMPRT_UNARY(Floor, std::floor(x))
    AMPRT_UNARY(Ceil, std::ceil(x))
    AMPRT_UNARY(Round, std::nearbyint(x))
    AMPRT_UNARY(Gelu, x * T(0.5) * std::erfc(-x * T(0.70710678118654752440)))
    // (1 + tanh u) / 2 is the sigmoid of 2u, which does not cancel.
    AMPRT_UNARY(GeluTanh, x * sigmoid(T(1.59576912160573071176) *
                                      (x + T(0.044715) * x * x * x)))
    AMPRT_UNARY(Elu, x > 0 ? x : T(imm) * std::expm1(x))
    AMPRT_UNARY(LeakyRelu, x > 0 ? x : T(imm) * x)
    AMPRT_BINARY(Div, T, x / y)
    AMPRT_BINARY(Pow, T, std::pow(x, y))
  case ScalarOp::IsFinite:
    return [](void *d, const void *a, const void *, const void *, int64_t count,
              double) {
      unary<T, int64_t>(d, a, count,
                        [](T x) -> int64_t { return std::isfinite(x); });
    };
  default:
    return nullptr;
  }
}

RunFunction integerFunction(ScalarOp op) {
  using T = int64_t;
  switch (op) {
    AMPRT_UNARY(Not, x == 0)
    AMPRT_UNARY(Floor, x)
    AMPRT_UNARY(Ceil, x)
    AMPRT_UNARY(Round, x)
    AMPRT_UNARY(IsFinite, 1 + 0 * x)
    AMPRT_BINARY(Div, T, integerQuotient(x, y))
    AMPRT_BINARY(Pow, T, integerPower(x, y))
    AMPRT_BINARY(And, T, x != 0 && y != 0)
    AMPRT_BINARY(Or, T, x != 0 || y != 0)
  default:
    return nullptr;
  }
}

/// Operations of every type. NaN stays NaN in relu, maximum and minimum.
template <typename T> RunFunction commonFunction(ScalarOp op) {
  using W = Wrap<T>;
  switch (op) {
    AMPRT_UNARY(Neg, T(-W(x)))
    AMPRT_UNARY(Abs, x < 0 ? T(-W(x)) : kFloat<T> ? std::abs(x) : x)
    AMPRT_UNARY(Sign, x != x ? x : T((x > 0) - (x < 0)))
    AMPRT_UNARY(Square, T(W(x) * W(x)))
    AMPRT_UNARY(Relu, x <= 0 ? T(0) : x)
    AMPRT_UNARY(Relu6, x <= 0 ? T(0) : x >= 6 ? T(6) : x)
    AMPRT_BINARY(Add, T, T(W(x) + W(y)))
    AMPRT_BINARY(Sub, T, T(W(x) - W(y)))
    AMPRT_BINARY(Mul, T, T(W(x) * W(y)))
    AMPRT_BINARY(Max, T, x > y || x != x ? x : y)
    AMPRT_BINARY(Min, T, x < y || x != x ? x : y)
    AMPRT_BINARY(Equal, int64_t, x == y)
    AMPRT_BINARY(NotEqual, int64_t, x != y)
    AMPRT_BINARY(Less, int64_t, x < y)
    AMPRT_BINARY(LessEqual, int64_t, x <= y)
    AMPRT_BINARY(Greater, int64_t, x > y)
    AMPRT_BINARY(GreaterEqual, int64_t, x >= y)
    AMPRT_BINARY(ReluGrad, T, y > 0 ? x : T(0))
  case ScalarOp::Where:
    return [](void *d, const void *a, const void *b, const void *c,
              int64_t count, double) {
      auto *to = static_cast<T *>(d);
      auto *condition = static_cast<const int64_t *>(a);
      auto *x = static_cast<const T *>(b), *y = static_cast<const T *>(c);
      for (int64_t i = 0; i < count; ++i)
        to[i] = condition[i] ? x[i] : y[i];
    };
  default:
    return nullptr;
  }
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
  switch (operands) {
  case RegisterClass::F32:
    if (RunFunction f = commonFunction<float>(op))
      return f;
    return floatingFunction<float>(op);
  case RegisterClass::F64:
    if (RunFunction f = commonFunction<double>(op))
      return f;
    return floatingFunction<double>(op);
  case RegisterClass::I64:
    if (RunFunction f = commonFunction<int64_t>(op))
      return f;
    return integerFunction(op);
  }
  return nullptr;
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
      unary<float, int64_t>(d, a, count,
                            [to](float x) { return truncate(x, to); });
    } else if (source == RegisterClass::F64) {
      unary<double, int64_t>(d, a, count,
                             [to](double x) { return truncate(x, to); });
    } else {
      std::copy_n(static_cast<const int64_t *>(a), count, result);
      wrapRun(result, to, count);
    }
    return;
  }
  if (target == RegisterClass::F64) {
    if (source == RegisterClass::F32)
      unary<float, double>(d, a, count, [](float x) -> double { return x; });
    else if (source == RegisterClass::F64)
      std::copy_n(static_cast<const double *>(a), count,
                  static_cast<double *>(d));
    else
      unary<int64_t, double>(d, a, count, [](int64_t x) { return double(x); });
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
      unary<double, float>(d, a, count, [](double x) { return float(x); });
  } else if (amp::isLow(to)) {
    roundTwice(result, static_cast<const int64_t *>(a), to, count);
  } else {
    unary<int64_t, float>(d, a, count, [](int64_t x) { return float(x); });
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
