//===- TensorFlowImport.h - GraphDefs to MLIR -------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// From the messages of a GraphDef to a module of `graph.func` with ops of
// dialect `tf`, in the order of the file.
//===----------------------------------------------------------------------===//

#ifndef AMP_IMPORT_TENSORFLOWIMPORT_H
#define AMP_IMPORT_TENSORFLOWIMPORT_H

#include "amp/GraphDef/GraphDefFile.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace amp {

/// Builds a module: the function `main` of the graph's own nodes, then the
/// functions of its library. A library function that has type parameters is
/// kept as it is, in an op `tf.library_function`. Wrong graphs (a node's name
/// twice, an input that is not there, a missing type) are errors at the node's
/// place in the source, or at its name where the source has no lines.
mlir::OwningOpRef<mlir::ModuleOp>
importGraphDef(const tensorflow::GraphDef &graph,
               const graphdef::NodePlaces &places,
               const graphfile::SourceText &source,
               mlir::MLIRContext *context);

} // namespace amp

#endif // AMP_IMPORT_TENSORFLOWIMPORT_H
