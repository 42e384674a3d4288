//===- Remarks.h - Optimization remarks of mlir-opt's flags ----*- C++ -* -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Serves --remarks-filter and its companions for graph files, as mlir-opt
// does for .mlir.
//===----------------------------------------------------------------------===//

#ifndef AMP_TOOLS_AMP_OPT_REMARKS_H
#define AMP_TOOLS_AMP_OPT_REMARKS_H

#include "mlir/Tools/mlir-opt/MlirOptMain.h"

namespace amp::opt {

/// Turns remarks on in the context where the flags ask for them.
llvm::LogicalResult enableRemarks(mlir::MLIRContext &context,
                                  const mlir::MlirOptMainConfig &config);

} // namespace amp::opt

#endif // AMP_TOOLS_AMP_OPT_REMARKS_H
