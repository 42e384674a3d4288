//===- OpKinds.h - Ops that are alike ---------------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A large function has many ops and few kinds of them. What follows from an op
// alone, its groups and what a rewrite makes of it, is found out once for each
// kind.
//===----------------------------------------------------------------------===//

#ifndef AMP_ANALYSIS_OPKINDS_H
#define AMP_ANALYSIS_OPKINDS_H

#include "amp/Analysis/BodyIndex.h"

namespace amp {

/// Kinds of the ops of a body, as it was when they were made. Ops of one kind
/// stand in one block and have equal names, attributes, properties, types of
/// operands and results, and regions. They differ in what makes their operands,
/// in who uses their results and in their locations.
///
/// Not all ops have a kind: those whose regions are large, nested or look
/// outside have none, nor has the thousandth constant.
class OpKinds {
public:
  static constexpr uint32_t kNone = ~uint32_t(0);

  OpKinds() = default;
  explicit OpKinds(const BodyIndex &body);

  /// Kinds are numbered from 0.
  size_t size() const { return numKinds; }
  /// The kind of an op of the body; kNone for an op without one.
  uint32_t operator[](uint32_t op) const { return kinds[op]; }

private:
  class Builder;
  llvm::SmallVector<uint32_t, 0> kinds;
  size_t numKinds = 0;
};

} // namespace amp

#endif // AMP_ANALYSIS_OPKINDS_H
