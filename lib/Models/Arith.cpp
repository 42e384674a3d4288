//===- Arith.cpp - Casts and constants of arith -------------------------- -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// How casts are made between the types of tensors: arith.truncf and extf.
//===----------------------------------------------------------------------===//

#include "Casts.h"
#include "amp/Interfaces/PrecisionInterfaces.h"
#include "amp/Models/RegisterModels.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace amp;

namespace {

struct ArithPrecision : PrecisionDialectInterface {
  using PrecisionDialectInterface::PrecisionDialectInterface;

  Value buildCast(OpBuilder &builder, Location loc, Value value,
                  FloatType type) const override {
    Type old = value.getType();
    auto from = dyn_cast<FloatType>(getElementTypeOrSelf(old));
    if (!from)
      return {};
    Type result = type;
    if (auto shaped = dyn_cast<ShapedType>(old))
      result = shaped.clone(type);
    if (from.getWidth() > type.getWidth())
      return arith::TruncFOp::create(builder, loc, result, value);
    if (from.getWidth() < type.getWidth())
      return arith::ExtFOp::create(builder, loc, result, value);
    // f16 and bf16 have no direct cast.
    Type wide = builder.getF32Type();
    if (auto shaped = dyn_cast<ShapedType>(old))
      wide = shaped.clone(wide);
    Value widened = arith::ExtFOp::create(builder, loc, wide, value);
    return arith::TruncFOp::create(builder, loc, result, widened);
  }

  bool isCast(Operation *op) const override {
    return isa<arith::TruncFOp, arith::ExtFOp>(op);
  }

  /// An existing cast keeps its type: truncf and extf cannot become each other.
  void retargetCast(Operation *cast, FloatType type) const override {
    Type old = cast->getResult(0).getType();
    if (auto shaped = dyn_cast<ShapedType>(old))
      cast->getResult(0).setType(shaped.clone(type));
    else
      cast->getResult(0).setType(type);
  }

  /// Constants are cast like any value; the canonicalizer folds the cast.
  bool isConvertibleConstant(Operation *) const override { return false; }
  Operation *buildConvertedConstant(OpBuilder &, Operation *,
                                    FloatType) const override {
    return nullptr;
  }
  bool isVariableRead(Operation *) const override { return false; }
};

} // namespace

void amp::addArithCasts(Dialect *dialect) {
  dialect->addInterface(std::make_unique<ArithPrecision>(dialect));
}

void amp::registerArithModels(DialectRegistry &registry) {
  registry.insert<arith::ArithDialect, func::FuncDialect,
                  tensor::TensorDialect>();
  registry.addExtension(+[](MLIRContext *, arith::ArithDialect *dialect) {
    addArithCasts(dialect);
  });
}
