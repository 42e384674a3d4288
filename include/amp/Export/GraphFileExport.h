//===- GraphFileExport.h - Module to graph file ---------------*- C++ -* -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The inverse of the import: structs that the writer turns into text. Nodes
// keep the order of their block; names of sizes are inferred again.
//===----------------------------------------------------------------------===//

#ifndef AMP_EXPORT_GRAPHFILEEXPORT_H
#define AMP_EXPORT_GRAPHFILEEXPORT_H

#include "amp/GraphFile/GraphFile.h"
#include "mlir/IR/BuiltinOps.h"

namespace amp {

/// The graph file of a module that holds `graph` functions and variables
/// only. Fails with a diagnostic at the op that has no place in a graph file.
/// Views in the result may point into attributes of the module's context.
mlir::FailureOr<graphfile::GraphFile> exportGraphFile(mlir::ModuleOp module);

/// Receives a graph file in the order in which it is written.
class GraphFileVisitor {
public:
  virtual ~GraphFileVisitor() = default;
  /// The keys of the file and its variables; it has no functions. False ends
  /// the export.
  virtual bool begin(graphfile::GraphFile &file) = 0;
  /// Name, doc and inputs of a function.
  virtual void beginFunction(graphfile::Function &function) = 0;
  /// A node, which the visitor may take. Nodes of one `kind` have the same op,
  /// attributes and types; zero for one that shares with none.
  virtual void node(graphfile::Node &node, uint32_t kind) = 0;
  /// Whether attributes and types of further nodes of that kind may be left out.
  virtual bool knows(uint32_t kind) const { return false; }
  /// The same function, with its outputs and training.
  virtual void endFunction(graphfile::Function &function) = 0;
};

/// The same piece by piece, so that there is never a whole file in memory. An
/// error may come behind any piece.
llvm::LogicalResult exportGraphFile(mlir::ModuleOp module,
                                    GraphFileVisitor &visitor);

} // namespace amp

#endif // AMP_EXPORT_GRAPHFILEEXPORT_H
