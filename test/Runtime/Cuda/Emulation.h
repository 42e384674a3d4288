//===- Emulation.h - Kernels as functions of the host -----------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// What Device.cuh includes in place of CUDA when the host's compiler builds a
// kernel: its threads run one after the other, up to each barrier. The numbers
// that come out are the kernel's own, so conformance is tested without a GPU.
//===----------------------------------------------------------------------===//

#ifndef AMP_TEST_RUNTIME_CUDA_EMULATION_H
#define AMP_TEST_RUNTIME_CUDA_EMULATION_H

#include "amprt/Half.h"

#include <cstddef>
#include <math.h>

struct EmulatedIndex {
  unsigned x = 1, y = 1, z = 1;
};
extern EmulatedIndex threadIdx, blockIdx, blockDim, gridDim;
/// Waits for the other threads of the block.
extern "C" void amprtEmulatedBarrier();
inline void __syncthreads() { amprtEmulatedBarrier(); }

#define __device__
// Blocks run one after the other, so one copy is enough.
#define __shared__ static

namespace amprt_kernels {

using EmulatedFunction = void (*)(const void *args);
struct EmulatedKernel {
  EmulatedKernel(const char *name, EmulatedFunction function, size_t argBytes);
};

inline unsigned floatBits(float x) { return amprt::floatBits(x); }
inline float bitsFloat(unsigned x) { return amprt::bitsToFloat(x); }
inline double bitsDouble(unsigned long long x) {
  double y;
  std::memcpy(&y, &x, sizeof y);
  return y;
}
inline float halfToFloat(unsigned short x) { return amprt::halfToFloat(x); }
inline unsigned short floatToHalf(float x) { return amprt::floatToHalf(x); }

/// The tensor core's instruction m16n8k16: which thread of a warp has which
/// elements is as the PTX manual draws it. All threads of the block call it.
inline void emulateMultiply16(float (&c)[4], const unsigned (&a)[4],
                              unsigned b0, unsigned b1, bool isHalf) {
  struct Registers {
    unsigned a[4], b[2];
  };
  static Registers given[1024];
  const unsigned lane = threadIdx.x % 32, warp = threadIdx.x - lane;
  __syncthreads();
  given[threadIdx.x] = {{a[0], a[1], a[2], a[3]}, {b0, b1}};
  __syncthreads();
  auto number = [&](unsigned word, unsigned half) {
    const auto bits = static_cast<unsigned short>(word >> (16 * half));
    return isHalf ? amprt::halfToFloat(bits) : amprt::bfloatToFloat(bits);
  };
  for (unsigned i = 0; i < 4; ++i) {
    const unsigned row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
    for (unsigned k = 0; k < 16; ++k) {
      const unsigned thread = k % 8 / 2;
      const Registers &ofA = given[warp + row % 8 * 4 + thread];
      const Registers &ofB = given[warp + column * 4 + thread];
      c[i] += number(ofA.a[row / 8 + k / 8 * 2], k % 2) *
              number(ofB.b[k / 8], k % 2);
    }
  }
}

} // namespace amprt_kernels

#ifdef AMPRT_EMULATED_PLUGIN
// Kernels from sources, several in a library.
#define AMPRT_REGISTER(SYMBOL, NAME, ARGS)                                     \
  extern "C" size_t SYMBOL##_bytes() { return sizeof(ARGS); }
#else
#define AMPRT_REGISTER(SYMBOL, NAME, ARGS)                                     \
  static amprt_kernels::EmulatedKernel SYMBOL##_registered(#NAME, SYMBOL,      \
                                                           sizeof(ARGS));
#endif
#define AMPRT_EMULATED_KERNEL(SYMBOL, NAME, ARGS)                              \
  static void NAME##_body(const ARGS &a);                                      \
  extern "C" void SYMBOL(const void *args) {                                   \
    NAME##_body(*static_cast<const ARGS *>(args));                             \
  }                                                                            \
  AMPRT_REGISTER(SYMBOL, NAME, ARGS)                                           \
  static void NAME##_body(const ARGS &a)
#define AMPRT_KERNEL(NAME, ARGS)                                               \
  AMPRT_EMULATED_KERNEL(emulated_##NAME, NAME, ARGS)
/// One of several of a name, in namespaces of their own.
#define AMPRT_KERNEL_AS(PREFIX, NAME, ARGS)                                    \
  AMPRT_EMULATED_KERNEL(emulated_##PREFIX##_##NAME, NAME, ARGS)

#endif // AMP_TEST_RUNTIME_CUDA_EMULATION_H
