//===- ReportBuilder.h - Records what the pass does -------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Internal to Transforms: from paintings and rewrites to a report, and to
// remarks at the user's lines.
//===----------------------------------------------------------------------===//

#ifndef AMP_LIB_TRANSFORMS_REPORTBUILDER_H
#define AMP_LIB_TRANSFORMS_REPORTBUILDER_H

#include "Rewrite.h"

#include "amp/Analysis/FunctionPainting.h"
#include "amp/Transforms/Report.h"

namespace amp {

/// The name of a function: its NameLoc, else its symbol.
llvm::StringRef getFunctionName(mlir::FunctionOpInterface function);

class ReportBuilder {
public:
  ReportBuilder(PrecisionReport &report, const Policy &policy,
                const PaintSettings &settings);
  /// Whether anybody listens to remarks of this pass.
  static bool wantsRemarks(mlir::MLIRContext *context);
  /// Counts the nodes of a function, before it is rewritten.
  void countFunction(const FunctionPainting &painting);
  /// Adds its nodes, before it is rewritten.
  void addFunction(const FunctionPainting &painting);
  /// Adds what the rewrite of the function added last did.
  void addRewrite(const FunctionPainting &painting,
                  const RewriteResult &result);

private:
  bool isGenerated(mlir::Operation *op) const;
  void addNode(const FunctionPainting &painting, const PaintedOp &painted,
               size_t opNumber);
  void addCast(const FunctionPainting &painting, const InsertedCast &cast);
  void addUpdates(const FunctionPainting &painting);
  void emitRemark(const PaintedOp &painted, const ReportNode &node);
  std::string nameOf(mlir::Operation *op) const;
  std::string nameOf(const FunctionPainting &painting, mlir::Value value) const;

  PrecisionReport &report;
  const PaintSettings &settings;
  mlir::StringAttr originName, generatedName;
  /// Number of the first function of the current unit.
  uint32_t firstFunction = 0;
  /// Node of the report for each op of the current function, by its number.
  std::vector<uint32_t> nodeOf;
};

} // namespace amp

#endif // AMP_LIB_TRANSFORMS_REPORTBUILDER_H
