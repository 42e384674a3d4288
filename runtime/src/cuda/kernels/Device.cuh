//===- Device.cuh - What all kernels share ----------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Loads and stores of every type, blocks that reduce, and the random numbers.
// Compiled by nvcc, by NVRTC (without any header of the toolkit; conversions
// are PTX) and by the host's compiler for the emulation of the tests.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_CUDA_DEVICE_CUH
#define AMPRT_CUDA_DEVICE_CUH

#include "Args.h"

#ifdef AMPRT_EMULATED
#include "Emulation.h"
#else
#define AMPRT_KERNEL(NAME, ARGS)                                               \
  extern "C" __global__ void __launch_bounds__(amprt_kernels::kThreads)        \
      NAME(const ARGS a)
#endif

namespace amprt_kernels {

typedef unsigned int u32;
typedef unsigned short u16;

#ifndef AMPRT_EMULATED
__device__ inline u32 floatBits(float x) { return __float_as_uint(x); }
__device__ inline float bitsFloat(u32 x) { return __uint_as_float(x); }
__device__ inline double bitsDouble(u64 x) { return __longlong_as_double(i64(x)); }
__device__ inline float halfToFloat(u16 x) {
  float y;
  asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x));
  return y;
}
__device__ inline u16 floatToHalf(float x) {
  u16 y;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(y) : "f"(x));
  return y;
}
#endif

