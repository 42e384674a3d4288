//===- ToyDialect.h - A foreign dialect for tests ----------------*- C++
//-*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Unregistered ops toy.* in func.func, described by a table, with a dialect
// that says how casts and constants are made. What the passes need, and no
// more: that they run on it proves that they know no dialect.
//===----------------------------------------------------------------------===//

#ifndef AMP_TEST_UNIT_TRANSFORMS_TOYDIALECT_H
#define AMP_TEST_UNIT_TRANSFORMS_TOYDIALECT_H

#include "amp/Analysis/FunctionPainting.h"
#include "amp/Transforms/MixedPrecision.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

#include <gtest/gtest.h>

namespace amp::toy {

/// Allow: matmul. Infer: add. Clear: relu, concat. Deny: softmax. Keep: cast,
/// constant, barrier. Two groups: pair. No group: barrier. Loss: loss.
OpModelTable makeTable();
Policy makePolicy();

class ToyTest : public ::testing::Test {
protected:
  ToyTest();
  /// Parses a module of functions that may be out of order.
  void parse(llvm::StringRef text);
  /// Rewrites; messages go to `messages`.
  llvm::LogicalResult rewrite();
  llvm::LogicalResult verify();
  /// Parses the body of `func @f(%a: f32[4], %b: f32[4], %i: i32[4])`,
  /// rewrites and verifies it, and prints it.
  std::string rewritten(llvm::StringRef body);
  /// One line per op: `name = op(operands) type …`, `return(…)`.
  std::string print();

  mlir::MLIRContext context;
  OpModelTable table;
  MixedPrecisionOptions options;
  PrecisionReport report;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::vector<std::string> messages;
  Policy policy;
};

} // namespace amp::toy

#endif // AMP_TEST_UNIT_TRANSFORMS_TOYDIALECT_H
