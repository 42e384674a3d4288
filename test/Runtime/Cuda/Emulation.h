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

} // namespace amprt_kernels

#ifdef AMPRT_EMULATED_PLUGIN
// A kernel from source, in a library of its own.
#define AMPRT_REGISTER(NAME, ARGS)                                             \
  extern "C" size_t emulated_##NAME##_bytes() { return sizeof(ARGS); }
#else
#define AMPRT_REGISTER(NAME, ARGS)                                             \
  static amprt_kernels::EmulatedKernel NAME##_registered(                      \
      #NAME, emulated_##NAME, sizeof(ARGS));
#endif
#define AMPRT_KERNEL(NAME, ARGS)                                               \
  static void NAME##_body(const ARGS &a);                                      \
  extern "C" void emulated_##NAME(const void *args) {                          \
    NAME##_body(*static_cast<const ARGS *>(args));                             \
  }                                                                            \
  AMPRT_REGISTER(NAME, ARGS)                                                   \
  static void NAME##_body(const ARGS &a)

#endif // AMP_TEST_RUNTIME_CUDA_EMULATION_H
