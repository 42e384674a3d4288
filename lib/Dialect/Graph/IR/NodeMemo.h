//===- NodeMemo.h - Nodes that were found good ------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Internal to the dialect: what the verifier has found of the last few kinds of
// nodes, one memo per context.
//===----------------------------------------------------------------------===//

#ifndef AMP_LIB_DIALECT_GRAPH_IR_NODEMEMO_H
#define AMP_LIB_DIALECT_GRAPH_IR_NODEMEMO_H

#include "amp/Dialect/Graph/IR/NodeKey.h"
#include "mlir/IR/DialectInterface.h"

#include <array>

namespace amp::graph {

class NodeMemo : public mlir::DialectInterface::Base<NodeMemo> {
public:
  NodeMemo(mlir::Dialect *dialect) : Base(dialect) {}

  /// The memo of the op's context; null where several threads verify.
  static const NodeMemo *of(mlir::Operation *op);

  /// Whether a node of the same op, attributes and types was found good before.
  bool holds(mlir::Operation *op) const;
  /// Remembers the one that holds() was asked about last.
  void remember() const;

private:
  mutable NodeKey key;
  mutable size_t slot = 0;
  mutable std::array<llvm::SmallVector<const void *>, 256> good;
};

} // namespace amp::graph

#endif // AMP_LIB_DIALECT_GRAPH_IR_NODEMEMO_H
