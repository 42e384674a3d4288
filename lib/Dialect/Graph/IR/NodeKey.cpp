//===- NodeKey.cpp - What makes nodes alike -------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The op and its own attributes, wherever MLIR keeps them.
//===----------------------------------------------------------------------===//

#include "amp/Dialect/Graph/IR/NodeKey.h"

#include "mlir/IR/BuiltinAttributes.h"

using namespace amp::graph;
using namespace mlir;

void NodeKey::start(Operation *op) {
  parts.clear();
  add(op->getName().getAsOpaquePointer());
  // Not getAttrDictionary, which makes a new attribute where an op has
  // properties.
  if (op->getPropertiesStorageSize()) {
    inherent.clear();
    op->getName().populateInherentAttrs(op, inherent);
    for (NamedAttribute attr : inherent)
      add(attr);
  }
  for (NamedAttribute attr : op->getRawDictionaryAttrs()) {
    auto [it, isNew] = isOfTheOp.try_emplace(attr.getName());
    if (isNew)
      it->second = !attr.getName().strref().contains('.');
    if (it->second)
      add(attr);
  }
  add(nullptr);
}
