//===- NodeInfo.h - What the op table says, by class -----------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Internal to the dialect: the description of a node found by the class of the
// op, without a look at its name.
//===----------------------------------------------------------------------===//

#ifndef AMP_LIB_DIALECT_GRAPH_IR_NODEINFO_H
#define AMP_LIB_DIALECT_GRAPH_IR_NODEINFO_H

#include "amp/OpSet/OpSet.h"
#include "mlir/IR/Operation.h"

namespace amp::graph {

struct NodeInfo {
  const OpDef *def = nullptr;
  /// Each operand's place says its definition: no optional ones, and none but
  /// the last is variadic.
  bool isPlain = false, isLastVariadic = false;
  /// Some operand must be a variable.
  bool hasVariables = false;

  /// The definition of an operand of a node with `count` of them, or null.
  const OperandDef *operand(size_t index, size_t count) const {
    if (!isPlain)
      return def->operand(index, count);
    const std::vector<OperandDef> &defs = def->operands;
    if (index >= count || count < defs.size() ||
        (count > defs.size() && !isLastVariadic))
      return nullptr;
    return &defs[index < defs.size() ? index : defs.size() - 1];
  }
};

/// Null for an op that is not in the op table. Constant time.
const NodeInfo *getNodeInfo(mlir::Operation *op);

} // namespace amp::graph

#endif // AMP_LIB_DIALECT_GRAPH_IR_NODEINFO_H
