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

#include <cmath>

using namespace mlir;
using namespace amp;
using namespace amp::graph;

namespace {

StringRef str(std::string_view text) { return {text.data(), text.size()}; }

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

StringRef dtypeNameOf(Type element) {
  std::optional<DType> dtype = toDType(element);
  return dtype ? str(dtypeName(*dtype)) : "of another type";
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
      return variable.emitError("variable '")
             << variable.getSymName() << "' is " << dtypeNameOf(element)
             << ", but only float32 variables are trained: make it float32, "
                "which amp-opt casts where it is read, or say \"trainable\": "
                "false";
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
  llvm::DenseMap<Value, Value> given;
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
    given[read.getResult()] = gradient;
  }
  // In the order of the variables, as the expansion has them: sums over all
  // gradients do not depend on the road.
  for (ReadOp read : section.variables) {
    if (Value gradient = given.lookup(read.getResult()))
      section.gradients[read.getResult()] = gradient;
    else if (section.variablesGiven)
      return emitError(loc, "'gradients' has none for the variable '")
             << read.getVariable() << "'";
  }
  return success();
}

//===----------------------------------------------------------------------===//
// What happens between gradients and updates
//===----------------------------------------------------------------------===//

/// A whole number of at least `min`; nothing for another attribute.
std::optional<int64_t> readCount(Attribute attr, int64_t min) {
  auto number = dyn_cast_or_null<IntegerAttr>(attr);
  if (!number || !number.getType().isSignlessInteger(64) ||
      number.getInt() < min)
    return std::nullopt;
  return number.getInt();
}

LogicalResult readSchedule(FuncOp function, DictionaryAttr settings,
                           Schedule &schedule) {
  Location loc = trainingLoc(function, "schedule");
  auto kind = settings.getAs<StringAttr>("kind");
  StringRef name = kind ? kind.getValue() : "";
  if (name == "linear")
    schedule.kind = Schedule::Kind::Linear;
  else if (name == "cosine")
    schedule.kind = Schedule::Kind::Cosine;
  else if (name != "constant")
    return emitError(loc, "unknown schedule '") << name << "'";
  bool changes = schedule.kind != Schedule::Kind::Constant;
  schedule.end = changes ? 0 : 1;
  for (NamedAttribute setting : settings) {
    StringRef key = setting.getName();
    if (key == "kind")
      continue;
    if (key == "end") {
      auto number = dyn_cast<FloatAttr>(setting.getValue());
      schedule.end = number ? number.getValueAsDouble() : -1;
      if (!(schedule.end >= 0) ||
          !std::isfinite(static_cast<float>(schedule.end)))
        return emitError(loc, "'end' of the schedule is a factor of the "
                              "learning rate, zero or more and finite");
      continue;
    }
    std::optional<int64_t> count =
        readCount(setting.getValue(), key == "total_steps" ? 1 : 0);
    if (key != "warmup_steps" && key != "total_steps")
      return emitError(loc, "schedule ")
             << name << " has no setting '" << key << "'";
    if (!count)
      return emitError(loc, "'")
             << key << "' of the schedule is a number of steps";
    if (key == "warmup_steps")
      schedule.warmupSteps = *count;
    else
      schedule.totalSteps = *count;
  }
  if (changes && !schedule.totalSteps)
    return emitError(loc, "schedule '")
           << name << "' needs 'total_steps', the step at which it ends";
  if (schedule.totalSteps && *schedule.totalSteps < schedule.warmupSteps)
    return emitError(loc, "the schedule has ")
           << *schedule.totalSteps << " steps in all, fewer than its "
           << schedule.warmupSteps << " steps of warm-up";
  if (!changes && !schedule.totalSteps && settings.contains("end"))
    return emitError(loc, "'end' of the schedule needs 'total_steps', the "
                          "step from which it holds");
  return success();
}

LogicalResult readNoDecay(FuncOp function, ArrayAttr list,
                          const ModuleVariables &variables,
                          TrainingSection &section) {
  Location loc = trainingLoc(function, "no_decay");
  StringRef kind = str(section.optimizer.def->kind);
  if (!section.optimizer.def->find("weight_decay"))
    return emitError(loc, "'no_decay' means nothing here: optimizer ")
           << kind << " has no weight decay";
  for (Attribute entry : list) {
    auto name = dyn_cast<StringAttr>(entry);
    if (!name || !variables.find(name.getValue()))
      return emitError(loc, "'no_decay' names ")
             << entry << ", which is no variable";
    section.noDecay.insert(name.getValue());
  }
  return success();
}

LogicalResult readStep(FuncOp function, DictionaryAttr training,
                       const ModuleVariables &variables,
                       TrainingSection &section) {
  if (Attribute attr = training.get("clip_norm")) {
    auto number = dyn_cast<FloatAttr>(attr);
    double norm = number ? number.getValueAsDouble() : 0;
    float rounded = static_cast<float>(norm);
    if (!(rounded > 0) || !std::isfinite(rounded))
      return emitError(trainingLoc(function, "clip_norm"),
                       "'clip_norm' is the largest norm of the gradients, "
                       "more than 0 and finite as a float32");
    section.clipNorm = norm;
  }
  if (Attribute attr = training.get("accumulate_steps")) {
    std::optional<int64_t> steps = readCount(attr, 1);
    if (!steps || *steps > std::numeric_limits<int32_t>::max())
      return emitError(trainingLoc(function, "accumulate_steps"),
                       "'accumulate_steps' is a number of calls, from 1 to ")
             << std::numeric_limits<int32_t>::max();
    section.accumulateSteps = *steps;
  }
  if (Attribute attr = training.get("schedule")) {
    auto settings = dyn_cast<DictionaryAttr>(attr);
    if (!settings)
      return emitError(trainingLoc(function, "schedule"),
                       "'schedule' is one of constant, linear and cosine");
    if (failed(readSchedule(function, settings, section.schedule.emplace())))
      return failure();
  }
  if (Attribute attr = training.get("no_decay")) {
    auto list = dyn_cast<ArrayAttr>(attr);
    if (!list)
      return emitError(trainingLoc(function, "no_decay"),
                       "'no_decay' must be a list of names");
    return readNoDecay(function, list, variables, section);
  }
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
  if (failed(readGradients(function, training, variables, nodes, section)) ||
      failed(readStep(function, training, variables, section)))
    return failure();
  return section;
}
