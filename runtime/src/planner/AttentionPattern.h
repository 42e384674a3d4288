//===- AttentionPattern.h - Softmax between two products --------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Finds attention, and its gradient, in a list of steps: the two products, the
// element-wise steps between them, and nobody else who reads what they make.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_PLANNER_ATTENTIONPATTERN_H
#define AMPRT_PLANNER_ATTENTIONPATTERN_H

#include "Lowering.h"

#include <set>

namespace amprt::planner {

/// Who writes and who reads each buffer.
class StepUses {
public:
  explicit StepUses(const Builder &builder);

  /// A view with the sizes of its base is its base.
  uint32_t canonical(uint32_t buffer) const;
  /// The step that writes it as its first result; kNoBuffer if there is none.
  uint32_t producer(uint32_t buffer) const {
    return producers[canonical(buffer)];
  }
  /// Steps that read it or a view of it, each once, in order.
  const std::vector<uint32_t> &readers(uint32_t buffer) const {
    return readersOf[builder.base[buffer]];
  }
  /// Memory of the program's own that nothing but these readers looks at.
  bool isPrivate(uint32_t buffer) const;

private:
  const Builder &builder;
  std::vector<uint32_t> producers;
  std::vector<std::vector<uint32_t>> readersOf; ///< by base buffer
  std::vector<bool> pinned;                     ///< by base buffer
};

/// One operand of the products, as the step that multiplies reads it.
struct AttentionMatrix {
  uint32_t buffer = kNoBuffer;
  /// Its rows are the columns of what the kernel wants.
  bool transposed = false;
  /// Which matrix each product of the batch takes; empty: its own.
  std::vector<int64_t> matrices;
};

/// What has been found. Steps are numbers in the list; kNoBuffer for absent
/// ones.
struct AttentionPattern {
  AttentionMatrix q, k, v;
  uint32_t out = kNoBuffer;
  /// Load 0 is the score; load i > 0 is extras[i - 1].
  Expression score;
  std::vector<uint32_t> extras;
  Dims dims; ///< of the scores
  std::vector<uint32_t> forwardSteps;

  bool hasGradient = false;
  AttentionMatrix g;
  Expression backward;
  std::vector<uint32_t> backwardExtras;
  /// Gradients; kNoBuffer where nobody wants one.
  AttentionMatrix ofQ, ofK, ofV;
  std::vector<uint32_t> backwardSteps;
};

/// The pattern around a softmax, or nothing.
std::optional<AttentionPattern> findAttention(const Builder &builder,
                                              const StepUses &uses,
                                              uint32_t softmax,
                                              size_t longestExpression);

/// Whether the score of each column behind the row's own number is a constant,
/// and which.
std::optional<double> causalFill(const Builder &builder, const StepUses &uses,
                                 const AttentionPattern &pattern);

} // namespace amprt::planner

#endif // AMPRT_PLANNER_ATTENTIONPATTERN_H
