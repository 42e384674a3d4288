//===- RegisterModels.h - Models of foreign dialects -----------*- C++ -* -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Attaches the interfaces of amp/Interfaces to ops of other dialects, so that
// the pass lowers them. One function per dialect; the ops come along when a
// context loads the dialect.
//===----------------------------------------------------------------------===//

#ifndef AMP_MODELS_REGISTERMODELS_H
#define AMP_MODELS_REGISTERMODELS_H

#include "mlir/IR/DialectRegistry.h"

namespace amp {

/// Casts of arith, with whose ops functions on tensors are rewritten.
void registerArithModels(mlir::DialectRegistry &registry);
/// Matrix products of linalg. A policy knows `linalg.matmul` as `matmul`.
void registerLinalgModels(mlir::DialectRegistry &registry);

inline void registerAllModels(mlir::DialectRegistry &registry) {
  registerArithModels(registry);
  registerLinalgModels(registry);
}

} // namespace amp

#endif // AMP_MODELS_REGISTERMODELS_H
