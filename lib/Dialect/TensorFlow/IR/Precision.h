//===- Precision.h - What mixed precision asks of `tf` ----------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The interfaces of the dialect, made in Precision.cpp.
//===----------------------------------------------------------------------===//

#ifndef AMP_LIB_DIALECT_TENSORFLOW_IR_PRECISION_H
#define AMP_LIB_DIALECT_TENSORFLOW_IR_PRECISION_H

#include "OpLayout.h"
#include "amp/Interfaces/PrecisionInterfaces.h"

namespace amp::tf {

namespace detail {
/// The models of PrecisionOpInterface, one for the nodes of each op.
class PrecisionModels {
public:
  virtual ~PrecisionModels() = default;
  /// Thread-safe. Models live as long as this.
  virtual void *getModel(mlir::OperationName name) = 0;
  virtual const OpLayout &getLayout(mlir::OperationName name) = 0;
};
} // namespace detail

std::unique_ptr<detail::PrecisionModels>
makePrecisionModels(mlir::MLIRContext *context);
void addPrecisionInterfaces(TensorFlowDialect &dialect);

} // namespace amp::tf

#endif // AMP_LIB_DIALECT_TENSORFLOW_IR_PRECISION_H
