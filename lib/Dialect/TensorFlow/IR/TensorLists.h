//===- TensorLists.h - Elements of tensor lists -----------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Ops that share a tensor list share the type of its elements.
//===----------------------------------------------------------------------===//

#ifndef AMP_LIB_DIALECT_TENSORFLOW_IR_TENSORLISTS_H
#define AMP_LIB_DIALECT_TENSORFLOW_IR_TENSORLISTS_H

#include "amp/Interfaces/PrecisionInterfaces.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

namespace amp::tf {

/// Ties the element types of the ops of each list, keeps those of a list that
/// leaves the function's sight in float32, and leads an edge from who writes
/// elements to who reads them (tensorflow-amp: data structure ops).
void relateTensorLists(mlir::FunctionOpInterface function,
                       GroupRelations &relations);

} // namespace amp::tf

#endif // AMP_LIB_DIALECT_TENSORFLOW_IR_TENSORLISTS_H
