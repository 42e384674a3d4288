//===- GraphDialect.cpp - The graph dialect -------------------------------
//-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Registers the ops and the interfaces of the dialect.
//===----------------------------------------------------------------------===//

#include "amp/Dialect/Graph/IR/GraphDialect.h"
#include "amp/Dialect/Graph/IR/GraphOps.h"

using namespace amp::graph;

#include "amp/Dialect/Graph/IR/GraphDialect.cpp.inc"

void GraphDialect::initialize() {
  registerGraphDialectOperations(this);
  addDialectInterfaces(this);
}
