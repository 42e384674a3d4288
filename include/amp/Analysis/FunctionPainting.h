//===- FunctionPainting.h - A function, painted -----------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// From the body of a function to the graph of indices, and back from colours
// to ops. Knows dialects through interfaces and tables only.
//===----------------------------------------------------------------------===//

#ifndef AMP_ANALYSIS_FUNCTIONPAINTING_H
#define AMP_ANALYSIS_FUNCTIONPAINTING_H

#include "amp/Analysis/ModelSet.h"
#include "amp/Analysis/PaintGraph.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/MapVector.h"

namespace amp {

/// What decides about a function, apart from its body.
struct PaintSettings {
  const Policy &policy;
  InferRule inferRule;
  const ModelSet &models;
  mlir::FloatType target;
  /// Sweep in block order, not topologically.
  bool keepBlockOrder = false;
  /// Nodes that a flag pins to float32.
  llvm::DenseSet<mlir::Operation *> pinnedByFlag;
};

/// One op of the body and its vertices, which follow each other.
struct PaintedOp {
  mlir::Operation *op = nullptr;
  VertexId first = 0;
  uint32_t count = 0;
  ListKind list = ListKind::Keep;
  Pin pin = Pin::None;
  bool isLoss = false;
  /// Neither an interface nor a table describes it, or no list has it.
  bool isUnknown = false;
  bool isCast = false;
};

/// A body with its colours.
struct FunctionPainting {
  mlir::FunctionOpInterface function;
  const PrecisionDialectInterface *dialect = nullptr;
  mlir::FloatType target, other;
  /// In block order, terminators left out.
  std::vector<PaintedOp> ops;
  llvm::DenseMap<mlir::Operation *, uint32_t> opIndex;
  PaintGraph graph;
  PaintResult result;
  /// Parallel to the vertices: the op (index into ops) and its group. A
  /// vertex of an existing cast to float32 has no group.
  std::vector<uint32_t> opOf;
  std::vector<TypeGroup> groups;
  /// Existing casts to float32 whose users read the source instead, since it
  /// has the target type.
  llvm::DenseSet<mlir::Operation *> bypassed;
  /// Results and block arguments in a group.
  llvm::DenseMap<mlir::Value, VertexId> vertexOf;
  /// In the order of the sweep: indices into ops.
  std::vector<uint32_t> order;
  /// For each op, where its operands start in operandVertex.
  std::vector<uint32_t> operandStart;
  std::vector<VertexId> operandVertex;
  /// Unknown ops by name: the first one, and how many.
  llvm::MapVector<llvm::StringRef, std::pair<mlir::Operation *, unsigned>>
      unknown;

  unsigned groupIndex(VertexId v) const { return v - ops[opOf[v]].first; }
  /// The vertex whose group holds an operand, or kNoVertex.
  VertexId vertexOfUse(mlir::OpOperand &use) const;
  /// The 16-bit type that the group of a vertex gets, or null.
  mlir::FloatType loweredType(VertexId v) const;
  /// The same for a value, by its vertex; null for a value in no group.
  mlir::FloatType loweredType(mlir::Value value) const;
};

/// Builds the graph of a function with a body and paints it. Wrong pins are
/// errors (as diagnostics), pins without effect and lists that a loss ignores
/// are warnings.
llvm::LogicalResult paintFunction(mlir::FunctionOpInterface function,
                                  const PaintSettings &settings,
                                  FunctionPainting &painting);

} // namespace amp

#endif // AMP_ANALYSIS_FUNCTIONPAINTING_H
