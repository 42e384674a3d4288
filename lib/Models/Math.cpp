//===- Math.cpp - Functions of math on tensors ----------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// One table: every function takes and gives tensors of one element type.
//===----------------------------------------------------------------------===//

#include "Models.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace amp;

llvm::ArrayRef<OpEntry> amp::mathOps() {
  static constexpr OpEntry ops[] = {
      {"math.absf", OpShape::Tensors, "abs"},
      {"math.acos", OpShape::Tensors, "sin"},
      {"math.acosh", OpShape::Tensors, "sin"},
      {"math.asin", OpShape::Tensors, "sin"},
      {"math.asinh", OpShape::Tensors, "sin"},
      {"math.atan", OpShape::Tensors, "sin"},
      {"math.atan2", OpShape::Tensors, "sin"},
      {"math.atanh", OpShape::Tensors, "sin"},
      {"math.cbrt", OpShape::Tensors, "sqrt"},
      {"math.ceil", OpShape::Tensors, "ceil"},
      {"math.clampf", OpShape::Tensors, "clip"},
      {"math.copysign", OpShape::Tensors, "sign"},
      {"math.cos", OpShape::Tensors, "cos"},
      {"math.cosh", OpShape::Tensors, "exp"},
      {"math.erf", OpShape::Tensors, "erf"},
      {"math.erfc", OpShape::Tensors, "erf"},
      {"math.exp2", OpShape::Tensors, "exp"},
      {"math.expm1", OpShape::Tensors, "expm1"},
      {"math.exp", OpShape::Tensors, "exp"},
      {"math.fpowi", OpShape::Tensors, "pow"},
      {"math.floor", OpShape::Tensors, "floor"},
      {"math.fma", OpShape::Tensors, "add"},
      {"math.isfinite", OpShape::Tensors, "is_finite"},
      {"math.isinf", OpShape::Tensors, "is_finite"},
      {"math.isnan", OpShape::Tensors, "is_finite"},
      {"math.isnormal", OpShape::Tensors, "is_finite"},
      {"math.log10", OpShape::Tensors, "log"},
      {"math.log1p", OpShape::Tensors, "log1p"},
      {"math.log2", OpShape::Tensors, "log"},
      {"math.log", OpShape::Tensors, "log"},
      {"math.powf", OpShape::Tensors, "pow"},
      {"math.roundeven", OpShape::Tensors, "round"},
      {"math.round", OpShape::Tensors, "round"},
      {"math.rsqrt", OpShape::Tensors, "rsqrt"},
      {"math.sin", OpShape::Tensors, "sin"},
      {"math.sincos", OpShape::Tensors, "sin"},
      {"math.sinh", OpShape::Tensors, "exp"},
      {"math.sqrt", OpShape::Tensors, "sqrt"},
      {"math.tan", OpShape::Tensors, "sin"},
      {"math.tanh", OpShape::Tensors, "tanh"},
      {"math.trunc", OpShape::Tensors, "round"},
  };
  return ops;
}

void amp::registerMathModels(DialectRegistry &registry) {
  registry.insert<math::MathDialect>();
  registry.addExtension(+[](MLIRContext *context, math::MathDialect *dialect) {
    addArithCasts(dialect);
    attachModels(context, mathOps());
  });
}
