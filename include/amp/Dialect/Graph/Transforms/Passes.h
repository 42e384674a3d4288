//===- Passes.h - Passes on the graph dialect -------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Constructors and registration of the passes of Passes.td.
//===----------------------------------------------------------------------===//

#ifndef AMP_DIALECT_GRAPH_TRANSFORMS_PASSES_H
#define AMP_DIALECT_GRAPH_TRANSFORMS_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace amp::graph {

#define GEN_PASS_DECL
#include "amp/Dialect/Graph/Transforms/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "amp/Dialect/Graph/Transforms/Passes.h.inc"

} // namespace amp::graph

#endif // AMP_DIALECT_GRAPH_TRANSFORMS_PASSES_H
