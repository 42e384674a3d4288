//===- Optimizers.cpp - Optimizer steps of a training function ------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// One apply op per trained variable, its slots and the optimizer's own state
// as variables of the module, and the step counter. The formulas are the
// runtime's; here is only which op, which state, which settings.
//===----------------------------------------------------------------------===//

#include "Training.h"

#include "amp/Dialect/Graph/IR/Updates.h"
#include "amp/Interfaces/PrecisionInterfaces.h"
#include "amp/OpSet/OpSet.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace amp;
using namespace amp::graph;

//===----------------------------------------------------------------------===//
// Variables of the module
//===----------------------------------------------------------------------===//

ModuleVariables::ModuleVariables(ModuleOp module) : module(module) {
  for (Operation &op : *module.getBody()) {
    if (auto variable = dyn_cast<VariableOp>(op)) {
      byName[variable.getSymName()] = variable;
      inOrder.push_back(variable);
      last = variable;
    }
    auto function = dyn_cast<FuncOp>(op);
    if (!function || function.isExternal())
      continue;
    // A function that only sets state, to reset it, is no training function.
    bool trains = false;
    for (Operation &node : function.getBody().front()) {
      auto update = dyn_cast<VariableUpdateOpInterface>(node);
      trains |= update && update.getGradientOperand();
    }
    if (trains)
      forEachUpdate(function, [&](StringRef name, Operation *) {
        trainedBy.try_emplace(name, function);
      });
  }
}

void ModuleVariables::enter(FuncOp newFunction) {
  function = newFunction;
  reads.clear();
  updates.clear();
  lastRead = nullptr;
  for (Operation &op : function.getBody().front()) {
    if (auto read = dyn_cast<ReadOp>(op)) {
      reads.try_emplace(read.getVariable(), read);
      lastRead = read;
    }
  }
  forEachUpdate(function, [&](StringRef name, Operation *update) {
    updates.try_emplace(name, update);
  });
}

Value ModuleVariables::read(VariableOp variable) {
  ReadOp &read = reads[variable.getSymName()];
  if (read)
    return read.getResult();
  OpBuilder builder(function.getContext());
  if (lastRead)
    builder.setInsertionPointAfter(lastRead);
  else
    builder.setInsertionPointToStart(&function.getBody().front());
  read = createRead(builder, variable.getLoc(), variable);
  lastRead = read;
  return read.getResult();
}

FailureOr<VariableOp> ModuleVariables::state(StringRef name,
                                             RankedTensorType type,
                                             DictionaryAttr init,
                                             ArrayAttr shapeNames) {
  Location loc = trainingLoc(function, "optimizer");
  FuncOp &owner = trainedBy[name];
  if (owner && owner != function) {
    InFlightDiagnostic diag =
        emitError(loc, "optimizer state '")
        << name << "' belongs to another training function: two of them cannot "
        << "share an optimizer";
    diag.attachNote(owner.getLoc()) << "this one";
    return diag;
  }
  owner = function;
  if (Operation *update = updates.lookup(name))
    return update->emitError("updates '")
           << name << "', which is state of the optimizer";
  if (VariableOp variable = byName.lookup(name)) {
    if (variable.getType() == type)
      return variable;
    return variable.emitError("variable '")
           << name << "' is state of the optimizer and must be " << type
           << ", not " << variable.getType();
  }
  OpBuilder builder(function.getContext());
  if (last)
    builder.setInsertionPointAfter(last);
  else
    builder.setInsertionPointToStart(module.getBody());
  VariableOp variable =
      createVariable(builder, loc, name, type, init, shapeNames);
  variable.setTrainable(false);
  byName[name] = variable;
  inOrder.push_back(variable);
  last = variable;
  return variable;
}

//===----------------------------------------------------------------------===//
// Updates
//===----------------------------------------------------------------------===//

namespace {

/// Builds the updates of one function.
class UpdateBuilder {
public:
  UpdateBuilder(FuncOp function, const TrainingSection &section,
                ModuleVariables &variables, NameAllocator &names)
      : function(function), optimizer(section.optimizer), variables(variables),
        names(names), builder(function.getContext()) {
    builder.setInsertionPoint(function.getBody().front().getTerminator());
  }

  LogicalResult buildShared();
  LogicalResult buildStep(ReadOp variable, Value gradient);
  LogicalResult buildCounter();

private:
  FailureOr<Value> sharedState(std::string_view name, Type element,
                               DictionaryAttr init);
  FailureOr<Value> slot(ReadOp variable, StringRef suffix);
  DictionaryAttr initialValue(StringRef kind,
                              ArrayRef<NamedAttribute> more = {});
  /// Appends a setting under its own name unless it is the op's default.
  void addSetting(SmallVectorImpl<NamedAttribute> &attrs, StringRef name,
                  StringRef op);

