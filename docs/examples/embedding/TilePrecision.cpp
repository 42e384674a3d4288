//===- TilePrecision.cpp - What the dialect tells Amp ---------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Type groups of the ops, and how the dialect makes and recognises casts.
//===----------------------------------------------------------------------===//

#include "TileDialect.h"

using namespace mlir;
using namespace tile;

static Type withElement(Type type, FloatType element) {
  return cast<ShapedType>(type).clone(element);
}

/// The result of every op here follows its operands.
static LogicalResult retype(Operation *op, FloatType type) {
  Value result = op->getResult(0);
  result.setType(withElement(result.getType(), type));
  return success();
}

/// All operands and the result.
static amp::TypeGroup everything(Operation *op) {
  amp::TypeGroup group;
  for (unsigned i = 0; i < op->getNumOperands(); ++i)
    group.operands.push_back(i);
  group.results.push_back(0);
  return group;
}

#define TILE_ONE_GROUP(Op)                                                     \
  void Op::getTypeGroups(llvm::SmallVectorImpl<amp::TypeGroup> &groups) {      \
    groups.push_back(everything(*this));                                       \
  }                                                                            \
  LogicalResult Op::retargetGroup(unsigned, FloatType type) {                  \
    return retype(*this, type);                                                \
  }
TILE_ONE_GROUP(MatmulOp)
TILE_ONE_GROUP(AddOp)
TILE_ONE_GROUP(ReluOp)
TILE_ONE_GROUP(SoftmaxOp)
#undef TILE_ONE_GROUP

void NormOp::getTypeGroups(llvm::SmallVectorImpl<amp::TypeGroup> &groups) {
  amp::TypeGroup group;
  group.operands.push_back(0);
  group.results.push_back(0);
  groups.push_back(group);
}
LogicalResult NormOp::retargetGroup(unsigned, FloatType type) {
  return retype(*this, type);
}

namespace {

struct TilePrecision : amp::PrecisionDialectInterface {
  using PrecisionDialectInterface::PrecisionDialectInterface;

  Value buildCast(OpBuilder &builder, Location loc, Value value,
                  FloatType type) const override {
    return ConvertOp::create(builder, loc, withElement(value.getType(), type),
                             value);
  }
  bool isCast(Operation *op) const override { return isa<ConvertOp>(op); }
  void retargetCast(Operation *cast, FloatType type) const override {
    (void)retype(cast, type);
  }
  // The dialect has no constants and no variables.
  bool isConvertibleConstant(Operation *) const override { return false; }
  Operation *buildConvertedConstant(OpBuilder &, Operation *,
                                    FloatType) const override {
    return nullptr;
  }
  bool isVariableRead(Operation *) const override { return false; }
};

} // namespace

void tile::addPrecisionInterface(Dialect *dialect) {
  dialect->addInterface(std::make_unique<TilePrecision>(dialect));
}
