//===- FlatExpression.h - Expressions over tensors of one size --*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// What optimizer steps and finite checks read: dense operands of one number of
// elements, and scalars, in float arithmetic.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_CPU_FLATEXPRESSION_H
#define AMPRT_CPU_FLATEXPRESSION_H

#include "Kernels.h"

namespace amprt::cpu {

class FlatExpression {
public:
  /// Elements that are evaluated at a time.
  static constexpr int64_t kBlock = 512;
  /// More instructions than the planner puts into one.
  static constexpr size_t kLongest = 32;

  FlatExpression(const StepCall &call, const Expression &code);

  /// Floats of memory that evaluate() needs.
  size_t registerFloats() const { return code.size() * size_t(kBlock); }
  /// Elements [begin, begin + count) with count <= kBlock; the result is in
  /// `registers` or in the operand's own memory.
  const float *evaluate(int64_t begin, int64_t count, float *registers) const;

private:
  const float *step(size_t i, const float *const *values, int64_t begin, int64_t count, float *to) const;

  const Expression &code;
  std::vector<const void *> memory; ///< by instruction, of its operand
  std::vector<bool> uniform;        ///< by instruction
  std::vector<float> constants;     ///< a block per instruction
};

} // namespace amprt::cpu

#endif // AMPRT_CPU_FLATEXPRESSION_H
