//===- Optimizers.cpp - Optimizer steps of a training function ------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// One apply op per trained variable, its slots, and the step counter. The
// formulas are the runtime's; here is only which op, which state, which
// settings.
//===----------------------------------------------------------------------===//

#include "Training.h"

#include "amp/Interfaces/PrecisionInterfaces.h"
#include "amp/OpSet/OpSet.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace amp;
using namespace amp::graph;

namespace {

StringRef str(std::string_view text) { return {text.data(), text.size()}; }

/// The op that makes a step, its slots, and the settings it has as attributes.
struct StepKind {
  StringRef op;
  SmallVector<StringRef, 2> slots;
  SmallVector<StringRef, 4> settings;
};

StepKind stepKindOf(const Optimizer &optimizer) {
  if (optimizer.is("sgd")) {
    if (optimizer.get("momentum") == 0)
      return {"apply_sgd", {}, {"weight_decay"}};
    return {"apply_momentum",
            {"momentum"},
            {"momentum", "nesterov", "weight_decay"}};
  }
  if (optimizer.is("rmsprop")) {
    StepKind kind{
        "apply_rmsprop", {"rms"}, {"rho", "momentum", "epsilon", "centered"}};
    if (optimizer.get("centered") != 0)
      kind.slots.push_back("mg");
    if (optimizer.get("momentum") != 0)
      kind.slots.push_back("momentum");
    return kind;
  }
  StepKind kind{"apply_adam", {"m", "v"}, {"beta_1", "beta_2", "epsilon"}};
  if (optimizer.is("adamw")) {
    kind.op = "apply_adamw";
    kind.settings.push_back("weight_decay");
  }
  return kind;
}

/// Builds the updates of one function.
class UpdateBuilder {
public:
  UpdateBuilder(StepBuilder &nodes, const TrainingSection &section,
                Value condition)
      : nodes(nodes), section(section), optimizer(section.optimizer),
        kind(stepKindOf(optimizer)), condition(condition) {}

  LogicalResult buildShared();
  LogicalResult buildStep(ReadOp variable, Value gradient);
  LogicalResult buildCounter();

private:
  /// Appends a setting under its own name unless it is the op's default.
  void addSetting(SmallVectorImpl<NamedAttribute> &attrs, StringRef name,
                  double value);

  StepBuilder &nodes;
  const TrainingSection &section;
  const Optimizer &optimizer;
  StepKind kind;
  Value condition;
  Value learningRate, iterations;
};

} // namespace

LogicalResult UpdateBuilder::buildShared() {
  OpBuilder &builder = nodes.getBuilder();
  FailureOr<Value> counter =
      nodes.scalarState(str(kIterationsVariable), builder.getI64Type(), 0);
  if (failed(counter))
    return failure();
  FailureOr<Value> rate =
      nodes.scalarState(str(kLearningRateVariable), builder.getF32Type(),
                        optimizer.get("learning_rate"));
  if (failed(rate))
    return failure();
  iterations = *counter;
  learningRate = *rate;
  if (section.schedule)
    learningRate =
        buildSchedule(nodes, *section.schedule, learningRate, iterations);
  return success(learningRate != nullptr);
}

void UpdateBuilder::addSetting(SmallVectorImpl<NamedAttribute> &attrs,
                               StringRef name, double value) {
  OpBuilder &builder = nodes.getBuilder();
  const AttrDef *def = findOp(kind.op)->findAttr(name);
  if (def->kind == AttrKind::Bool) {
    if (value != 0)
      attrs.push_back(builder.getNamedAttr(name, builder.getBoolAttr(true)));
    return;
  }
  if (def->defaultValue && std::get<double>(*def->defaultValue) == value)
    return;
  attrs.push_back(builder.getNamedAttr(name, builder.getF64FloatAttr(value)));
}

LogicalResult UpdateBuilder::buildStep(ReadOp variable, Value gradient) {
  StringRef name = variable.getVariable();
  if (Operation *update = nodes.getVariables().updateOf(name))
    return update->emitError("updates '")
           << name << "', which the optimizer trains";
  nodes.setKey("optimizer");
  SmallVector<Value> operands = {variable.getResult()};
  for (StringRef suffix : kind.slots) {
    FailureOr<Value> state = nodes.slot(variable, suffix);
    if (failed(state))
      return failure();
    operands.push_back(*state);
  }
  if (kind.op.starts_with("apply_adam"))
    operands.push_back(iterations);
  operands.push_back(learningRate);
  operands.push_back(gradient);
  if (condition)
    operands.push_back(condition);
  SmallVector<NamedAttribute> attrs;
  for (StringRef setting : kind.settings) {
    bool decays = setting != "weight_decay" || !section.noDecay.contains(name);
    addSetting(attrs, setting, decays ? optimizer.get(setting) : 0);
  }
  Operation *step =
      nodes.create(kind.op, name + "/" + kind.op, operands, attrs);
  if (!step)
    return failure();
  // What prepares the gradient takes it from the backward part.
  if (section.clipNorm || section.accumulateSteps > 1)
    step->setAttr(kGradientOperandsAttr,
                  nodes.getBuilder().getDenseI64ArrayAttr({}));
  return success();
}

LogicalResult UpdateBuilder::buildCounter() {
  nodes.setKey("optimizer");
  SmallVector<Value, 3> operands = {iterations,
                                    nodes.createInteger("optimizer/one", 1)};
  if (condition)
    operands.push_back(condition);
  return success(nodes.create("assign_add", "optimizer/iterations/assign_add",
                              operands) != nullptr);
}

LogicalResult graph::buildUpdates(StepBuilder &nodes,
                                  const TrainingSection &section,
                                  const VariableGradients &gradients,
                                  Value condition) {
  UpdateBuilder updates(nodes, section, condition);
  if (failed(updates.buildShared()))
    return failure();
  for (ReadOp variable : section.variables) {
    auto gradient = gradients.find(variable.getResult());
    if (gradient == gradients.end())
      continue;
    if (failed(updates.buildStep(variable, gradient->second)))
      return failure();
  }
  return updates.buildCounter();
}
