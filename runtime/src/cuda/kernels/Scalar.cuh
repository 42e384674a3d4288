//===- Scalar.cuh - Operations of fused element-wise kernels *- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// One function per ScalarOp and register class: float for types of up to 32
// bits, double for float64, i64 for integers and bool. The names are those of
// scalarOpName(), which the source generator prints.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_CUDA_SCALAR_CUH
#define AMPRT_CUDA_SCALAR_CUH

#include "Device.cuh"

namespace amprt_kernels {

#define AMPRT_FLOATS(NAME, F, D)                                               \
  __device__ inline float op_##NAME(float x) { return F; }                     \
  __device__ inline double op_##NAME(double x) { return D; }
#define AMPRT_FLOATS2(NAME, F, D)                                              \
  __device__ inline float op_##NAME(float x, float y) { return F; }            \
  __device__ inline double op_##NAME(double x, double y) { return D; }
/// The same expression for all three.
#define AMPRT_ALL(NAME, E, I)                                                  \
  __device__ inline float op_##NAME(float x) { return E; }                     \
  __device__ inline double op_##NAME(double x) { return E; }                   \
  __device__ inline i64 op_##NAME(i64 x) { return I; }
#define AMPRT_ALL2(NAME, E, I)                                                 \
  __device__ inline float op_##NAME(float x, float y) { return E; }            \
  __device__ inline double op_##NAME(double x, double y) { return E; }         \
  __device__ inline i64 op_##NAME(i64 x, i64 y) { return I; }
#define AMPRT_TEST(NAME, E)                                                    \
  __device__ inline i64 op_##NAME(float x, float y) { return E; }              \
  __device__ inline i64 op_##NAME(double x, double y) { return E; }            \
  __device__ inline i64 op_##NAME(i64 x, i64 y) { return E; }

// NaN stays NaN in relu, maximum and minimum; integers wrap around.
AMPRT_ALL(neg, -x, i64(-u64(x)))
AMPRT_FLOATS(abs, fabsf(x), fabs(x))
__device__ inline i64 op_abs(i64 x) { return x < 0 ? i64(-u64(x)) : x; }
AMPRT_ALL(sign, x != x ? x : x > 0 ? 1 : x < 0 ? -1 : 0,
          x > 0 ? 1 : x < 0 ? -1 : 0)
AMPRT_ALL(square, x *x, i64(u64(x) * u64(x)))
AMPRT_ALL(relu, x <= 0 ? 0 : x, x <= 0 ? 0 : x)
AMPRT_ALL(relu6, x <= 0 ? 0 : x >= 6 ? 6 : x, x <= 0 ? 0 : x >= 6 ? 6 : x)
AMPRT_ALL2(add, x + y, i64(u64(x) + u64(y)))
AMPRT_ALL2(sub, x - y, i64(u64(x) - u64(y)))
AMPRT_ALL2(mul, x *y, i64(u64(x) * u64(y)))
AMPRT_ALL2(max, x > y || x != x ? x : y, x > y ? x : y)
AMPRT_ALL2(min, x < y || x != x ? x : y, x < y ? x : y)
AMPRT_ALL2(relu_grad, y > 0 ? x : 0, y > 0 ? x : 0)
AMPRT_TEST(equal, x == y)
AMPRT_TEST(not_equal, x != y)
AMPRT_TEST(less, x < y)
AMPRT_TEST(less_equal, x <= y)
AMPRT_TEST(greater, x > y)
AMPRT_TEST(greater_equal, x >= y)
AMPRT_TEST(and, x != 0 && y != 0)
AMPRT_TEST(or, x != 0 || y != 0)
template <class T> __device__ inline T op_where(i64 c, T x, T y) {
  return c ? x : y;
}

AMPRT_FLOATS(exp, expf(x), exp(x))
AMPRT_FLOATS(expm1, expm1f(x), expm1(x))
AMPRT_FLOATS(log, logf(x), log(x))
AMPRT_FLOATS(log1p, log1pf(x), log1p(x))
AMPRT_FLOATS(sqrt, sqrtf(x), sqrt(x))
AMPRT_FLOATS(rsqrt, 1 / sqrtf(x), 1 / sqrt(x))
AMPRT_FLOATS(reciprocal, 1 / x, 1 / x)
AMPRT_FLOATS(sin, sinf(x), sin(x))
AMPRT_FLOATS(cos, cosf(x), cos(x))
AMPRT_FLOATS(tanh, tanhf(x), tanh(x))
__device__ inline float op_sigmoid(float x) {
  float e = expf(-fabsf(x));
  return (x >= 0 ? 1.0f : e) / (1 + e);
}
__device__ inline double op_sigmoid(double x) {
  double e = exp(-fabs(x));
  return (x >= 0 ? 1.0 : e) / (1 + e);
}
AMPRT_FLOATS(silu, x *op_sigmoid(x), x *op_sigmoid(x))
AMPRT_FLOATS(softplus, (x > 0 ? x : 0.0f) + log1pf(expf(-fabsf(x))),
             (x > 0 ? x : 0.0) + log1p(exp(-fabs(x))))
AMPRT_FLOATS(erf, erff(x), erf(x))
AMPRT_FLOATS(erfc, erfcf(x), erfc(x))
AMPRT_FLOATS(floor, floorf(x), floor(x))
AMPRT_FLOATS(ceil, ceilf(x), ceil(x))
AMPRT_FLOATS(round, rintf(x), rint(x))
__device__ inline i64 op_floor(i64 x) { return x; }
__device__ inline i64 op_ceil(i64 x) { return x; }
__device__ inline i64 op_round(i64 x) { return x; }
AMPRT_FLOATS(gelu, x * 0.5f * erfcf(-x * 0.70710678118654752440f),
             x * 0.5 * erfc(-x * 0.70710678118654752440))
AMPRT_FLOATS(gelu_tanh,
             x *op_sigmoid(1.59576912160573071176f *
                           (x + 0.044715f * x * x * x)),
             x *op_sigmoid(1.59576912160573071176 * (x + 0.044715 * x * x * x)))
__device__ inline float op_elu(float x, float k) {
  return x > 0 ? x : k * expm1f(x);
}
__device__ inline double op_elu(double x, double k) {
  return x > 0 ? x : k * expm1(x);
}
AMPRT_FLOATS2(leaky_relu, x > 0 ? x : y * x, x > 0 ? x : y * x)
AMPRT_FLOATS2(div, x / y, x / y)
// In float64: powf is off by several units in the last place.
AMPRT_FLOATS2(pow, float(pow(double(x), double(y))), pow(x, y))
__device__ inline i64 op_is_finite(float x) {
  return (floatBits(x) & 0x7f800000u) != 0x7f800000u;
}
__device__ inline i64 op_is_finite(double x) { return x - x == 0; }
__device__ inline i64 op_is_finite(i64) { return 1; }
__device__ inline i64 op_not(i64 x) { return x == 0; }
__device__ inline i64 op_div(i64 x, i64 y) {
  return y == 0 ? 0 : y == -1 ? i64(-u64(x)) : x / y;
}
__device__ inline i64 op_pow(i64 base, i64 exponent) {
  if (exponent < 0)
    return base == 1 ? 1 : base == -1 ? (exponent % 2 ? -1 : 1) : 0;
  u64 result = 1, factor = u64(base);
  for (; exponent; exponent >>= 1, factor *= factor)
    if (exponent & 1)
      result *= factor;
  return i64(result);
}

/// Casts to a type of each class.
__device__ inline float castFloat(float x, int type) { return roundTo(x, type); }
__device__ inline float castFloat(double x, int type) {
  return type == F32 ? float(x) : roundTo(roundToOdd(x), type);
}
__device__ inline float castFloat(i64 x, int type) {
  return type == F32 ? float(x) : roundTo(roundToOdd(x), type);
}
__device__ inline double castDouble(float x) { return x; }
__device__ inline double castDouble(double x) { return x; }
__device__ inline double castDouble(i64 x) { return double(x); }
__device__ inline i64 castInt(float x, int type) {
  return truncateTo(double(x), type);
}
__device__ inline i64 castInt(double x, int type) { return truncateTo(x, type); }
__device__ inline i64 castInt(i64 x, int type) { return wrapTo(x, type); }

} // namespace amprt_kernels

#endif // AMPRT_CUDA_SCALAR_CUH
