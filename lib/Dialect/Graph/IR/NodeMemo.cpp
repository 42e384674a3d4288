//===- NodeMemo.cpp - Nodes that were found good --------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A table in which a new kind takes the place of an old one. Keys are compared
// whole: nothing is found good by accident.
//===----------------------------------------------------------------------===//

#include "NodeMemo.h"

#include "amp/Dialect/Graph/IR/GraphDialect.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/ADT/Hashing.h"

using namespace amp::graph;
using namespace mlir;

const NodeMemo *NodeMemo::of(Operation *op) {
  if (op->getContext()->isMultithreadingEnabled())
    return nullptr;
  Dialect *dialect = op->getDialect();
  return dialect ? dialect->getRegisteredInterface<NodeMemo>() : nullptr;
}

bool NodeMemo::holds(Operation *op) const {
  key.start(op);
  for (Type type : op->getOperandTypes())
    key.add(type.getAsOpaquePointer());
  key.add(nullptr);
  for (Type type : op->getResultTypes())
    key.add(type.getAsOpaquePointer());
  ArrayRef<const void *> parts = key.get();
  slot = llvm::hash_combine_range(parts.begin(), parts.end()) % good.size();
  return ArrayRef<const void *>(good[slot]) == parts;
}

void NodeMemo::remember() const {
  good[slot].assign(key.get().begin(), key.get().end());
}
