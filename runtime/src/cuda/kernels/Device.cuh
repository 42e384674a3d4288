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

/// A row of numbers in memory: its first element and the step to the next.
struct Run {
  const void *memory;
  int type;
  i64 at, stride;
};
/// Neighbours that begin at a multiple of 16 bytes.
__device__ inline bool isWide(const Run &run) {
  const int bytes = run.type == F64 ? 8 : run.type == F32 ? 4 : 2;
  return run.stride == 1 &&
         (run.type == F64 || run.type == F32 || run.type == F16 ||
          run.type == BF16) &&
         (u64(run.memory) + u64(run.at * bytes)) % 16 == 0;
}

/// A group of elements, 16 bytes at a time.
template <class T, int Type>
__device__ inline void loadGroupOf(T (&to)[kGroup], const Run &run, i64 i) {
  constexpr int kBytes = kGroup * (Type == F64 ? 8 : Type == F32 ? 4 : 2);
  alignas(16) unsigned char bytes[kBytes];
  loadBytes<kBytes>(bytes, (const char *)run.memory +
                               (run.at + i) * (kBytes / kGroup), 0);
#pragma unroll
  for (int j = 0; j < kGroup; ++j)
    to[j] = load<T>(bytes, Type, j);
}
template <class T>
__device__ inline void loadGroup(T (&to)[kGroup], const Run &run, i64 i) {
  switch (run.type) {
  case F16:
    return loadGroupOf<T, F16>(to, run, i);
  case BF16:
    return loadGroupOf<T, BF16>(to, run, i);
  case F32:
    return loadGroupOf<T, F32>(to, run, i);
  default:
    return loadGroupOf<T, sizeof(T) == 8 ? F64 : F32>(to, run, i);
  }
}
template <class T, int Type>
__device__ inline void storeGroupOf(const Run &run, i64 i,
                                    const T (&from)[kGroup]) {
  constexpr int kBytes = kGroup * (Type == F64 ? 8 : Type == F32 ? 4 : 2);
  alignas(16) unsigned char bytes[kBytes];
#pragma unroll
  for (int j = 0; j < kGroup; ++j)
    store(bytes, Type, j, from[j]);
  char *memory = static_cast<char *>(const_cast<void *>(run.memory));
  storeBytes<kBytes>(memory + (run.at + i) * (kBytes / kGroup), bytes, 0);
}
template <class T>
__device__ inline void storeGroup(const Run &run, i64 i,
                                  const T (&from)[kGroup]) {
  switch (run.type) {
  case F16:
    return storeGroupOf<T, F16>(run, i, from);
  case BF16:
    return storeGroupOf<T, BF16>(run, i, from);
  case F32:
    return storeGroupOf<T, F32>(run, i, from);
  default:
    return storeGroupOf<T, F64>(run, i, from);
  }
}

template <class T> __device__ inline T loadFrom(const Run &run, i64 i) {
  return load<T>(run.memory, run.type, run.at + i * run.stride);
}
template <class T>
__device__ inline void storeTo(const Run &run, i64 i, T value) {
  store(const_cast<void *>(run.memory), run.type, run.at + i * run.stride, value);
}

// The threads of a row of the block (those with one threadIdx.y) share its
// elements: groups first, where the memory allows, and then single ones. Which
// thread takes which depends on sizes and places alone.

template <class T, int N> struct Groups {
  T values[N][kGroup];
};
template <int N> struct Runs {
  Run run[N];
};
/// body(i, groups, j) for each element: its number, and which of the values
/// that were loaded are its own. Where it gives results, they go to `to`, which
/// may be where an operand is.
template <class T, int N, bool Stores, class Body>
__device__ inline void eachOf(const Runs<N> &x, const Run &to, i64 size,
                              Body body) {
  bool wide = !Stores || isWide(to);
#pragma unroll
  for (int n = 0; n < N; ++n)
    wide = wide && isWide(x.run[n]);
  const i64 whole = wide ? size / kGroup : 0;
  Groups<T, N> g;
  for (i64 group = threadIdx.x; group < whole; group += blockDim.x) {
#pragma unroll
    for (int n = 0; n < N; ++n)
      loadGroup(g.values[n], x.run[n], group * kGroup);
    T results[kGroup];
#pragma unroll
    for (int j = 0; j < kGroup; ++j)
      results[j] = body(group * kGroup + j, g, j);
    if (Stores)
      storeGroup(to, group * kGroup, results);
  }
  for (i64 i = whole * kGroup + threadIdx.x; i < size; i += blockDim.x) {
#pragma unroll
    for (int n = 0; n < N; ++n)
      g.values[n][0] = loadFrom<T>(x.run[n], i);
    T result = body(i, g, 0);
    if (Stores)
      storeTo<T>(to, i, result);
  }
}

/// body(i, x) for each element, or body(i, x, y) or body(i, x, y, z).
template <class T, class Body>
__device__ inline void walk(const Run &x, i64 size, Body body) {
  eachOf<T, 1, false>({{x}}, x, size, [&](i64 i, const Groups<T, 1> &g, int j) {
    body(i, g.values[0][j]);
    return T(0);
  });
}
template <class T, class Body>
__device__ inline void walk2(const Run &x, const Run &y, i64 size, Body body) {
  eachOf<T, 2, false>({{x, y}}, x, size,
                      [&](i64 i, const Groups<T, 2> &g, int j) {
                        body(i, g.values[0][j], g.values[1][j]);
                        return T(0);
                      });
}
template <class T, class Body>
__device__ inline void walk3(const Run &x, const Run &y, const Run &z, i64 size,
                             Body body) {
  eachOf<T, 3, false>(
      {{x, y, z}}, x, size, [&](i64 i, const Groups<T, 3> &g, int j) {
        body(i, g.values[0][j], g.values[1][j], g.values[2][j]);
        return T(0);
      });
}
/// The same with results.
template <class T, class Body>
__device__ inline void map(const Run &x, const Run &to, i64 size, Body body) {
  eachOf<T, 1, true>({{x}}, to, size,
                     [&](i64 i, const Groups<T, 1> &g, int j) {
                       return body(i, g.values[0][j]);
                     });
}
template <class T, class Body>
__device__ inline void map2(const Run &x, const Run &y, const Run &to, i64 size,
                            Body body) {
  eachOf<T, 2, true>({{x, y}}, to, size,
                     [&](i64 i, const Groups<T, 2> &g, int j) {
                       return body(i, g.values[0][j], g.values[1][j]);
                     });
}
template <class T, class Body>
__device__ inline void map3(const Run &x, const Run &y, const Run &z,
                            const Run &to, i64 size, Body body) {
  eachOf<T, 3, true>(
      {{x, y, z}}, to, size, [&](i64 i, const Groups<T, 3> &g, int j) {
        return body(i, g.values[0][j], g.values[1][j], g.values[2][j]);
      });
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
