//===- LossScale.cpp - Guards updates against small and large gradients ---===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The pass amp-loss-scale: scale behind the seed of the backward part, unscale
// before each update, one finite check that all updates depend on, and the
// scale's own update. Sees updates and the loss-scale ops through interfaces
// alone, so it works on every dialect that implements them.
//===----------------------------------------------------------------------===//

#include "amp/Transforms/LossScale.h"

#include "amp/Interfaces/PrecisionInterfaces.h"
#include "amp/Transforms/Passes.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/RegionKindInterface.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/MapVector.h"

namespace amp {
#define GEN_PASS_DEF_LOSSSCALE
#include "amp/Transforms/Passes.h.inc"
} // namespace amp

using namespace mlir;
using namespace amp;

namespace {

const LossScaleDialectInterface *interfaceOf(Operation *op) {
  Dialect *dialect = op->getDialect();
  return dialect ? dialect->getRegisteredInterface<LossScaleDialectInterface>()
                 : nullptr;
}

/// What one function holds.
struct Training {
  SmallVector<Operation *, 1> seeds;
  /// Updates that take a gradient, and those that a pass made: optimizer
  /// steps, the step counter, moving statistics. In block order.
  SmallVector<VariableUpdateOpInterface> updates;
  bool hasGradients = false;
  bool isScaled = false;
};

Training inspect(FunctionOpInterface function) {
  Training training;
  function.getFunctionBody().walk([&](Operation *op) {
    if (op->hasAttr(kLossGradientAttr))
      training.seeds.push_back(op);
    if (const LossScaleDialectInterface *dialect = interfaceOf(op))
      training.isScaled |= dialect->isScaleLoss(op);
    auto update = dyn_cast<VariableUpdateOpInterface>(op);
    if (!update)
      return;
    bool takesGradient = update.getGradientOperand() != nullptr;
    training.hasGradients |= takesGradient;
    if (takesGradient || op->hasAttr(kGeneratedAttr))
      training.updates.push_back(update);
  });
  return training;
}

/// Whether `value` may be used right before `op`.
bool isAvailableBefore(Value value, Operation *op) {
  Operation *definition = value.getDefiningOp();
  return !definition || !mayHaveSSADominance(*op->getParentRegion()) ||
         (definition->getBlock() == op->getBlock() &&
          definition->isBeforeInBlock(op));
}

/// What must hold before anything is changed.
LogicalResult check(const Training &training) {
  for (Operation *seed : training.seeds) {
    if (!interfaceOf(seed))
      return seed->emitOpError("seeds the backward part, but its dialect does "
                               "not say how a loss is scaled");
    if (seed->getNumResults() != 1)
      return seed->emitOpError("seeds the backward part and must have one "
                               "result");
  }
  for (VariableUpdateOpInterface update : training.updates) {
    if (update->getBlock() != training.updates.front()->getBlock())
      return update->emitOpError("stands in another block than the first "
                                 "update: one condition cannot guard both");
    if (update.getUpdateCondition())
      return update->emitOpError("has a condition of its own, so the loss "
                                 "scale cannot guard it");
    OpOperand *gradient = update.getGradientOperand();
    if (!gradient)
      continue;
    if (!getElementTypeOrSelf(gradient->get()).isF32())
      return update->emitOpError("takes a gradient of type ")
             << gradient->get().getType() << "; loss scaling needs float32";
    if (!isAvailableBefore(gradient->get(), training.updates.front()))
      return update->emitOpError("takes a gradient that is made after the "
                                 "first update");
  }
  return success();
}

LogicalResult scaleFunction(FunctionOpInterface function,
                            const LossScaleConfig &config) {
  Training training = inspect(function);
  if (training.isScaled || !training.hasGradients)
    return success();
  if (training.seeds.empty()) {
    training.updates.front()->emitWarning(
        "variables are updated without a loss scale, so small float16 "
        "gradients become zero: a scale is added only where a training "
        "section stands");
    return success();
  }
  if (failed(check(training)))
    return failure();

  const LossScaleDialectInterface *dialect =
      interfaceOf(training.seeds.front());
  OpBuilder builder(function.getContext());
  LossScaleDialectInterface::State state;
  if (config.mode == LossScaleConfig::Mode::Dynamic) {
    builder.setInsertionPointToStart(&function.getFunctionBody().front());
    FailureOr<LossScaleDialectInterface::State> made =
        dialect->buildState(builder, function, config.params);
    if (failed(made))
      return failure();
    state = *made;
  } else {
    builder.setInsertionPoint(training.seeds.front());
    state.scale = dialect->buildFixedScale(
        builder, training.seeds.front()->getLoc(), config.value);
  }

  for (Operation *seed : training.seeds) {
    builder.setInsertionPointAfter(seed);
    Value gradient = seed->getResult(0);
    Value scaled =
        dialect->buildScaleLoss(builder, seed->getLoc(), gradient, state.scale);
    gradient.replaceAllUsesExcept(scaled, scaled.getDefiningOp());
  }

  builder.setInsertionPoint(training.updates.front());
  llvm::MapVector<Value, Value> unscaled;
  for (VariableUpdateOpInterface update : training.updates) {
    OpOperand *operand = update.getGradientOperand();
    if (!operand)
      continue;
    Value &replacement = unscaled[operand->get()];
    if (!replacement)
      replacement = dialect->buildUnscale(builder, update.getLoc(),
                                          operand->get(), state.scale);
    operand->set(replacement);
  }
  SmallVector<Value> gradients;
  for (auto &entry : unscaled)
    gradients.push_back(entry.second);
  Value finite = dialect->buildAllFinite(
      builder, training.updates.front().getLoc(), gradients);
  for (VariableUpdateOpInterface update : training.updates)
    update.setUpdateCondition(finite);

  if (config.mode == LossScaleConfig::Mode::Dynamic) {
    builder.setInsertionPointAfter(training.updates.back());
    dialect->buildUpdate(builder, training.updates.back().getLoc(), state,
                         finite, config.params);
  }
  return success();
}

struct LossScalePass : amp::impl::LossScaleBase<LossScalePass> {
  using LossScaleBase::LossScaleBase;

  void runOnOperation() override {
    std::string error;
    std::optional<LossScaleConfig> config = parseLossScale(mode, error);
    if (!config) {
      emitError(UnknownLoc::get(&getContext())) << error;
      return signalPassFailure();
    }
    if (failed(applyLossScale(getOperation(), *config)))
      signalPassFailure();
  }
};

} // namespace

LogicalResult amp::applyLossScale(ModuleOp module,
                                  const LossScaleConfig &config) {
  if (config.mode == LossScaleConfig::Mode::None)
    return success();
  SmallVector<FunctionOpInterface> functions;
  module.walk<WalkOrder::PreOrder>([&](FunctionOpInterface function) {
    if (!function.isExternal())
      functions.push_back(function);
    return WalkResult::skip();
  });
  for (FunctionOpInterface function : functions)
    if (failed(scaleFunction(function, config)))
      return failure();
  return success();
}
