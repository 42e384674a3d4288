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
  /// Where gradients are taken as the backward part made them.
  SmallVector<OpOperand *> gradients;
  /// Ops whose result must be finite, beside the gradients.
  SmallVector<Operation *> checked;
  /// What says that this call updates; null when every call does.
  Operation *stepCondition = nullptr;
  /// Said to be an update, by an op that nothing can make conditional.
  Operation *unguarded = nullptr;
  bool hasGradients = false;
  bool isScaled = false;
};

/// The operands of `op` that are gradients as the backward part made them.
void findGradients(Operation *op, OpOperand *updateGradient,
                   SmallVectorImpl<OpOperand *> &gradients) {
  auto marked = op->getAttrOfType<DenseI64ArrayAttr>(kGradientOperandsAttr);
  if (!marked) {
    if (updateGradient)
      gradients.push_back(updateGradient);
    return;
  }
  for (int64_t index : marked.asArrayRef())
    if (index >= 0 && index < op->getNumOperands())
      gradients.push_back(&op->getOpOperand(index));
}

Training inspect(FunctionOpInterface function) {
  Training training;
  function.getFunctionBody().walk([&](Operation *op) {
    if (op->hasAttr(kLossGradientAttr))
      training.seeds.push_back(op);
    if (op->hasAttr(kCheckedAttr) && op->getNumResults())
      training.checked.push_back(op);
    if (op->hasAttr(kStepConditionAttr) && op->getNumResults())
      training.stepCondition = op;
    if (const LossScaleDialectInterface *dialect = interfaceOf(op))
      training.isScaled |= dialect->isScaleLoss(op);
    auto update = dyn_cast<VariableUpdateOpInterface>(op);
    OpOperand *gradient = update ? update.getGradientOperand() : nullptr;
    findGradients(op, gradient, training.gradients);
    if (!update) {
      auto marked = op->getAttrOfType<DenseI64ArrayAttr>(kGradientOperandsAttr);
      if (marked && marked.empty() && !training.unguarded)
        training.unguarded = op;
      return;
    }
    training.hasGradients |= gradient != nullptr;
    if (gradient || op->hasAttr(kGeneratedAttr))
      training.updates.push_back(update);
  });
  // Sums over calls go on at calls that do not update.
  if (training.stepCondition)
    llvm::erase_if(training.updates, [](VariableUpdateOpInterface update) {
      return !update.getGradientOperand() && !update.getUpdateCondition();
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
  for (VariableUpdateOpInterface update : training.updates)
    if (update->getBlock() != training.updates.front()->getBlock())
      return update->emitOpError("stands in another block than the first "
                                 "update: one condition cannot guard both");
  for (OpOperand *gradient : training.gradients) {
    Operation *owner = gradient->getOwner();
    if (!getElementTypeOrSelf(gradient->get()).isF32())
      return owner->emitOpError("takes a gradient of type ")
             << gradient->get().getType() << "; loss scaling needs float32";
    if (owner->getBlock() != training.updates.front()->getBlock())
      return owner->emitOpError("stands in another block than the first "
                                "update: one condition cannot guard both");
    if (!isAvailableBefore(gradient->get(),
                           training.gradients.front()->getOwner()) ||
        !isAvailableBefore(gradient->get(), training.updates.front()))
      return owner->emitOpError("takes a gradient that is made after the "
                                "first update");
  }
  for (Operation *op : training.checked)
    if (!isAvailableBefore(op->getResult(0), training.updates.front()))
      return op->emitOpError("makes a gradient after the first update");
  return success();
}

/// Divides the gradients by the scale; the values to check are returned.
SmallVector<Value> unscaleGradients(const Training &training,
                                    const LossScaleDialectInterface &dialect,
                                    OpBuilder &builder, Value scale) {
  builder.setInsertionPoint(training.gradients.front()->getOwner());
  struct Unscaled {
    Value value;
    bool isChecked = false;
  };
  llvm::MapVector<Value, Unscaled> unscaled;
  for (OpOperand *gradient : training.gradients) {
    Unscaled &entry = unscaled[gradient->get()];
    Operation *owner = gradient->getOwner();
    if (!entry.value)
      entry.value = dialect.buildUnscale(builder, owner->getLoc(),
                                         gradient->get(), scale);
    entry.isChecked |= !owner->hasAttr(kCheckedAttr);
    gradient->set(entry.value);
  }
  SmallVector<Value> checked;
  for (auto &entry : unscaled)
    if (entry.second.isChecked)
      checked.push_back(entry.second.value);
  for (Operation *op : training.checked)
    checked.push_back(op->getResult(0));
  return checked;
}

/// Makes the updates depend on `finite`, beside what they depend on already.
void guardUpdates(const Training &training,
                  const LossScaleDialectInterface &dialect, OpBuilder &builder,
                  Value finite) {
  llvm::DenseMap<Value, Value> conditions;
  for (VariableUpdateOpInterface update : training.updates) {
    Value own = update.getUpdateCondition();
    Value &both = conditions[own];
    if (!both && own) {
      // Where the condition is known, and before all others that take it.
      builder.setInsertionPoint(update);
      both = dialect.buildAnd(builder, update.getLoc(), finite, own);
    }
    if (!both)
      both = finite;
    update.setUpdateCondition(both);
  }
}

/// Whether the function is to be scaled; an error where it cannot be.
FailureOr<bool> isScalable(const Training &training) {
  if (training.isScaled)
    return false;
  if (training.unguarded)
    return training.unguarded->emitOpError(
        "is marked as an update, and nothing says how it is skipped: a step "
        "whose gradients are not finite would be taken");
  if (!training.hasGradients || training.gradients.empty()) {
    if (!training.seeds.empty())
      training.seeds.front()->emitWarning(
          "seeds the backward part, and no variable is updated with a gradient: "
          "no loss scale is added");
    return false;
  }
  if (training.seeds.empty()) {
    training.updates.front()->emitWarning(
        "variables are updated without a loss scale, so small float16 "
        "gradients become zero: a scale is added only where a training "
        "section stands");
    return false;
  }
  if (failed(check(training)))
    return failure();
  return true;
}

LogicalResult scaleFunction(FunctionOpInterface function,
                            const Training &training,
                            const LossScaleConfig &config) {
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

  SmallVector<Value> checked =
      unscaleGradients(training, *dialect, builder, state.scale);
  builder.setInsertionPoint(training.updates.front());
  Value finite = dialect->buildAllFinite(
      builder, training.updates.front()->getLoc(), checked);
  guardUpdates(training, *dialect, builder, finite);

  if (config.mode == LossScaleConfig::Mode::Dynamic) {
    builder.setInsertionPointAfter(training.updates.back());
    Value condition =
        training.stepCondition ? training.stepCondition->getResult(0) : Value();
    dialect->buildUpdate(builder, training.updates.back()->getLoc(), state,
                         finite, condition, config.params);
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
    auto module = dyn_cast<ModuleOp>(getOperation());
    if (!module) {
      getOperation()->emitError(
          "amp-loss-scale runs on a module, not on each function: the scale is "
          "a variable beside the functions");
      return signalPassFailure();
    }
    if (failed(applyLossScale(module, *config)))
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
  // Whatever is wrong is found before anything changes.
  SmallVector<std::pair<FunctionOpInterface, Training>, 1> trainings;
  bool anyError = false;
  for (FunctionOpInterface function : functions) {
    Training training = inspect(function);
    FailureOr<bool> scalable = isScalable(training);
    anyError |= failed(scalable);
    if (succeeded(scalable) && *scalable)
      trainings.emplace_back(function, std::move(training));
  }
  if (anyError)
    return failure();
  for (const auto &[function, training] : trainings)
    if (failed(scaleFunction(function, training, config)))
      return failure();
  return success();
}
