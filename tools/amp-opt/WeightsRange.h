//===- WeightsRange.h - Weights that a low type cannot hold -----*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Constants in a weights file are not converted but cast when the model runs,
// so that nothing saturates them. amp-opt can only warn.
//===----------------------------------------------------------------------===//

#ifndef AMP_TOOLS_AMP_OPT_WEIGHTSRANGE_H
#define AMP_TOOLS_AMP_OPT_WEIGHTSRANGE_H

#include "mlir/IR/BuiltinOps.h"

#include <string>

namespace amp::opt {

/// Warns of constants of the module's weights file, which lies below `folder`,
/// that a cast turns into infinities. Reads the elements of those constants
/// that are cast to 16 bits, and of no others.
void warnOfWeightsOutOfRange(mlir::ModuleOp module, const std::string &folder);

} // namespace amp::opt

#endif // AMP_TOOLS_AMP_OPT_WEIGHTSRANGE_H
