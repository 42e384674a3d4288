//===- Func.cpp - Functions of func ---------------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The signature of a private function with a body is known to its callers alone.
//===----------------------------------------------------------------------===//

#include "Models.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace amp;

namespace {
struct FuncBoundaries : ArithCasts {
  using ArithCasts::ArithCasts;
  bool isBoundary(Operation *op) const override {
    auto function = dyn_cast<func::FuncOp>(op);
    return !function || !function.isPrivate() || function.isDeclaration();
  }
};
} // namespace

void amp::registerFuncModels(DialectRegistry &registry) {
  registry.insert<func::FuncDialect>();
  registry.addExtension(+[](MLIRContext *, func::FuncDialect *dialect) {
    addArithCasts<FuncBoundaries>(dialect);
  });
}
