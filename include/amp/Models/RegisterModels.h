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

/// Arithmetic on tensors, and the casts of functions on tensors.
void registerArithModels(mlir::DialectRegistry &registry);
void registerMathModels(mlir::DialectRegistry &registry);
/// Structured ops. A policy that does not list `linalg.matmul` knows it as
/// `matmul`, and `linalg.generic` as what its region computes.
void registerLinalgModels(mlir::DialectRegistry &registry);
void registerTensorModels(mlir::DialectRegistry &registry);
/// TOSA, whose casts are tosa.cast.
void registerTosaModels(mlir::DialectRegistry &registry);
/// Private functions are retyped with their calls.
void registerFuncModels(mlir::DialectRegistry &registry);
/// Branches between blocks: block arguments have the type of what they are handed.
void registerCfModels(mlir::DialectRegistry &registry);
/// Loops and branches: what they carry has one type.
void registerScfModels(mlir::DialectRegistry &registry);
/// Globals are variables.
void registerMlProgramModels(mlir::DialectRegistry &registry);

/// Loss scaling of functions on tensors whose variables are globals of
/// ml_program.
void registerTensorLossScale(mlir::DialectRegistry &registry);

inline void registerAllModels(mlir::DialectRegistry &registry) {
  registerArithModels(registry);
  registerMathModels(registry);
  registerLinalgModels(registry);
  registerTensorModels(registry);
  registerTosaModels(registry);
  registerFuncModels(registry);
  registerCfModels(registry);
  registerScfModels(registry);
  registerMlProgramModels(registry);
  registerTensorLossScale(registry);
}

} // namespace amp

#endif // AMP_MODELS_REGISTERMODELS_H
