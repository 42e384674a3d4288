//===- CastNames.h - Casts whose name is not put down yet -------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A name costs more than the cast that has it: a string and a location that the
// context keeps once each. The name of a cast follows from what it casts, so
// that a new cast has none at first, only the location of its operand.
// nameGenerated() puts the names down; who writes a graph file right away can
// do without.
//===----------------------------------------------------------------------===//

#ifndef AMP_DIALECT_GRAPH_IR_CASTNAMES_H
#define AMP_DIALECT_GRAPH_IR_CASTNAMES_H

#include "amp/Dialect/Graph/IR/GraphOps.h"

namespace amp::graph {

/// The last part of the names of casts and converted constants:
/// "/cast_float16".
llvm::StringRef castSuffix(mlir::FloatType type);

/// Whether the name of a cast of `value` at `loc` may be put down later: the
/// value is a node's, which has a name, and the location says no more.
bool canNameLater(mlir::Value value, mlir::Location loc);

/// Whether the op is such a cast, so that its location is that of its operand.
bool isUnnamedCast(mlir::Operation *op);

} // namespace amp::graph

#endif // AMP_DIALECT_GRAPH_IR_CASTNAMES_H
