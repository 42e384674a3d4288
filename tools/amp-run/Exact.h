//===- Exact.h - What a step would give in float64 --------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A second, slow evaluation of single elements from the operands as they are
// stored, to tell a zero that the arithmetic gives from one that is left of a
// number too small for its type.
//===----------------------------------------------------------------------===//

#ifndef AMP_TOOLS_AMP_RUN_EXACT_H
#define AMP_TOOLS_AMP_RUN_EXACT_H

#include "amprt/Session.h"

namespace amprun {

/// An element of memory of this type.
double numberAt(amprt::DType dtype, const void *data, int64_t index);

struct Flushed {
  /// Elements that are 0 and, in float32, would not be.
  int64_t count = 0;
  /// False when there were too many zeros to look at each.
  bool all = true;
};
/// Of the result of a step in 16 bits. Nothing is counted for results of other
/// types and for kernels that only move numbers.
Flushed countFlushed(const amprt::StepEvent &event);

} // namespace amprun

#endif // AMP_TOOLS_AMP_RUN_EXACT_H
