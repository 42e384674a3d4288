//===- NodeKey.h - What makes nodes alike -----------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Most nodes of a network are like another one. Op, attributes and types are
// pointers that a context keeps once each, so that nodes with equal keys need
// one answer to what depends on those alone.
//===----------------------------------------------------------------------===//

#ifndef AMP_DIALECT_GRAPH_IR_NODEKEY_H
#define AMP_DIALECT_GRAPH_IR_NODEKEY_H

#include "mlir/IR/Operation.h"
#include "llvm/ADT/DenseMap.h"

namespace amp::graph {

/// Makes keys, one at a time in the same memory. For one context.
class NodeKey {
public:
  /// The op and its own attributes. Those with a dot in their name say where a
  /// node comes from, not what it is.
  void start(mlir::Operation *op);
  void add(const void *pointer) { parts.push_back(pointer); }
  llvm::ArrayRef<const void *> get() const { return parts; }
  llvm::StringRef bytes() const {
    return {reinterpret_cast<const char *>(parts.data()),
            parts.size() * sizeof(parts[0])};
  }

private:
  void add(mlir::NamedAttribute attr) {
    add(attr.getName().getAsOpaquePointer());
    add(attr.getValue().getAsOpaquePointer());
  }
  llvm::SmallVector<const void *> parts;
  mlir::NamedAttrList inherent;
  llvm::DenseMap<mlir::StringAttr, bool> isOfTheOp;
};

} // namespace amp::graph

#endif // AMP_DIALECT_GRAPH_IR_NODEKEY_H
