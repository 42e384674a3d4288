//===- Casts.h - Casts between types of tensors ----------------*- C++ -* -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Dialects whose ops stand in functions on plain tensors share the casts of
// arith. Private to this library.
//===----------------------------------------------------------------------===//

#ifndef AMP_LIB_MODELS_CASTS_H
#define AMP_LIB_MODELS_CASTS_H

#include "mlir/IR/Dialect.h"

namespace amp {

/// Lets the pass build arith.truncf and extf in functions of this dialect.
void addArithCasts(mlir::Dialect *dialect);

} // namespace amp

#endif // AMP_LIB_MODELS_CASTS_H
