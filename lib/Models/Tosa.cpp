//===- Tosa.cpp - Ops, casts and constants of TOSA ------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// All floating tensors of an op are one group, zero points among them. Casts are
// tosa.cast. A convolution sums in float32 whatever it reads: acc_type stays.
//===----------------------------------------------------------------------===//

#include "Models.h"

#include "amp/Interfaces/Constants.h"
#include "amp/Interfaces/RegionFlow.h"
#include "mlir/Dialect/Tosa/IR/TosaOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace amp;

llvm::ArrayRef<OpEntry> amp::tosaOps() {
  static constexpr OpEntry ops[] = {
      {"tosa.abs", OpShape::Tensors, "abs"},
      {"tosa.add", OpShape::Tensors, "add"},
      {"tosa.apply_scale", OpShape::None, "cast"},
      {"tosa.argmax", OpShape::Tensors, "argmax"},
      {"tosa.avg_pool2d", OpShape::Own, "avg_pool2d"},
      {"tosa.cast", OpShape::None, "cast"},
      {"tosa.cast_from_block_scaled", OpShape::None, "cast"},
      {"tosa.cast_to_block_scaled", OpShape::None, "cast"},
      {"tosa.ceil", OpShape::Tensors, "ceil"},
      {"tosa.clamp", OpShape::Own, "clip"},
      {"tosa.concat", OpShape::Tensors, "concat"},
      {"tosa.cond_if", OpShape::None, "identity"},
      {"tosa.const", OpShape::None, "constant"},
      {"tosa.conv2d", OpShape::Own, "conv2d"},
      {"tosa.conv3d", OpShape::Own, "conv2d"},
      {"tosa.cos", OpShape::Tensors, "cos"},
      {"tosa.custom", OpShape::None, "cast"},
      {"tosa.depthwise_conv2d", OpShape::Own, "depthwise_conv2d"},
      {"tosa.equal", OpShape::Tensors, "equal"},
      {"tosa.erf", OpShape::Tensors, "erf"},
      {"tosa.exp", OpShape::Tensors, "exp"},
      {"tosa.fft2d", OpShape::None, "cast"},
      {"tosa.floor", OpShape::Tensors, "floor"},
      {"tosa.gather", OpShape::Tensors, "gather"},
      {"tosa.greater", OpShape::Tensors, "greater"},
      {"tosa.greater_equal", OpShape::Tensors, "greater_equal"},
      {"tosa.identity", OpShape::Tensors, "identity"},
      {"tosa.log", OpShape::Tensors, "log"},
      {"tosa.matmul", OpShape::Own, "matmul"},
      {"tosa.matmul_t_block_scaled", OpShape::None, "cast"},
      {"tosa.max_pool2d", OpShape::Tensors, "max_pool2d"},
      {"tosa.maximum", OpShape::Tensors, "maximum"},
      {"tosa.minimum", OpShape::Tensors, "minimum"},
      {"tosa.mul", OpShape::Tensors, "mul"},
      {"tosa.negate", OpShape::Tensors, "neg"},
      {"tosa.pad", OpShape::Tensors, "pad"},
      {"tosa.pow", OpShape::Tensors, "pow"},
      {"tosa.reciprocal", OpShape::Tensors, "reciprocal"},
      {"tosa.reduce_max", OpShape::Tensors, "reduce_max"},
      {"tosa.reduce_min", OpShape::Tensors, "reduce_min"},
      {"tosa.reduce_product", OpShape::Tensors, "reduce_prod"},
      {"tosa.reduce_sum", OpShape::Tensors, "reduce_sum"},
      {"tosa.rescale", OpShape::None, "cast"},
      {"tosa.reshape", OpShape::Tensors, "reshape"},
      {"tosa.resize", OpShape::Tensors, "avg_pool2d"},
      {"tosa.reverse", OpShape::Tensors, "slice"},
      {"tosa.rfft2d", OpShape::None, "cast"},
      {"tosa.rsqrt", OpShape::Tensors, "rsqrt"},
      {"tosa.scatter", OpShape::Tensors, "gather"},
      {"tosa.select", OpShape::Tensors, "where"},
      {"tosa.sigmoid", OpShape::Tensors, "sigmoid"},
      {"tosa.sin", OpShape::Tensors, "sin"},
      {"tosa.slice", OpShape::Tensors, "slice"},
      {"tosa.sub", OpShape::Tensors, "sub"},
      {"tosa.table", OpShape::None, "cast"},
      {"tosa.tanh", OpShape::Tensors, "tanh"},
      {"tosa.tile", OpShape::Tensors, "broadcast_to"},
      {"tosa.transpose", OpShape::Tensors, "transpose"},
      {"tosa.transpose_conv2d", OpShape::Own, "conv2d_transpose"},
      {"tosa.variable", OpShape::None, "assign"},
      {"tosa.variable_read", OpShape::None, "assign"},
      {"tosa.variable_write", OpShape::None, "assign"},
      {"tosa.while_loop", OpShape::None, "identity"},
  };
  return ops;
}

