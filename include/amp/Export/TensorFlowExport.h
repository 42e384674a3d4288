//===- TensorFlowExport.h - MLIR to GraphDefs -------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// From a module of dialect `tf` back to the messages of a GraphDef.
//===----------------------------------------------------------------------===//

#ifndef AMP_EXPORT_TENSORFLOWEXPORT_H
#define AMP_EXPORT_TENSORFLOWEXPORT_H

#include "mlir/IR/BuiltinOps.h"

namespace amp::tensorflow {
class GraphDef;
} // namespace amp::tensorflow

namespace amp {

/// Fills `graph` from a module that importGraphDef built, and that passes may
/// have changed. What has not changed comes out field by field as it was. An op
/// of another dialect is an error.
llvm::LogicalResult exportGraphDef(mlir::ModuleOp module,
                                   tensorflow::GraphDef &graph);

} // namespace amp

#endif // AMP_EXPORT_TENSORFLOWEXPORT_H
