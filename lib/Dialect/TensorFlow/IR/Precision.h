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

#include "amp/Interfaces/PrecisionInterfaces.h"

namespace amp::tf {

class TensorFlowDialect;

/// The one model of PrecisionOpInterface for all ops of the dialect.
void *makePrecisionModel();
void deletePrecisionModel(void *model);
void addPrecisionInterfaces(TensorFlowDialect &dialect);

} // namespace amp::tf

#endif // AMP_LIB_DIALECT_TENSORFLOW_IR_PRECISION_H
