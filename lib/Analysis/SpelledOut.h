//===- SpelledOut.h - One op, written as several ----------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Internal to Analysis: finds a softmax or its logarithm among ops that say what
// they are in the words of the op table, for dialects that have neither.
//===----------------------------------------------------------------------===//

#ifndef AMP_LIB_ANALYSIS_SPELLEDOUT_H
#define AMP_LIB_ANALYSIS_SPELLEDOUT_H

#include "amp/Analysis/FunctionPainting.h"

namespace amp {

/// What an op does in a softmax; anything else is None.
enum class SoftmaxStep : uint8_t {
  None,
  Exp,
  Sub,
  Max,
  Sum,
  Div,
  Log,
  Move ///< broadcast, reshape, the maximum with a constant
};
SoftmaxStep softmaxStep(llvm::StringRef meaning);

/// Marks the ops of each softmax in `ops`, which are those of `body`. `steps`
/// is parallel to them. Linear, but for the few ops around an exponential.
void findSpelledOut(BodyIndex &body, llvm::ArrayRef<SoftmaxStep> steps,
                    std::vector<PaintedOp> &ops);

} // namespace amp

#endif // AMP_LIB_ANALYSIS_SPELLEDOUT_H
