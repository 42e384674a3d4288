//===- LossScale.cpp - Loss scaling of functions on tensors ---------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// With arith and linalg, for modules whose variables are globals of ml_program or
// variables of TOSA: the state of the scale is three globals, an update is a store
// that its user marked, and a skipped one stores what was there.
//===----------------------------------------------------------------------===//

#include "Models.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tosa/IR/TosaOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace amp;

namespace {

/// UnitAttr on the product that scales the loss.
constexpr llvm::StringLiteral kScaledLoss = "amp.scaled_loss";
constexpr llvm::StringLiteral kScale = "amp_loss_scale",
                              kGood = "amp_loss_scale_good_steps",
                              kBad = "amp_loss_scale_bad_steps";

/// Ops made here are float32 whatever a policy says of their kind.
template <typename Op, typename... Args>
auto make(OpBuilder &builder, Location loc, Args &&...args) {
  auto op = Op::create(builder, loc, std::forward<Args>(args)...);
  op->setAttr(kGeneratedAttr, builder.getUnitAttr());
  op->setAttr(kPreserveAttr, builder.getUnitAttr());
  return op;
}

Value number(OpBuilder &builder, Location loc, float value) {
  return make<arith::ConstantOp>(builder, loc, builder.getF32FloatAttr(value));
}
Value integer(OpBuilder &builder, Location loc, int64_t value) {
  return make<arith::ConstantOp>(
      builder, loc, builder.getI32IntegerAttr(static_cast<int32_t>(value)));
}
/// The element of a tensor of rank 0; a scalar as it is.
Value scalarOf(OpBuilder &builder, Location loc, Value value) {
  if (!isa<ShapedType>(value.getType()))
    return value;
  return make<tensor::ExtractOp>(builder, loc, value, ValueRange());
}
/// `factor`, of rank 0, in the shape of `like`.
Value spread(OpBuilder &builder, Location loc, Value factor, Value like) {
  Value element = scalarOf(builder, loc, factor);
  auto shaped = dyn_cast<RankedTensorType>(like.getType());
  if (!shaped)
    return element;
  llvm::SmallVector<Value> sizes;
  for (int64_t i = 0; i < shaped.getRank(); ++i)
    if (shaped.isDynamicDim(i))
      sizes.push_back(make<tensor::DimOp>(builder, loc, like, i));
  return make<tensor::SplatOp>(builder, loc, element, shaped, sizes);
}

class TensorLossScale : public LossScaleDialectInterface {
public:
  using LossScaleDialectInterface::LossScaleDialectInterface;

