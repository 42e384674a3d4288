//===- Advice.h - Sizes and ranges that 16 bits do not like -----*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// --advice: what would make a rewritten model faster or more exact, and is the
// user's to change. Nothing is changed here.
//===----------------------------------------------------------------------===//

#ifndef AMP_TOOLS_AMP_OPT_ADVICE_H
#define AMP_TOOLS_AMP_OPT_ADVICE_H

#include "amp/Policy/Policy.h"
#include "mlir/IR/BuiltinOps.h"

namespace amp::opt {

/// Remarks, at their lines in the input, on the rewritten module: sizes of
/// products and convolutions that tensor cores want padded, and constants
/// whose converted copies lost their value. None when all fits.
void giveAdvice(mlir::ModuleOp module, const Policy &policy);

} // namespace amp::opt

#endif // AMP_TOOLS_AMP_OPT_ADVICE_H
