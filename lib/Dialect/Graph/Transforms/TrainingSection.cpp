//===- TrainingSection.cpp - Reads the attribute `training` ---------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The loss, the optimizer with its defaults and the variables to train. The
// reader of graph files has checked most of it; a module may come from text.
//===----------------------------------------------------------------------===//

#include "Training.h"

#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace amp;
using namespace amp::graph;

namespace {

StringRef str(std::string_view text) { return {text.data(), text.size()}; }

/// Keys of `training` that a graph file may have and that are not built yet.
constexpr StringLiteral kUnsupportedKeys[] = {"clip_norm", "accumulate_steps",
                                              "schedule", "no_decay"};

/// The nodes of a function by name.
class NodeTable {
public:
  explicit NodeTable(FuncOp function) {
    for (Operation &op : function.getBody().front())
      if (op.getNumResults() && !isa<ReadOp>(op))
        nodes.try_emplace(nodeName(&op), &op);
  }

  /// The value that "n" or "n:1" names; null if there is none.
  Value find(StringRef text) const {
    if (Operation *op = nodes.lookup(text))
      return op->getResult(0);
    auto [name, number] = text.rsplit(':');
    unsigned result = 0;
    Operation *op = nodes.lookup(name);
    if (!op || number.getAsInteger(10, result) || result >= op->getNumResults())
      return {};
    return op->getResult(result);
  }

private:
  llvm::StringMap<Operation *> nodes;
};

FailureOr<Value> readLoss(FuncOp function, DictionaryAttr training,
                          const NodeTable &nodes) {
  Location loc = trainingLoc(function, "loss");
  auto name = training.getAs<StringAttr>("loss");
  if (!name)
    return emitError(loc, "training needs a 'loss'");
  Value loss = nodes.find(name.getValue());
  if (!loss)
    return emitError(loc, "the loss '") << name.getValue() << "' is no node";
  auto type = dyn_cast<RankedTensorType>(loss.getType());
  if (!type || type.getRank() != 0 || !type.getElementType().isF32())
    return emitError(loc, "the loss '")
           << name.getValue() << "' must be a float32 scalar, not "
           << loss.getType();
  Operation *terminator = function.getBody().front().getTerminator();
  if (!llvm::is_contained(terminator->getOperands(), loss))
    return emitError(loc, "the loss '")
           << name.getValue() << "' must be an output of the function";
  return loss;
}

/// A number within the bounds of a setting, or 0 and 1 for a bool.
FailureOr<double> readSetting(Location loc, const OptimizerDef &optimizer,
                              const OptimizerParam &param, Attribute attr) {
  auto fail = [&](const Twine &expected) {
    return emitError(loc, "setting '")
           << str(param.name) << "' of " << str(optimizer.kind) << " must be "
           << expected;
  };
  if (param.isBool) {
    auto flag = dyn_cast<BoolAttr>(attr);
    if (!flag)
      return fail("true or false");
    return flag.getValue() ? 1.0 : 0.0;
  }
  auto number = dyn_cast<FloatAttr>(attr);
  if (!number)
    return fail("a number");
  double value = number.getValueAsDouble();
  if (!(value >= param.min) || !(value <= param.max) ||
      (param.belowMax && value == param.max))
    return fail(param.max > 1    ? "zero or more and finite"
                : param.belowMax ? "at least 0 and less than 1"
                                 : "from 0 to 1");
  return value;
}

FailureOr<Optimizer> readOptimizer(FuncOp function, DictionaryAttr training) {
  Location loc = trainingLoc(function, "optimizer");
  auto settings = training.getAs<DictionaryAttr>("optimizer");
  auto kind = settings ? settings.getAs<StringAttr>("kind") : StringAttr();
  if (!kind)
    return emitError(loc, "training needs an 'optimizer'");
  Optimizer optimizer;
  optimizer.def = findOptimizer(
      std::string_view(kind.getValue().data(), kind.getValue().size()));
  if (!optimizer.def)
    return emitError(loc, "unknown optimizer '") << kind.getValue() << "'";
  for (const OptimizerParam &param : optimizer.def->params)
    optimizer.values.push_back(param.defaultValue);
  for (NamedAttribute setting : settings) {
    if (setting.getName() == "kind")
      continue;
    StringRef name = setting.getName();
    const OptimizerParam *param =
        optimizer.def->find(std::string_view(name.data(), name.size()));
    if (!param)
      return emitError(loc, "optimizer ")
             << kind.getValue() << " has no setting '" << name << "'";
    FailureOr<double> value =
        readSetting(loc, *optimizer.def, *param, setting.getValue());
    if (failed(value))
      return failure();
    optimizer.values[param - optimizer.def->params.begin()] = *value;
  }
  return optimizer;
}

/// The reads of the variables to train.
FailureOr<SmallVector<ReadOp>> readVariables(FuncOp function,
                                             DictionaryAttr training,
                                             const ModuleVariables &variables) {
  llvm::StringSet<> names;
  auto list = training.getAs<ArrayAttr>("variables");
  if (!list && training.contains("variables"))
    return emitError(trainingLoc(function, "variables"),
                     "'variables' must be a list of names");
  if (list) {
    Location loc = trainingLoc(function, "variables");
    for (Attribute entry : list) {
      auto name = dyn_cast<StringAttr>(entry);
      VariableOp variable = name ? variables.find(name.getValue()) : nullptr;
      if (!variable)
        return emitError(loc, "'variables' names ")
               << entry << ", which is no variable";
      if (!variables.findRead(name.getValue()))
        return emitError(loc, "variable '")
               << name.getValue() << "' is not read by this function";
      if (!variable.getTrainable())
        return emitError(loc, "variable '")
               << name.getValue() << "' is not trainable";
      names.insert(name.getValue());
    }
  }
  SmallVector<ReadOp> chosen;
  for (VariableOp variable : variables.all()) {
    ReadOp read = variables.findRead(variable.getSymName());
    if (!read || (list && !names.contains(variable.getSymName())))
      continue;
    Type element = getElementTypeOrSelf(read.getType());
    if (!variable.getTrainable() || !isa<FloatType>(element))
      continue;
    if (!element.isF32())
      return emitError(trainingLoc(function, "variables"), "variable '")
             << variable.getSymName() << "' is " << element
             << "; only float32 variables can be trained in this version";
    chosen.push_back(read);
  }
  if (chosen.empty())
    return emitError(trainingLoc(function, "variables"),
                     "this function reads no trainable variable");
  return chosen;
}

/// The backward part that the file holds: `gradients` and `loss_gradient`.
LogicalResult readGradients(FuncOp function, DictionaryAttr training,
                            const ModuleVariables &variables,
                            const NodeTable &nodes, TrainingSection &section) {
  auto gradients = training.getAs<DictionaryAttr>("gradients");
  auto seed = training.getAs<StringAttr>("loss_gradient");
  if (!gradients && !seed)
    return success();
  Location loc =
      trainingLoc(function, gradients ? "gradients" : "loss_gradient");
  if (!gradients || !seed)
    return emitError(loc, "'gradients' and 'loss_gradient' need each other");
  Value seedValue = nodes.find(seed.getValue());
  if (!seedValue || cast<OpResult>(seedValue).getResultNumber() != 0)
    return emitError(trainingLoc(function, "loss_gradient"), "'")
           << seed.getValue() << "' is not the first result of a node";
  if (!getElementTypeOrSelf(seedValue).isF32())
    return emitError(trainingLoc(function, "loss_gradient"), "'")
           << seed.getValue() << "' must be float32, not "
           << seedValue.getType();
  section.seed = seedValue.getDefiningOp();
  for (NamedAttribute entry : gradients) {
    auto name = dyn_cast<StringAttr>(entry.getValue());
    ReadOp read = variables.findRead(entry.getName());
    Value gradient = name ? nodes.find(name.getValue()) : Value();
    if (!read || !gradient)
      return emitError(loc, "'gradients' maps ")
             << entry.getName() << " to " << entry.getValue()
             << ", but the first must be a variable that this function reads "
             << "and the second a node";
    if (gradient.getType() != read.getType())
      return emitError(loc, "the gradient ")
             << entry.getValue() << " is " << gradient.getType()
             << ", but the variable " << entry.getName() << " is "
             << read.getType();
    section.gradients[read.getResult()] = gradient;
  }
  for (ReadOp read : section.variables)
    if (section.variablesGiven && !section.gradients.contains(read.getResult()))
      return emitError(loc, "'gradients' has none for the variable '")
             << read.getVariable() << "'";
  return success();
}

} // namespace

