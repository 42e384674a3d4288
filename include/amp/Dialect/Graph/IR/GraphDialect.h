//===- GraphDialect.h - The graph dialect ------------------*- C++ -* -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The dialect of graph files, and the attributes it puts on modules and
// functions.
//===----------------------------------------------------------------------===//

#ifndef AMP_DIALECT_GRAPH_IR_GRAPHDIALECT_H
#define AMP_DIALECT_GRAPH_IR_GRAPHDIALECT_H

#include "mlir/IR/Dialect.h"

#include "amp/Dialect/Graph/IR/GraphDialect.h.inc"

namespace amp::graph {

/// DictionaryAttr on the module: name, version, schema, doc and weights of the
/// file.
inline constexpr llvm::StringLiteral kFileAttr = "graph.file";
/// StrAttr on an argument or function: its name in the file.
inline constexpr llvm::StringLiteral kNameAttr = "graph.name";
/// ArrayAttr on an argument: integers and names of sizes.
inline constexpr llvm::StringLiteral kShapeAttr = "graph.shape";
/// String or array of strings on any op: the file's note.
inline constexpr llvm::StringLiteral kDocAttr = "graph.doc";
/// UnitAttr on a node whose file entry said its types.
inline constexpr llvm::StringLiteral kTypedAttr = "graph.typed";
/// DenseI64ArrayAttr on a constant: the sizes of the nested list that its value
/// was written as, where the form is not the one that is written by default.
inline constexpr llvm::StringLiteral kNestingAttr = "graph.nesting";
/// ArrayAttr of an array of sizes per result on an opaque node with names of
/// sizes, which nothing infers.
inline constexpr llvm::StringLiteral kShapesAttr = "graph.shapes";
/// DictionaryAttr on a function with `training`: a location for each key.
inline constexpr llvm::StringLiteral kTrainingLocsAttr = "graph.training_locs";

} // namespace amp::graph

#endif // AMP_DIALECT_GRAPH_IR_GRAPHDIALECT_H