namespace {

/// Ops with an attribute that names a type or a number.
struct TosaModel : ModelBase<TosaModel> {
  void getTypeGroups(Operation *op,
                     llvm::SmallVectorImpl<TypeGroup> &groups) const {
    getFloatGroup(op, /*scalars=*/false, groups);
  }
  /// tosa.matmul has a float32 result for float16 operands.
  bool getAccumulatingGroups(Operation *op,
                             llvm::SmallVectorImpl<TypeGroup> &groups) const {
    if (!isa<tosa::MatMulOp>(op))
      return false;
    getFloatGroup(op, /*scalars=*/false, groups);
    for (TypeGroup &group : groups) {
      group.wideResults.assign(group.results.begin(), group.results.end());
      group.results.clear();
    }
    return true;
  }
  LogicalResult retargetGroup(Operation *op, unsigned, FloatType type) const;
};

LogicalResult TosaModel::retargetGroup(Operation *op, unsigned,
                                       FloatType type) const {
  if (auto clamp = dyn_cast<tosa::ClampOp>(op)) {
    auto convert = [&](Attribute attr) -> FloatAttr {
      auto number = dyn_cast<FloatAttr>(attr);
      if (!number)
        return {};
      return FloatAttr::get(type, convertSaturating(number.getValue(),
                                                    type.getFloatSemantics()));
    };
    FloatAttr min = convert(clamp.getMinValAttr()),
              max = convert(clamp.getMaxValAttr());
    if (!min || !max)
      return failure();
    clamp.setMinValAttr(min);
    clamp.setMaxValAttr(max);
  }
  retypeFloatResults(op, /*scalars=*/false, type);
  return success();
}

struct TosaCasts : ArithCasts {
  using ArithCasts::ArithCasts;

  Value buildCast(OpBuilder &builder, Location loc, Value value,
                  FloatType type) const override {
    auto shaped = dyn_cast<ShapedType>(value.getType());
    if (!shaped || !isa<TensorType>(value.getType()))
      return ArithCasts::buildCast(builder, loc, value, type);
    auto from = dyn_cast<FloatType>(shaped.getElementType());
    if (!from || from == type)
      return {};
    // Between float16 and bfloat16 there is no cast.
    if (!from.isF32() && !type.isF32())
      value = tosa::CastOp::create(
          builder, loc, shaped.clone(builder.getF32Type()), value);
    return tosa::CastOp::create(builder, loc, shaped.clone(type), value);
  }
  bool isCast(Operation *op) const override { return isa<tosa::CastOp>(op); }
  bool canRetargetCast(Operation *cast, FloatType type) const override {
    Type from = getElementTypeOrSelf(cast->getOperand(0).getType());
    return from == type || isa<IntegerType>(from);
  }
  bool isConvertibleConstant(Operation *op) const override {
    auto constant = dyn_cast<tosa::ConstOp>(op);
    return constant && isa<DenseFPElementsAttr>(constant.getValues());
  }
  Operation *buildConvertedConstant(OpBuilder &builder, Operation *constant,
                                    FloatType type) const override {
    return convertConstant(builder, constant, "values", type);
  }
  bool isVariableRead(Operation *op) const override {
    return isa<tosa::VariableReadOp>(op);
  }
};

struct TosaFlow : RegionFlowDialectInterface {
  using RegionFlowDialectInterface::RegionFlowDialectInterface;
  bool
  getCarriedValues(Operation *op,
                   llvm::SmallVectorImpl<CarriedValue> &carried) const override {
    if (isa<tosa::WhileOp>(op))
      return carriedByLoop(op, carried);
    return isa<tosa::IfOp>(op) && carriedByBranch(op, carried);
  }
};

} // namespace

void amp::registerTosaModels(DialectRegistry &registry) {
  registry.insert<tosa::TosaDialect>();
  registry.addExtension(+[](MLIRContext *context, tosa::TosaDialect *dialect) {
    addArithCasts<TosaCasts>(dialect);
    dialect->addInterface<TosaFlow>();
    attachModels(context, tosaOps());
    attachOwnModel<TosaModel>(context, tosaOps());
  });
}
