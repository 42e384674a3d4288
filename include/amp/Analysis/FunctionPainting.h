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

#include "amp/Analysis/BodyIndex.h"
#include "amp/Analysis/ModelSet.h"
#include "amp/Analysis/OpKinds.h"
#include "amp/Analysis/PaintGraph.h"
#include "amp/Analysis/ValueFlow.h"
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
  /// Nodes to lower whatever their list, or null.
  const llvm::DenseSet<mlir::Operation *> *forced = nullptr;
};

/// An op of the op table that a function spells out in several ops.
enum class SpelledOp : uint8_t { None, Softmax, LogSoftmax };
/// "softmax"; empty for None.
llvm::StringRef spelledName(SpelledOp op);

/// One op of the body and its vertices, which follow each other.
struct PaintedOp {
  mlir::Operation *op = nullptr;
  VertexId first = 0;
  uint32_t count = 0;
  ListKind list = ListKind::Keep;
  Pin pin = Pin::None;
  /// What it is a part of.
  SpelledOp partOf = SpelledOp::None;
  bool isLoss : 1;
  /// Neither an interface nor a table describes it, or no list has it.
  bool isUnknown : 1;
  bool isCast : 1;
  /// Reads a variable.
  bool isRead : 1;
  /// Ends its block and is no flow: not painted, in no order.
  bool isTerminator : 1;
  /// Carries values through regions, from block to block, into a function or out
  /// of one: its groups are flows, and only their types change.
  bool isFlow : 1;

  PaintedOp()
      : isLoss(false), isUnknown(false), isCast(false), isRead(false),
        isTerminator(false), isFlow(false) {}
};

/// A body with its colours, or those of several functions that calls tie.
struct FunctionPainting {
  /// The first of the unit.
  mlir::FunctionOpInterface function;
  FunctionUnit unit;
  const PrecisionDialectInterface *dialect = nullptr;
  mlir::FloatType target, other;
  BodyIndex body;
  OpKinds kinds;
  /// By the numbers of the body.
  std::vector<PaintedOp> ops;
  PaintGraph graph;
  PaintResult result;
  /// Parallel to the vertices: the op.
  std::vector<uint32_t> opOf;
  /// Existing casts to float32 whose users read the source instead, since it
  /// has the target type.
  llvm::DenseSet<mlir::Operation *> bypassed;
  /// By the numbers of the body: the vertex whose group holds a value or an
  /// operand, or kNoVertex. The vertex of an existing cast to float32 has a
  /// result and no operand.
  std::vector<VertexId> valueVertex, operandVertex;
  /// Values whose vertex is lowered without them (TypeGroup::wideResults).
  llvm::DenseSet<ValueId> wide;
  /// The groups of ops that are flows, by op.
  llvm::DenseMap<uint32_t, llvm::SmallVector<FlowGroup, 2>> flows;
  /// In the order of the sweep: indices into ops.
  std::vector<uint32_t> order;
  /// Unknown ops by name: the first one, and how many.
  llvm::MapVector<llvm::StringRef, std::pair<mlir::Operation *, unsigned>>
      unknown;

  unsigned groupIndex(VertexId v) const { return v - ops[opOf[v]].first; }
  /// The function that an op belongs to.
  mlir::FunctionOpInterface functionOf(uint32_t op) const {
    return unit.functions[body.bodyOf(op)];
  }
  /// The 16-bit type that the group of a vertex gets, or null.
  mlir::FloatType loweredType(VertexId v) const {
    if (result.colours[v] == Colour::Allow)
      return target;
    return result.reasons[v].rule == Rule::PinOther ? other : mlir::FloatType();
  }
  /// The type of the values in the group of a vertex before the rewrite, by
  /// its first result or else operand; null for a group without any.
  mlir::Type typeOf(VertexId v) const;
};

/// Builds the graph of a function with a body and paints it. Wrong pins are
/// errors (as diagnostics), pins without effect and lists that a loss ignores
/// are warnings.
llvm::LogicalResult paintFunction(mlir::FunctionOpInterface function,
                                  const PaintSettings &settings,
                                  FunctionPainting &painting);
/// The same for functions that calls tie: each value that passes between them is
/// tied at every call.
llvm::LogicalResult paintUnit(const FunctionUnit &unit,
                              const PaintSettings &settings,
                              FunctionPainting &painting);

} // namespace amp

#endif // AMP_ANALYSIS_FUNCTIONPAINTING_H
