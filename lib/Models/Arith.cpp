//===- Arith.cpp - Ops, casts and constants of arith ----------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Arithmetic on tensors; scalars keep their types. How casts are made between
// the types of tensors: arith.truncf and extf.
//===----------------------------------------------------------------------===//

#include "Models.h"

#include "amp/Interfaces/Constants.h"
#include "amp/Interfaces/ElementTypes.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace amp;

llvm::ArrayRef<OpEntry> amp::arithOps() {
  static constexpr OpEntry ops[] = {
      {"arith.addf", OpShape::Tensors, "add"},
      {"arith.subf", OpShape::Tensors, "sub"},
      {"arith.mulf", OpShape::Tensors, "mul"},
      {"arith.divf", OpShape::Tensors, "div"},
      {"arith.negf", OpShape::Tensors, "neg"},
      {"arith.maximumf", OpShape::Tensors, "maximum"},
      {"arith.minimumf", OpShape::Tensors, "minimum"},
      {"arith.maxnumf", OpShape::Tensors, "maximum"},
      {"arith.minnumf", OpShape::Tensors, "minimum"},
      {"arith.cmpf", OpShape::Tensors, "less"},
      {"arith.select", OpShape::Tensors, "where"},
      {"arith.remf", OpShape::None, "cast"},
      {"arith.constant", OpShape::None, "constant"},
      {"arith.truncf", OpShape::None, "cast"},
      {"arith.extf", OpShape::None, "cast"},
      {"arith.sitofp", OpShape::None, "cast"},
      {"arith.uitofp", OpShape::None, "cast"},
      {"arith.fptosi", OpShape::None, "cast"},
      {"arith.fptoui", OpShape::None, "cast"},
      {"arith.bitcast", OpShape::None, "cast"},
  };
  return ops;
}

Value ArithCasts::buildCast(OpBuilder &builder, Location loc, Value value,
                            FloatType type) const {
  Type old = value.getType();
  auto from = dyn_cast<FloatType>(elementTypeOf(old));
  if (!from || from == type || isa<UnrankedTensorType, BaseMemRefType>(old))
    return {};
  Type result = withElementType(old, type);
  if (from.getWidth() > type.getWidth())
    return arith::TruncFOp::create(builder, loc, result, value);
  if (from.getWidth() < type.getWidth())
    return arith::ExtFOp::create(builder, loc, result, value);
  // f16 and bf16 have no direct cast.
  Value widened = arith::ExtFOp::create(
      builder, loc, withElementType(old, builder.getF32Type()), value);
  return arith::TruncFOp::create(builder, loc, result, widened);
}

bool ArithCasts::isCast(Operation *op) const {
  return isa<arith::TruncFOp, arith::ExtFOp, arith::SIToFPOp, arith::UIToFPOp,
             arith::FPToSIOp, arith::FPToUIOp>(op);
}

/// truncf and extf cannot become each other. A cast from the type itself is not
/// retargeted: its users read what it reads.
bool ArithCasts::canRetargetCast(Operation *cast, FloatType type) const {
  auto from =
      dyn_cast<FloatType>(getElementTypeOrSelf(cast->getOperand(0).getType()));
  if (isa<arith::TruncFOp>(cast))
    return from && from.getWidth() > type.getWidth();
  if (isa<arith::ExtFOp>(cast))
    return from == type || (from && from.getWidth() < type.getWidth());
  return isa<arith::SIToFPOp, arith::UIToFPOp>(cast);
}

void ArithCasts::retargetCast(Operation *cast, FloatType type) const {
  Value result = cast->getResult(0);
  result.setType(withElementType(result.getType(), type));
}

bool ArithCasts::isConvertibleConstant(Operation *op) const {
  auto constant = dyn_cast<arith::ConstantOp>(op);
  return constant &&
         isa<DenseFPElementsAttr, FloatAttr>(constant.getValue());
}

Operation *ArithCasts::buildConvertedConstant(OpBuilder &builder,
                                              Operation *constant,
                                              FloatType type) const {
  return convertConstant(builder, constant, "value", type);
}

void ArithCasts::getPolicyNames(
    llvm::SmallVectorImpl<llvm::StringRef> &names) const {
  // Asking for those of a dialect finds none where another one's name sorts
  // between its own.
  for (RegisteredOperationName op : getContext()->getRegisteredOperations())
    if (&op.getDialect() == getDialect())
      names.push_back(op.getStringRef());
}

Operation *amp::convertConstant(OpBuilder &builder, Operation *constant,
                                llvm::StringRef name, FloatType type) {
  Attribute value = constant->getAttr(name);
  TypedAttr converted;
  if (auto number = dyn_cast<FloatAttr>(value))
    converted = FloatAttr::get(type, convertSaturating(number.getValue(),
                                                       type.getFloatSemantics()));
  else
    converted = convertSaturating(cast<DenseFPElementsAttr>(value), type);
  Operation *twin = builder.clone(*constant);
  twin->setAttr(name, converted);
  twin->getResult(0).setType(converted.getType());
  return twin;
}

void amp::registerArithModels(DialectRegistry &registry) {
  registry.insert<arith::ArithDialect>();
  registry.addExtension(+[](MLIRContext *context, arith::ArithDialect *dialect) {
    addArithCasts(dialect);
    attachModels(context, arithOps());
  });
}
