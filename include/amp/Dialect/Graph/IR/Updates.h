//===- Updates.h - Which variables a function updates -----------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// For passes that add updates: a file must not update the same variable.
//===----------------------------------------------------------------------===//

#ifndef AMP_DIALECT_GRAPH_IR_UPDATES_H
#define AMP_DIALECT_GRAPH_IR_UPDATES_H

#include "amp/Dialect/Graph/IR/GraphOps.h"

namespace amp::graph {

/// Calls `visit` with the name of each variable that an op of `function`
/// changes, and that op. Nothing else is an operand that the op table calls a
/// variable.
void forEachUpdate(
    FuncOp function,
    llvm::function_ref<void(llvm::StringRef, mlir::Operation *)> visit);

} // namespace amp::graph

#endif // AMP_DIALECT_GRAPH_IR_UPDATES_H