  FuncOp function;
  const Optimizer &optimizer;
  ModuleVariables &variables;
  NameAllocator &names;
  OpBuilder builder;
  Value learningRate, iterations;
};

} // namespace

DictionaryAttr UpdateBuilder::initialValue(StringRef kind,
                                           ArrayRef<NamedAttribute> more) {
  SmallVector<NamedAttribute> entries(more);
  entries.push_back(builder.getNamedAttr("kind", builder.getStringAttr(kind)));
  return builder.getDictionaryAttr(entries);
}

FailureOr<Value> UpdateBuilder::sharedState(std::string_view name, Type element,
                                            DictionaryAttr init) {
  FailureOr<VariableOp> variable =
      variables.state(StringRef(name.data(), name.size()),
                      RankedTensorType::get({}, element), init, {});
  if (failed(variable))
    return failure();
  return variables.read(*variable);
}

FailureOr<Value> UpdateBuilder::slot(ReadOp variable, StringRef suffix) {
  VariableOp owner = variables.find(variable.getVariable());
  FailureOr<VariableOp> state =
      variables.state((variable.getVariable() + "/" + suffix).str(),
                      cast<RankedTensorType>(variable.getType()),
                      initialValue("zeros"), owner.getShapeNamesAttr());
  if (failed(state))
    return failure();
  return variables.read(*state);
}

LogicalResult UpdateBuilder::buildShared() {
  FailureOr<Value> counter = sharedState(
      kIterationsVariable, builder.getI64Type(), initialValue("zeros"));
  if (failed(counter))
    return failure();
  FailureOr<Value> rate = sharedState(
      kLearningRateVariable, builder.getF32Type(),
      initialValue(
          "constant",
          builder.getNamedAttr("value", builder.getF64FloatAttr(
                                            optimizer.get("learning_rate")))));
  if (failed(rate))
    return failure();
  iterations = *counter;
  learningRate = *rate;
  return success();
}

void UpdateBuilder::addSetting(SmallVectorImpl<NamedAttribute> &attrs,
                               StringRef name, StringRef op) {
  const AttrDef *def = findOp(op)->findAttr(name);
  double value = optimizer.get(name);
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
  if (Operation *update = variables.updateOf(variable.getVariable()))
    return update->emitError("updates '")
           << variable.getVariable() << "', which the optimizer trains";
  StringRef op;
  SmallVector<StringRef, 2> slots;
  SmallVector<StringRef, 4> settings;
  if (optimizer.is("sgd")) {
    op = "apply_sgd";
    settings = {"weight_decay"};
    if (optimizer.get("momentum") != 0) {
      op = "apply_momentum";
      slots = {"momentum"};
      settings = {"momentum", "nesterov", "weight_decay"};
    }
  } else if (optimizer.is("rmsprop")) {
    op = "apply_rmsprop";
    slots = {"rms"};
    if (optimizer.get("centered") != 0)
      slots.push_back("mg");
    if (optimizer.get("momentum") != 0)
      slots.push_back("momentum");
    settings = {"rho", "momentum", "epsilon", "centered"};
  } else {
    bool decays = optimizer.is("adamw");
    op = decays ? "apply_adamw" : "apply_adam";
    slots = {"m", "v"};
    settings = {"beta_1", "beta_2", "epsilon"};
    if (decays)
      settings.push_back("weight_decay");
  }

  SmallVector<Value> operands = {variable.getResult()};
  for (StringRef suffix : slots) {
    FailureOr<Value> state = slot(variable, suffix);
    if (failed(state))
      return failure();
    operands.push_back(*state);
  }
  if (op.starts_with("apply_adam"))
    operands.push_back(iterations);
  operands.push_back(learningRate);
  operands.push_back(gradient);
  SmallVector<NamedAttribute> attrs;
  for (StringRef name : settings)
    addSetting(attrs, name, op);
  std::string name = names.fresh((variable.getVariable() + "/" + op).str());
  return success(createNode(builder, trainingLoc(function, "optimizer"), op,
                            name, operands, attrs) != nullptr);
}

LogicalResult UpdateBuilder::buildCounter() {
  Location loc = trainingLoc(function, "optimizer");
  auto scalar = RankedTensorType::get({}, builder.getI64Type());
  Operation *one = createNode(
      builder, loc, "constant", names.fresh("optimizer/one"), {},
      builder.getNamedAttr("value", DenseElementsAttr::get(
                                        scalar, builder.getI64IntegerAttr(1))));
  if (!one)
    return failure();
  return success(createNode(builder, loc, "assign_add",
                            names.fresh("optimizer/iterations/assign_add"),
                            {iterations, one->getResult(0)}) != nullptr);
}

LogicalResult graph::buildUpdates(FuncOp function,
                                  const TrainingSection &section,
                                  const VariableGradients &gradients,
                                  ModuleVariables &variables,
                                  NameAllocator &names) {
  UpdateBuilder updates(function, section, variables, names);
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