  FailureOr<State> buildState(OpBuilder &builder, Operation *function,
                              const LossScaleParams &params) const override {
    auto module = function->getParentOfType<ModuleOp>();
    if (!module)
      return function->emitError("stands in no module: the loss scale has no "
                                 "place for its state");
    Location loc = function->getLoc();
    Type number = RankedTensorType::get({}, builder.getF32Type());
    Type count = RankedTensorType::get({}, builder.getI32Type());
    auto global = [&](llvm::StringRef name, Type type,
                      Attribute initial) -> FailureOr<Value> {
      if (Operation *existing = SymbolTable::lookupSymbolIn(module, name)) {
        auto known = dyn_cast<ml_program::GlobalOp>(existing);
        if (!known || known.getType() != type || !known.getIsMutable())
          return existing->emitError()
                 << "'" << name << "' is the loss scale's: a mutable global of "
                 << "type " << type;
      } else {
        OpBuilder::InsertionGuard guard(builder);
        builder.setInsertionPointToStart(module.getBody());
        ml_program::GlobalOp::create(
            builder, loc, name, type, /*is_mutable=*/true,
            DenseElementsAttr::get(cast<ShapedType>(type), initial),
            builder.getStringAttr("private"));
      }
      return Value(make<ml_program::GlobalLoadOp>(
          builder, loc, type, SymbolRefAttr::get(builder.getContext(), name)));
    };
    auto scale = global(kScale, number, builder.getF32FloatAttr(params.initial));
    auto good = global(kGood, count, builder.getI32IntegerAttr(0));
    auto bad = global(kBad, count, builder.getI32IntegerAttr(0));
    if (failed(scale) || failed(good) || failed(bad))
      return failure();
    return State{*scale, *good, *bad};
  }
  Value buildFixedScale(OpBuilder &builder, Location loc,
                        float scale) const override {
    auto type = RankedTensorType::get({}, builder.getF32Type());
    return make<arith::ConstantOp>(builder, loc,
                                   DenseElementsAttr::get(type, scale));
  }
  bool isScaleLoss(Operation *op) const override {
    return op->hasAttr(kScaledLoss);
  }
  Value buildScaleLoss(OpBuilder &builder, Location loc, Value gradient,
                       Value scale) const override {
    Value factor = spread(builder, loc, scale, gradient);
    auto product = make<arith::MulFOp>(builder, loc, gradient, factor);
    product->setAttr(kScaledLoss, builder.getUnitAttr());
    // The seed itself is what is multiplied, not what the caller replaces it
    // with.
    return product;
  }
  Value buildUnscale(OpBuilder &builder, Location loc, Value gradient,
                     Value scale) const override {
    return make<arith::DivFOp>(builder, loc, gradient,
                               spread(builder, loc, scale, gradient));
  }
  /// The largest magnitude of each gradient against infinity; a NaN is neither.
  Value buildAllFinite(OpBuilder &builder, Location loc,
                       ValueRange gradients) const override {
    Value all;
    Value infinity =
        number(builder, loc, std::numeric_limits<float>::infinity());
    for (Value gradient : gradients) {
      Value magnitude = make<math::AbsFOp>(builder, loc, gradient);
      if (auto shaped = dyn_cast<RankedTensorType>(gradient.getType());
          shaped && shaped.getRank() != 0) {
        auto type = RankedTensorType::get({}, shaped.getElementType());
        Value zero = make<arith::ConstantOp>(
            builder, loc, DenseElementsAttr::get(type, 0.0f));
        auto dimensions =
            llvm::to_vector(llvm::seq<int64_t>(0, shaped.getRank()));
        auto largest = make<linalg::ReduceOp>(
            builder, loc, ValueRange(magnitude), ValueRange(zero), dimensions,
            [](OpBuilder &inner, Location at, ValueRange arguments) {
              Value larger = arith::MaximumFOp::create(
                  inner, at, arguments[0], arguments[1]);
              linalg::YieldOp::create(inner, at, larger);
            });
        magnitude = largest->getResult(0);
      }
      Value finite = make<arith::CmpFOp>(builder, loc, arith::CmpFPredicate::OLT,
                                         scalarOf(builder, loc, magnitude),
                                         infinity);
      all = all ? Value(make<arith::AndIOp>(builder, loc, all, finite)) : finite;
    }
    if (!all)
      all = make<arith::ConstantOp>(builder, loc, builder.getBoolAttr(true));
    return all;
  }
  Value buildAnd(OpBuilder &builder, Location loc, Value a,
                 Value b) const override {
    return make<arith::AndIOp>(builder, loc, a, b);
  }
  /// As updateLossScale of amp/OpSet/LossScaleRule.h.
  void buildUpdate(OpBuilder &builder, Location loc, const State &state,
                   Value finite, Value condition,
                   const LossScaleParams &params) const override {
    using Predicate = arith::CmpIPredicate;
    auto choose = [&](Value which, Value yes, Value no) -> Value {
      return make<arith::SelectOp>(builder, loc, which, yes, no);
    };
    Value scale = scalarOf(builder, loc, state.scale);
    Value good = scalarOf(builder, loc, state.goodSteps);
    Value bad = scalarOf(builder, loc, state.badSteps);
    Value zero = integer(builder, loc, 0), one = integer(builder, loc, 1);
    Value last = integer(builder, loc, std::numeric_limits<int32_t>::max());
    auto next = [&](Value steps) -> Value {
      Value grows = make<arith::CmpIOp>(builder, loc, Predicate::slt, steps, last);
      return choose(grows, make<arith::AddIOp>(builder, loc, steps, one), steps);
    };
    // Where not all gradients are finite.
    Value moreBad = next(bad);
    // A limit beyond the numbers of the counter is never reached.
    auto reaches = [&](Value steps, int64_t limit) -> Value {
      if (limit > std::numeric_limits<int32_t>::max())
        return make<arith::ConstantOp>(builder, loc,
                                       builder.getBoolAttr(false));
      return make<arith::CmpIOp>(builder, loc, Predicate::sge, steps,
                                 integer(builder, loc, limit));
    };
    Value shrinks = reaches(moreBad, params.decreaseEvery);
    Value reduced = make<arith::MaximumFOp>(
        builder, loc,
        make<arith::MulFOp>(builder, loc, scale,
                            number(builder, loc, params.backoff))
            .getResult(),
        number(builder, loc, params.min));
    Value badScale = choose(shrinks, reduced, scale);
    Value badBad = choose(shrinks, zero, moreBad);
    // Where they are.
    Value moreGood = next(good);
    Value attempts = reaches(moreGood, params.growthSteps);
    Value grown = make<arith::MulFOp>(builder, loc, scale,
                                      number(builder, loc, params.growth));
    Value fits = make<arith::CmpFOp>(builder, loc, arith::CmpFPredicate::ULE,
                                     grown, number(builder, loc, params.max));
    Value grows = make<arith::AndIOp>(builder, loc, attempts, fits);
    Value newScale = choose(finite, choose(grows, grown, scale), badScale);
    Value newGood = choose(finite, choose(attempts, zero, moreGood), zero);
    Value newBad = choose(finite, zero, badBad);
    auto store = [&](llvm::StringRef name, Value value, Value old) {
      if (condition)
        value = choose(scalarOf(builder, loc, condition), value, old);
      auto type = RankedTensorType::get({}, value.getType());
      Value tensor =
          make<tensor::FromElementsOp>(builder, loc, type, ValueRange(value));
      make<ml_program::GlobalStoreOp>(
          builder, loc, SymbolRefAttr::get(builder.getContext(), name), tensor);
    };
    store(kScale, newScale, scale);
    store(kGood, newGood, good);
    store(kBad, newBad, bad);
  }
};

/// Reads what a store is about to overwrite.
Value loadOld(OpBuilder &builder, ml_program::GlobalStoreOp store) {
  return make<ml_program::GlobalLoadOp>(
      builder, store.getLoc(), store.getValue().getType(), store.getGlobal());
}
Value loadOld(OpBuilder &builder, tosa::VariableWriteOp store) {
  return make<tosa::VariableReadOp>(builder, store.getLoc(),
                                    store.getInput1().getType(),
                                    store.getNameAttr());
}

/// A store that its user marks with amp.gradient_operands is an update; the ops
/// before it that take gradients name them with the same attribute. Its operand
/// is the new value.
template <typename StoreOp>
struct StoreUpdateModel
    : VariableUpdateOpInterface::ExternalModel<StoreUpdateModel<StoreOp>,
                                               StoreOp> {
  OpOperand *getGradientOperand(Operation *op) const {
    return op->hasAttr(kGradientOperandsAttr) ? &op->getOpOperand(0) : nullptr;
  }
  void setUpdateCondition(Operation *op, Value condition) const {
    OpBuilder builder(op);
    if (arith::SelectOp guard = guardOf(op)) {
      // The condition is known where the guard stands, or the guard moves.
      guard->moveBefore(op);
      guard.getConditionMutable().assign(condition);
      return;
    }
    Value old = loadOld(builder, cast<StoreOp>(op));
    op->setOperand(0, make<arith::SelectOp>(builder, op->getLoc(), condition,
                                            op->getOperand(0), old));
  }
  Value getUpdateCondition(Operation *op) const {
    arith::SelectOp guard = guardOf(op);
    return guard ? guard.getCondition() : Value();
  }

private:
  static arith::SelectOp guardOf(Operation *op) {
    auto guard = op->getOperand(0).getDefiningOp<arith::SelectOp>();
    return guard && guard->hasAttr(kGeneratedAttr) ? guard : arith::SelectOp();
  }
};

template <typename DialectT> void addTo(DialectRegistry &registry) {
  registry.addExtension(
      +[](MLIRContext *, DialectT *dialect, ml_program::MLProgramDialect *) {
        dialect->template addInterface<TensorLossScale>();
      });
}

} // namespace

void amp::registerTensorLossScale(DialectRegistry &registry) {
  registry.addExtension(
      +[](MLIRContext *context, ml_program::MLProgramDialect *) {
        context->loadDialect<arith::ArithDialect, linalg::LinalgDialect,
                             math::MathDialect, tensor::TensorDialect>();
        ml_program::GlobalStoreOp::attachInterface<
            StoreUpdateModel<ml_program::GlobalStoreOp>>(*context);
      });
  addTo<arith::ArithDialect>(registry);
  addTo<linalg::LinalgDialect>(registry);
  addTo<math::MathDialect>(registry);
  addTo<tensor::TensorDialect>(registry);
  // Variables of TOSA are its own; the state of the scale stands in globals all
  // the same.
  registry.addExtension(+[](MLIRContext *context, tosa::TosaDialect *dialect) {
    context->loadDialect<ml_program::MLProgramDialect>();
    dialect->addInterface<TensorLossScale>();
    tosa::VariableWriteOp::attachInterface<
        StoreUpdateModel<tosa::VariableWriteOp>>(*context);
  });
}