/// No instruction before sm_80, and three integer ones do.
__device__ inline u16 floatToBFloat(float x) {
  u32 bits = floatBits(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u)
    return u16((bits >> 16) | 0x40u);
  return u16((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}
__device__ inline float bfloatToFloat(u16 x) { return bitsFloat(u32(x) << 16); }

__device__ inline float roundTo(float x, int type) {
  return type == F16    ? halfToFloat(floatToHalf(x))
         : type == BF16 ? bfloatToFloat(floatToBFloat(x))
                        : x;
}

/// The float32 beside `x` whose last bit is odd: rounding it again to 16 bits
/// gives what one rounding of `x` would.
__device__ inline float towards(float near, bool up) {
  u32 bits = floatBits(near);
  if (near == 0)
    return bitsFloat(up ? 1u : 0x80000001u);
  return bitsFloat((near > 0) == up ? bits + 1 : bits - 1);
}
__device__ inline float roundToOdd(double x) {
  float near = float(x);
  u32 bits = floatBits(near);
  if (double(near) == x || near != near || (bits & 1u))
    return near;
  if ((bits & 0x7fffffffu) == 0x7f800000u)
    return near > 0 ? bitsFloat(0x7f7fffffu) : bitsFloat(0xff7fffffu);
  return towards(near, x > double(near));
}
__device__ inline float roundToOdd(i64 x) {
  float near = float(x);
  if (floatBits(near) & 1u)
    return near;
  if (near >= 9223372036854775808.0f)
    return towards(near, false);
  i64 back = i64(near);
  return back == x ? near : towards(near, x > back);
}

/// Truncates; numbers outside the type take its nearest end, NaN 0.
__device__ inline i64 truncateTo(double x, int type) {
  if (type == Bool)
    return x != 0;
  if (x != x)
    return 0;
  double low = type == I8    ? -128.0
               : type == U8  ? 0.0
               : type == I32 ? -2147483648.0
                             : -9223372036854775808.0;
  double high = type == I8    ? 127.0
                : type == U8  ? 255.0
                : type == I32 ? 2147483647.0
                              : 9223372036854775808.0;
  if (type == I64 && x >= high)
    return 0x7fffffffffffffffLL;
  return i64(x < low ? low : x > high ? high : x);
}
/// An integer that overflowed wraps around.
__device__ inline i64 wrapTo(i64 x, int type) {
  return type == I32    ? i64(int(u32(u64(x))))
         : type == I8   ? i64((signed char)(unsigned char)(u64(x)))
         : type == U8   ? i64((unsigned char)(u64(x)))
         : type == Bool ? i64(x != 0)
                        : x;
}

__device__ inline i64 loadInt(const void *p, int type, i64 at) {
  switch (type) {
  case I8:
    return ((const signed char *)p)[at];
  case I32:
    return ((const int *)p)[at];
  case I64:
    return ((const i64 *)p)[at];
  default:
    return ((const unsigned char *)p)[at];
  }
}
__device__ inline float loadFloat(const void *p, int type, i64 at) {
  return type == F32    ? ((const float *)p)[at]
         : type == F16  ? halfToFloat(((const u16 *)p)[at])
         : type == BF16 ? bfloatToFloat(((const u16 *)p)[at])
                        : float(loadInt(p, type, at));
}

/// A value as T, which is float for types of up to 32 bits, double for
/// float64, and i64 for integers.
template <class T> __device__ inline T load(const void *p, int type, i64 at);
template <>
__device__ inline float load<float>(const void *p, int type, i64 at) {
  return loadFloat(p, type, at);
}
template <>
__device__ inline double load<double>(const void *p, int type, i64 at) {
  return type == F64 ? ((const double *)p)[at] : double(loadFloat(p, type, at));
}
template <> __device__ inline i64 load<i64>(const void *p, int type, i64 at) {
  return loadInt(p, type, at);
}

/// Rounded once to the stored type.
__device__ inline void store(void *p, int type, i64 at, float x) {
  if (type == F32)
    ((float *)p)[at] = x;
  else if (type == F16)
    ((u16 *)p)[at] = floatToHalf(x);
  else if (type == BF16)
    ((u16 *)p)[at] = floatToBFloat(x);
  else
    ((double *)p)[at] = double(x);
}
__device__ inline void store(void *p, int type, i64 at, double x) {
  if (type == F64)
    ((double *)p)[at] = x;
  else
    store(p, type, at, float(x));
}
__device__ inline void store(void *p, int type, i64 at, i64 x) {
  if (type == I64)
    ((i64 *)p)[at] = x;
  else if (type == I32)
    ((int *)p)[at] = int(u32(u64(x)));
  else
    ((unsigned char *)p)[at] = (unsigned char)(u64(x));
}

/// Vectors of up to 16 bytes: number `group` of so many bytes.
template <int Bytes> struct alignas(Bytes) Words {
  unsigned char bytes[Bytes];
};
template <int Bytes>
__device__ inline void loadBytes(unsigned char *to, const void *from,
                                 i64 group) {
  constexpr int kWord = Bytes < 16 ? Bytes : 16;
#pragma unroll
  for (int i = 0; i < Bytes / kWord; ++i)
    ((Words<kWord> *)to)[i] =
        ((const Words<kWord> *)from)[group * (Bytes / kWord) + i];
}
template <int Bytes>
__device__ inline void storeBytes(void *to, const unsigned char *from,
                                  i64 group) {
  constexpr int kWord = Bytes < 16 ? Bytes : 16;
#pragma unroll
  for (int i = 0; i < Bytes / kWord; ++i)
    ((Words<kWord> *)to)[group * (Bytes / kWord) + i] =
        ((const Words<kWord> *)from)[i];
}

__device__ inline float exponential(float x) { return expf(x); }
__device__ inline double exponential(double x) { return exp(x); }
__device__ inline bool isNan(double x) { return x != x; }
__device__ inline double infinity() {
  return bitsDouble(0x7ff0000000000000ull);
}
__device__ inline double notANumber() { return infinity() - infinity(); }

__device__ inline i64 offsetOf(i64 index, const Nest &nest) {
  i64 offset = 0;
  for (int i = nest.rank - 1; i >= 0; --i) {
    offset += index % nest.size[i] * nest.stride[i];
    index /= nest.size[i];
  }
  return offset;
}

__device__ inline i64 firstIndex() {
  return i64(blockIdx.x) * blockDim.x + threadIdx.x;
}
__device__ inline i64 indexStep() { return i64(gridDim.x) * blockDim.x; }

/// The sum over the threads of a row (those with one threadIdx.y; their number
/// is a power of two), the same order in every run. All threads of the block
/// call it.
template <class T> __device__ inline T sumOfRow(T value) {
  __shared__ T cells[kThreads];
  int at = int(threadIdx.y * blockDim.x + threadIdx.x);
  __syncthreads();
  cells[at] = value;
  for (unsigned half = blockDim.x / 2; half; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half)
      cells[at] = cells[at] + cells[at + int(half)];
  }
  __syncthreads();
  return cells[threadIdx.y * blockDim.x];
}

/// A value and its place in the row.
template <class T> struct Found {
  T value;
  i64 at;
};
/// The larger one: NaN before all, the first of equal ones.
template <class T>
__device__ inline Found<T> larger(const Found<T> &a, const Found<T> &b) {
  bool nanA = a.value != a.value, nanB = b.value != b.value;
  bool takesB = nanA || nanB ? nanB && (!nanA || b.at < a.at)
                             : b.value > a.value ||
                                   (b.value == a.value && b.at < a.at);
  return takesB ? b : a;
}
template <class T> __device__ inline Found<T> largestOfRow(Found<T> found) {
  __shared__ T values[kThreads];
  __shared__ i64 places[kThreads];
  int at = int(threadIdx.y * blockDim.x + threadIdx.x);
  __syncthreads();
  values[at] = found.value;
  places[at] = found.at;
  for (unsigned half = blockDim.x / 2; half; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) {
      Found<T> own = {values[at], places[at]};
      Found<T> other = {values[at + int(half)], places[at + int(half)]};
      own = larger(own, other);
      values[at] = own.value;
      places[at] = own.at;
    }
  }
  __syncthreads();
  int first = int(threadIdx.y * blockDim.x);
  return {values[first], places[first]};
}

/// The number of element `at` of a stream: Philox 4x32-10, as on every device.
__device__ inline float randomUniform(i64 seed, i64 node, i64 call, i64 at,
                                      u64 session) {
  u64 mixed = u64(seed) ^ (session * 0x9E3779B97F4A7C15ull);
  u64 block = u64(at) / 4;
  u32 c0 = u32(block), c1 = u32(block >> 32), c2 = u32(u64(call)),
      c3 = u32(u64(node));
  u32 k0 = u32(mixed), k1 = u32(mixed >> 32);
  for (int round = 0; round < 10; ++round) {
    u64 p0 = u64(0xD2511F53u) * c0, p1 = u64(0xCD9E8D57u) * c2;
    u32 n0 = u32(p1 >> 32) ^ c1 ^ k0, n2 = u32(p0 >> 32) ^ c3 ^ k1;
    c0 = n0;
    c1 = u32(p1);
    c2 = n2;
    c3 = u32(p0);
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  int word = int(at % 4);
  u32 bits = word == 0 ? c0 : word == 1 ? c1 : word == 2 ? c2 : c3;
  return float(bits >> 8) * 5.9604644775390625e-8f;
}

} // namespace amprt_kernels

#endif // AMPRT_CUDA_DEVICE_CUH