bool Optimizer::is(StringRef kind) const { return str(def->kind) == kind; }

double Optimizer::get(StringRef name) const {
  const OptimizerParam *param =
      def->find(std::string_view(name.data(), name.size()));
  return values[param - def->params.begin()];
}

Location graph::trainingLoc(FuncOp function, StringRef key) {
  if (auto locs = function->getAttrOfType<DictionaryAttr>(kTrainingLocsAttr))
    if (auto loc = locs.getAs<LocationAttr>(key))
      return loc;
  return function.getLoc();
}

FailureOr<TrainingSection>
graph::readTraining(FuncOp function, const ModuleVariables &variables) {
  auto training = function->getAttrOfType<DictionaryAttr>("training");
  for (StringRef key : kUnsupportedKeys)
    if (training.contains(key))
      return emitError(trainingLoc(function, key), "'")
             << key << "' in training is not supported by this version";
  TrainingSection section;
  NodeTable nodes(function);
  FailureOr<Value> loss = readLoss(function, training, nodes);
  if (failed(loss))
    return failure();
  FailureOr<Optimizer> optimizer = readOptimizer(function, training);
  if (failed(optimizer))
    return failure();
  FailureOr<SmallVector<ReadOp>> reads =
      readVariables(function, training, variables);
  if (failed(reads))
    return failure();
  section.loss = *loss;
  section.optimizer = std::move(*optimizer);
  section.variables = std::move(*reads);
  section.variablesGiven = training.contains("variables");
  if (failed(readGradients(function, training, variables, nodes, section)))
    return failure();
  return section;
}
