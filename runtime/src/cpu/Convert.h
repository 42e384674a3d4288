//===- Convert.h - Runs of numbers between element types --------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Conversions of whole runs between 16-bit floats and float32, with the vector
// instructions of the machine that runs them (chosen at start-up) or portable
// code. All agree bit for bit with amprt/Half.h.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_CPU_CONVERT_H
#define AMPRT_CPU_CONVERT_H

#include "amprt/Tensor.h"

namespace amprt::cpu {

void halfToFloats(float *to, const uint16_t *from, int64_t count);
void floatsToHalf(uint16_t *to, const float *from, int64_t count);
void bfloatToFloats(float *to, const uint16_t *from, int64_t count);
void floatsToBFloat(uint16_t *to, const float *from, int64_t count);

/// From float16, bfloat16 or float32.
void toFloats(float *to, const void *from, DType dtype, int64_t count);
/// To float16, bfloat16 or float32.
void fromFloats(void *to, DType dtype, const float *from, int64_t count);
/// Rounds to a 16-bit type and back.
void roundFloats(float *to, const float *from, DType dtype, int64_t count);

/// The same functions without vector instructions, for tests.
namespace portable {
void halfToFloats(float *to, const uint16_t *from, int64_t count);
void floatsToHalf(uint16_t *to, const float *from, int64_t count);
} // namespace portable

} // namespace amprt::cpu

#endif // AMPRT_CPU_CONVERT_H
