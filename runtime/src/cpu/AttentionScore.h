//===- AttentionScore.h - What happens to scores ----------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The expressions of an attention step: a factor, masks, or anything that the
// planner put between the product and the softmax, over a row of scores.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_CPU_ATTENTIONSCORE_H
#define AMPRT_CPU_ATTENTIONSCORE_H

#include "Kernels.h"

namespace amprt::cpu {

/// A place in the scores.
struct ScoreRow {
  const int64_t *batch; ///< indices, one per loop of the step
  int64_t row;
  int64_t columns; ///< from column 0
};

class ScoreFunction {
public:
  /// `causal`: columns behind the row's own number are left out, so that what
  /// masks them alone need not be looked at.
  ScoreFunction(const Step &step, const Expression &code, bool causal);

  /// The value is this times load 0, and nothing else.
  bool isFactor() const { return factorOnly; }
  float factor() const { return factorOnly ? scale : 1.0f; }

  /// In place; `registers` has registerBytes(). Only where !isFactor().
  void apply(const StepCall &call, const ScoreRow &at, float *scores,
             std::byte *registers) const;
  size_t registerBytes() const { return code.size() * kBytes; }

private:
  static constexpr int64_t kBlock = 512;
  static constexpr size_t kBytes = kBlock * sizeof(int64_t) + 64;
  void findFactor(const Step &step, bool causal);

  const Expression &code;
  const StepParams &p;
  bool factorOnly = false;
  float scale = 1;
};

} // namespace amprt::cpu

#endif // AMPRT_CPU_ATTENTIONSCORE_H
