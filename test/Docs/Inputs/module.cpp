//===- module.cpp - A frame for C++ of the documents ----------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Around pieces of the documents that have a module.
//===----------------------------------------------------------------------===//

#include "amp/Api/MixedPrecision.h"

llvm::LogicalResult piece(mlir::ModuleOp module) {
  using namespace mlir;
  // SNIPPET
  return success();
}
