//===- Cf.cpp - Branches of cf --------------------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Branches say themselves what they hand to which block (BranchOpInterface), and
// have no casts of their own: those are the dialect's of the function they are in.
//===----------------------------------------------------------------------===//

#include "Models.h"

#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"

using namespace mlir;

void amp::registerCfModels(DialectRegistry &registry) {
  registry.insert<cf::ControlFlowDialect>();
}
