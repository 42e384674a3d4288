//===- StepBuilder.cpp - State and nodes of an optimizer step -------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The variables of a module, to which state of the optimizer is added, and the
// nodes between gradients and updates.
//===----------------------------------------------------------------------===//

#include "Training.h"

#include "amp/Dialect/Graph/IR/Updates.h"
#include "amp/Interfaces/PrecisionInterfaces.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"

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
// Nodes
//===----------------------------------------------------------------------===//

StepBuilder::StepBuilder(FuncOp function, ModuleVariables &variables,
                         NameAllocator &names)
    : function(function), variables(variables), names(names),
      builder(function.getBody().front().getTerminator()),
      loc(trainingLoc(function, "optimizer")) {}

void StepBuilder::setKey(StringRef key) { loc = trainingLoc(function, key); }

Operation *StepBuilder::create(StringRef op, const Twine &name,
                               ValueRange operands,
                               ArrayRef<NamedAttribute> attrs) {
  if (llvm::is_contained(operands, Value()))
    return nullptr;
  return createNode(builder, loc, op, names.fresh(name.str()), operands, attrs);
}

Value StepBuilder::createValue(StringRef op, const Twine &name,
                               ValueRange operands,
                               ArrayRef<NamedAttribute> attrs) {
  Operation *node = create(op, name, operands, attrs);
  return node ? node->getResult(0) : Value();
}

Value StepBuilder::createPinned(StringRef op, const Twine &name,
                                ValueRange operands) {
  Operation *node = create(op, name, operands);
  if (!node)
    return {};
  if (llvm::any_of(operands.getTypes(), [](Type type) {
        return getElementTypeOrSelf(type).isF32();
      }))
    node->setAttr(kPrecisionAttr, TypeAttr::get(builder.getF32Type()));
  return node->getResult(0);
}

Value StepBuilder::createReal(const Twine &name, double value, Type element) {
  if (!element)
    element = builder.getF32Type();
  auto type = RankedTensorType::get({}, element);
  Attribute number = builder.getFloatAttr(element, value);
  return createValue(
      "constant", name, {},
      builder.getNamedAttr("value", DenseElementsAttr::get(type, number)));
}

Value StepBuilder::createInteger(const Twine &name, int64_t value) {
  auto type = RankedTensorType::get({}, builder.getI64Type());
  return createValue(
      "constant", name, {},
      builder.getNamedAttr("value", DenseElementsAttr::get(type, value)));
}

FailureOr<Value> StepBuilder::scalarState(StringRef name, Type element,
                                          double initial) {
  SmallVector<NamedAttribute, 2> init;
  if (initial != 0)
    init.push_back(
        builder.getNamedAttr("value", builder.getF64FloatAttr(initial)));
  init.push_back(builder.getNamedAttr(
      "kind", builder.getStringAttr(initial != 0 ? "constant" : "zeros")));
  FailureOr<VariableOp> variable =
      variables.state(name, RankedTensorType::get({}, element),
                      builder.getDictionaryAttr(init), {});
  if (failed(variable))
    return failure();
  return variables.read(*variable);
}

FailureOr<Value> StepBuilder::slot(ReadOp variable, StringRef suffix) {
  VariableOp owner = variables.find(variable.getVariable());
  NamedAttribute zeros =
      builder.getNamedAttr("kind", builder.getStringAttr("zeros"));
  FailureOr<VariableOp> state = variables.state(
      (variable.getVariable() + "/" + suffix).str(),
      cast<RankedTensorType>(variable.getType()),
      builder.getDictionaryAttr(zeros), owner.getShapeNamesAttr());
  if (failed(state))
    return failure();
  return variables.read(*state);
}
