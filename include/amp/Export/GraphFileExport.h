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

} // namespace amp

#endif // AMP_EXPORT_GRAPHFILEEXPORT_H
