//===- ScalarLoops.h - Element-wise arithmetic on runs ----------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// One loop per scalar operation and register class; runs are short enough to
// stay in the first-level cache.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_CPU_SCALARLOOPS_H
#define AMPRT_CPU_SCALARLOOPS_H

#include "amprt/Program.h"

namespace amprt::cpu {

/// Float16, bfloat16 and float32 are computed as float, integers and bool as
/// int64_t.
enum class RegisterClass : uint8_t { F32, F64, I64 };
inline RegisterClass registerClass(DType dtype) {
  if (dtype == DType::Float64)
    return RegisterClass::F64;
  return amp::isFloating(dtype) ? RegisterClass::F32 : RegisterClass::I64;
}
inline size_t registerBytes(RegisterClass c) {
  return c == RegisterClass::F32 ? 4 : 8;
}

/// d[i] = op(a[i], b[i], c[i]) for i < count.
using RunFunction = void (*)(void *d, const void *a, const void *b,
                             const void *c, int64_t count, double imm);

/// The loop of an operation whose operands (for `Where`, the last two) have
/// this class; null for `Load`, `Const` and `Cast`, and for operations that
/// the class does not have. Comparisons and predicates give int64_t.
RunFunction runFunction(ScalarOp op, RegisterClass operands);

/// Converts between classes and rounds to `to`.
void castRun(void *d, DType to, const void *a, DType from, int64_t count);

/// Cuts integers to the width of their type, as it wraps around.
void wrapRun(int64_t *values, DType dtype, int64_t count);

/// Between memory of an element type and a register of its class.
void loadRun(void *d, const void *memory, DType dtype, int64_t stride,
             int64_t count);
void storeRun(void *memory, DType dtype, const void *a, int64_t count);

} // namespace amprt::cpu

#endif // AMPRT_CPU_SCALARLOOPS_H
