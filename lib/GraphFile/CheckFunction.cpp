//===- CheckFunction.cpp - Names, order and types of a function ----------
//-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Resolves names, orders the nodes (a cycle is an error that names its nodes),
// infers types through OpSet, and checks outputs, pins and training.
//===----------------------------------------------------------------------===//

#include "Check.h"
#include "amp/OpSet/Words.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <unordered_map>
#include <unordered_set>

using namespace amp;
using namespace amp::graphfile;

namespace {

class FunctionChecker {
public:
  FunctionChecker(const VariableTable &variables, const Function &function,
                  Diagnostics &diags)
      : file(variables.graphFile()), variables(variables), function(function),
        diags(diags), names(variables, function, &clashes) {}

  FunctionTypes run();

private:
  void checkNames();
  void resolveInputs();
  ValueTarget findNear(uint32_t node, std::string_view name) const;
  void orderNodes();
  void reportCycle(const std::vector<uint32_t> &missing);
  void inferNode(uint32_t index);
  void checkConstant(const Node &node);
  void checkGivenTypes(const Node &node, std::vector<TensorType> &types);
  void checkVariableOperands(const Node &node, const OpDef &def);
  void checkOutputs();
  void checkPins();
  void checkTraining(const Training &training);
  const TensorType *typeOf(const ValueName &value) {
    return typeOf(value, names.find(value.name));
  }
  const TensorType *typeOf(const ValueName &value, ValueTarget target);
  /// What the inputs of a node name, parallel to Node::inputs.
  Span<ValueTarget> operandsOf(uint32_t node) const {
    return {types.operands.data() + firstOperand[node],
            firstOperand[node + 1] - firstOperand[node]};
  }
  void missing(const ValueName &value);

  const GraphFile &file;
  const VariableTable &variables;
  const Function &function;
  Diagnostics &diags;
  std::vector<NameTable::Clash> clashes;
  NameTable names;
  FunctionTypes types;
  /// Per node where its operands start in `types.operands`; one more at the
  /// end.
  std::vector<size_t> firstOperand;
  /// Types of the node at hand; kept for their memory.
  std::vector<TensorType> operandTypes, results;
  /// The types of the node are known.
  std::vector<bool> good;
  std::unordered_map<std::string_view, const Node *> updates;
};

} // namespace

void FunctionChecker::checkNames() {
  auto kindOf = [](ValueTarget target) {
    return target.kind == ValueTarget::Variable ? "a variable"
           : target.kind == ValueTarget::Input  ? "an input"
                                                : "a node";
  };
  for (const NameTable::Clash &clash : clashes) {
    bool isInput = clash.other.kind == ValueTarget::Input;
    uint32_t index = clash.other.index;
    diags.error(isInput ? function.inputs[index].at
                        : function.nodes[index].nameAt,
                quoted(isInput ? function.inputs[index].name
                               : function.nodes[index].name) +
                    " is the name of " + kindOf(clash.taken) + " already");
  }
}

void FunctionChecker::missing(const ValueName &value) {
  std::string_view near = names.nearest(value.name);
  diags.error(value.at, "no input, node or variable is named " +
                            quoted(value.name) + didYouMeanText(near));
}

/// Most inputs of a node are nodes that stand just before it, or variables.
/// Looking there first reaches no far memory, as the table of all names does.
ValueTarget FunctionChecker::findNear(uint32_t node,
                                      std::string_view name) const {
  // Of two equal names the first counts, which may be any.
  if (clashes.empty()) {
    for (uint32_t back = 1; back <= 5 && back <= node; ++back)
      if (function.nodes[node - back].name == name)
        return {ValueTarget::Node, node - back};
    uint32_t variable = variables.find(name);
    if (variable != NameIndex::none)
      return {ValueTarget::Variable, variable};
  }
  return names.find(name);
}

void FunctionChecker::resolveInputs() {
  size_t count = 0;
  for (const Node &node : function.nodes) {
    firstOperand.push_back(count);
    count += node.inputs.size();
  }
  firstOperand.push_back(count);
  types.operands.resize(count);
  auto operand = types.operands.begin();
  for (uint32_t node = 0; node < function.nodes.size(); ++node)
    for (const ValueName &input : function.nodes[node].inputs) {
      // A suggestion looks at all names: no more of them than messages.
      if (diags.full())
        return;
      *operand = findNear(node, input.name);
      if (operand->kind == ValueTarget::Missing)
        missing(input);
      ++operand;
    }
}

/// Kahn's algorithm; among the nodes that can come next, the first in the file
/// does.
void FunctionChecker::orderNodes() {
  uint32_t count = static_cast<uint32_t>(function.nodes.size());
  // Counted first, then filled: users of node i are from first[i] on.
  std::vector<uint32_t> waiting(count);
  std::vector<size_t> first(count + 2);
  bool isSorted = true;
  types.order.reserve(count);
  for (uint32_t i = 0; i < count; ++i)
    for (ValueTarget operand : operandsOf(i))
      if (operand.kind == ValueTarget::Node) {
        isSorted &= operand.index < i;
        ++waiting[i];
        ++first[operand.index + 2];
      }
  if (isSorted) {
    for (uint32_t i = 0; i < count; ++i)
      types.order.push_back(i);
    return;
  }
  for (uint32_t i = 0; i < count; ++i)
    first[i + 2] += first[i + 1];
  std::vector<uint32_t> users(first[count + 1]);
  std::priority_queue<uint32_t, std::vector<uint32_t>, std::greater<>> ready;
  for (uint32_t i = 0; i < count; ++i) {
    for (ValueTarget operand : operandsOf(i))
      if (operand.kind == ValueTarget::Node)
        users[first[operand.index + 1]++] = i;
    if (!waiting[i])
      ready.push(i);
  }
  while (!ready.empty()) {
    uint32_t node = ready.top();
    ready.pop();
    types.order.push_back(node);
    for (size_t i = first[node]; i < first[node + 1]; ++i)
      if (!--waiting[users[i]])
        ready.push(users[i]);
  }
  if (types.order.size() != count)
    reportCycle(waiting);
}

/// Every node that still waits has a producer that waits: walking back from
/// one of them comes around.
void FunctionChecker::reportCycle(const std::vector<uint32_t> &waiting) {
  uint32_t node = 0;
  while (!waiting[node])
    ++node;
  std::vector<uint32_t> path;
  std::unordered_map<uint32_t, size_t> seen;
  while (seen.emplace(node, path.size()).second) {
    path.push_back(node);
    for (ValueTarget producer : operandsOf(node))
      if (producer.kind == ValueTarget::Node && waiting[producer.index]) {
        node = producer.index;
        break;
      }
  }
  path.erase(path.begin(), path.begin() + seen[node]);
  // In the direction of the data, from the first of them in the file.
  std::reverse(path.begin(), path.end());
  std::rotate(path.begin(), std::min_element(path.begin(), path.end()),
              path.end());
  std::string text;
  constexpr size_t most = 8;
  for (size_t i = 0; i < path.size() && i < most; ++i)
    text += (i ? " -> " : "") + quoted(function.nodes[path[i]].name);
  if (path.size() > most)
    text += " -> … (" + std::to_string(path.size()) + " nodes)";
  text += " -> " + quoted(function.nodes[path[0]].name);
  diags.error(function.nodes[path[0]].nameAt,
              "the nodes form a cycle: " + text);
}

/// The type of a value, or null when it has none that is known. Reports a
/// result that is not there.
const TensorType *FunctionChecker::typeOf(const ValueName &value,
                                          ValueTarget target) {
  switch (target.kind) {
  case ValueTarget::Missing:
    return nullptr;
  case ValueTarget::Input:
  case ValueTarget::Variable:
    if (value.result) {
      diags.error(value.at, quoted(value.name) + " has no result " +
                                std::to_string(value.result));
      return nullptr;
    }
    return target.kind == ValueTarget::Input
               ? &function.inputs[target.index].type
               : &file.variables[target.index].type;
  case ValueTarget::Node:
    break;
  }
  if (!good[target.index])
    return nullptr;
  const std::vector<TensorType> &results = types.results[target.index];
  if (value.result >= results.size()) {
    diags.error(
        value.at,
        results.empty()
            ? "node " + quoted(value.name) + " has no results"
            : "node " + quoted(value.name) + " has no result " +
                  std::to_string(value.result) + "; it has " +
                  (results.size() == 1
                       ? std::string("result 0 alone")
                       : "results 0 to " + std::to_string(results.size() - 1)));
    return nullptr;
  }
  return &results[value.result];
}

void FunctionChecker::inferNode(uint32_t index) {
  const Node &node = function.nodes[index];
  size_t count = node.inputs.size();
  if (operandTypes.size() < count)
    operandTypes.resize(count);
  for (size_t i = 0; i < count; ++i) {
    const TensorType *type = typeOf(node.inputs[i], operandsOf(index)[i]);
    if (!type)
      return;
    operandTypes[i] = *type;
  }
  Span<TensorType> operands(operandTypes.data(), count);
  const OpDef *def = findOp(node.op);
  if (!def) {
    types.results.set(index, *node.types);
    good[index] = true;
    return;
  }
  results.clear();
  if (std::optional<OpError> problem =
          inferTypes(*def, operands, node.attrs, results)) {
    Offset at = node.opAt;
    if (problem->operand >= 0 &&
        static_cast<size_t>(problem->operand) < node.inputs.size())
      at = node.inputs[problem->operand].at;
    for (size_t i = 0; i < node.attrs.size(); ++i)
      if (node.attrs[i].name == problem->attr)
        at = node.attrsAt[i];
    diags.error(at, "node " + quoted(node.name) + ": " + problem->message);
    return;
  }
  if (def->name == "constant")
    checkConstant(node);
  checkVariableOperands(node, *def);
  if (node.types)
    checkGivenTypes(node, results);
  types.results.set(index, results);
  good[index] = true;
}

void FunctionChecker::checkConstant(const Node &node) {
  const Shape *shape = nullptr;
  const Literal *literal = nullptr;
  Offset at = node.opAt;
  for (size_t i = 0; i < node.attrs.size(); ++i) {
    if (node.attrs[i].name == "shape")
      shape = std::get_if<Shape>(&node.attrs[i].value);
    if (node.attrs[i].name == "value") {
      auto value =
          std::get_if<std::shared_ptr<const Literal>>(&node.attrs[i].value);
      literal = value ? value->get() : nullptr;
      at = node.attrsAt[i];
    }
  }
  if (!shape || !literal || literal->splat || !literal->weights.empty())
    return;
  int64_t elements = 1;
  std::vector<int64_t> sizes;
  for (const Dim &dim : *shape) {
    elements *= dim.isFixed() ? dim.size() : 1;
    sizes.push_back(dim.isFixed() ? dim.size() : -1);
  }
  int64_t count = literal->floats.size() + literal->ints.size();
  // A nested list has the shape; a flat one only its number of elements.
  bool nestingFits = literal->nesting.size() <= 1 || literal->nesting == sizes;
  if (count != elements)
    diags.error(at, "the value has " + std::to_string(count) +
                        " elements, the shape " + toString(*shape) + " has " +
                        std::to_string(elements));
  else if (!nestingFits && count != 0)
    diags.error(at, "the nested lists of the value do not have the shape " +
                        toString(*shape));
}

/// A given type agrees with the inferred one where both know a size.
void FunctionChecker::checkGivenTypes(const Node &node,
                                      std::vector<TensorType> &results) {
  const std::vector<TensorType> &given = *node.types;
  if (given.size() != results.size()) {
    diags.error(node.typesAt,
                "node " + quoted(node.name) + " has " +
                    std::to_string(results.size()) +
                    (results.size() == 1 ? " result" : " results") +
                    ", 'types' has " + std::to_string(given.size()));
    return;
  }
  for (size_t i = 0; i < given.size(); ++i) {
    bool agree = given[i].dtype == results[i].dtype &&
                 given[i].shape.size() == results[i].shape.size();
    for (size_t d = 0; agree && d < given[i].shape.size(); ++d)
      agree = given[i].shape[d].isUnknown() ||
              results[i].shape[d].isUnknown() ||
              given[i].shape[d] == results[i].shape[d];
    if (!agree) {
      diags.error(node.typesAt, "node " + quoted(node.name) +
                                    ": 'types' says " + toString(given[i]) +
                                    ", but the op makes " +
                                    toString(results[i]));
      return;
    }
    for (size_t d = 0; d < given[i].shape.size(); ++d)
      if (results[i].shape[d].isUnknown())
        results[i].shape[d] = given[i].shape[d];
  }
}

void FunctionChecker::checkVariableOperands(const Node &node,
                                            const OpDef &def) {
  if (std::none_of(def.operands.begin(), def.operands.end(),
                   [](const OperandDef &operand) { return operand.isVariable; }))
    return;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const OperandDef *operand = def.operand(i, node.inputs.size(), node.attrs);
    if (!operand || !operand->isVariable)
      continue;
    const ValueName &input = node.inputs[i];
    if (names.find(input.name).kind != ValueTarget::Variable) {
      diags.error(input.at, "operand '" + std::string(operand->name) +
                                "' of op '" + std::string(node.op) +
                                "' must be a variable, " + quoted(input.name) +
                                " is none");
      continue;
    }
    auto [it, isNew] = updates.emplace(input.name, &node);
    if (!isNew)
      diags.error(input.at, "variable " + quoted(input.name) +
                                " is updated twice, by " +
                                quoted(it->second->name) + " too");
  }
}

void FunctionChecker::checkOutputs() {
  std::unordered_set<std::string_view> seen;
  for (const Output &output : function.outputs) {
    if (!seen.insert(output.name).second)
      diags.error(output.at, "two outputs are named " + quoted(output.name));
    types.outputs.push_back(names.find(output.value.name));
    if (types.outputs.back().kind == ValueTarget::Missing)
      missing(output.value);
    else
      typeOf(output.value, types.outputs.back());
  }
}

/// A pin to a 16-bit type must not change what the file promises.
void FunctionChecker::checkPins() {
  std::unordered_set<std::string_view> outputs;
  for (const Output &output : function.outputs)
    outputs.insert(output.value.name);
  for (size_t i = 0; i < function.nodes.size(); ++i) {
    const Node &node = function.nodes[i];
    if (!node.precision || *node.precision == DType::Float32)
      continue;
    const OpDef *def = findOp(node.op);
    std::string type(dtypeName(*node.precision));
    if (def && def->isLoss) {
      diags.error(node.precisionAt, quoted(node.name) +
                                        " is a loss and stays float32; it "
                                        "cannot be pinned to " +
                                        type);
      continue;
    }
    if (!def || !good[i] || !outputs.count(node.name))
      continue;
    for (const Output &output : function.outputs) {
      const ValueName &value = output.value;
      if (value.name != node.name || value.result >= types.results[i].size() ||
          !def->result(value.result).inGroup ||
          types.results[i][value.result].dtype != DType::Float32)
        continue;
      diags.error(node.precisionAt,
                  quoted(node.name) + " is output " + quoted(output.name) +
                      " of the function and stays float32; put an 'identity' "
                      "behind it to pin it to " +
                      type);
      break;
    }
  }
}

void FunctionChecker::checkTraining(const Training &training) {
  const TensorType *loss = nullptr;
  if (names.find(training.loss.name).kind == ValueTarget::Missing)
    missing(training.loss);
  else
    loss = typeOf(training.loss);
  if (loss) {
    if (loss->dtype != DType::Float32 || !loss->shape.empty())
      diags.error(training.loss.at,
                  "the loss is a float32 scalar, not " + toString(*loss));
    bool isOutput = std::any_of(
        function.outputs.begin(), function.outputs.end(),
        [&](const Output &output) { return output.value == training.loss; });
    if (!isOutput)
      diags.error(training.loss.at, "the loss " + quoted(training.loss.name) +
                                        " is no output of the function");
  }
  auto checkVariable = [&](std::string_view name, Offset at) {
    ValueTarget target = names.find(name);
    if (target.kind != ValueTarget::Variable) {
      std::vector<std::string_view> known;
      for (const Variable &variable : file.variables)
        known.push_back(variable.name);
      std::string_view near = didYouMean(name, known);
      diags.error(at, quoted(name) + " is no variable" + didYouMeanText(near));
      return;
    }
    const Variable &variable = file.variables[target.index];
    if (!variable.trainable)
      diags.error(at, "variable " + quoted(name) + " is not trainable");
    else if (!isFloating(variable.type.dtype))
      diags.error(at, "variable " + quoted(name) + " of dtype " +
                          std::string(dtypeName(variable.type.dtype)) +
                          " cannot be trained");
  };
  std::unordered_set<std::string_view> seen;
  if (training.variables)
    for (const ValueName &variable : *training.variables) {
      checkVariable(variable.name, variable.at);
      if (!seen.insert(variable.name).second)
        diags.error(variable.at, quoted(variable.name) + " stands twice");
    }
  for (const ValueName &variable : training.noDecay)
    checkVariable(variable.name, variable.at);
  seen.clear();
  for (const Gradient &gradient : training.gradients) {
    checkVariable(gradient.variable, gradient.at);
    if (!seen.insert(gradient.variable).second)
      diags.error(gradient.at, quoted(gradient.variable) + " stands twice");
    if (names.find(gradient.value.name).kind == ValueTarget::Missing) {
      missing(gradient.value);
      continue;
    }
    const TensorType *type = typeOf(gradient.value);
    ValueTarget target = names.find(gradient.variable);
    if (!type || target.kind != ValueTarget::Variable)
      continue;
    // An unknown size of the gradient may be that of the variable.
    const Shape &wanted = file.variables[target.index].type.shape;
    bool fits = isFloating(type->dtype) && type->shape.size() == wanted.size();
    for (size_t d = 0; fits && d < wanted.size(); ++d)
      fits = !type->shape[d].isFixed() || type->shape[d] == wanted[d];
    if (!fits)
      diags.error(gradient.value.at,
                  "the gradient of " + quoted(gradient.variable) + " is " +
                      toString(*type) + ", expected " +
                      toString(file.variables[target.index].type));
  }
  if (training.lossGradient) {
    if (names.find(training.lossGradient->name).kind == ValueTarget::Missing)
      missing(*training.lossGradient);
    else
      typeOf(*training.lossGradient);
  }
  if (training.gradients.empty() != !training.lossGradient)
    diags.error(training.at, "'gradients' and 'loss_gradient' come together");
}

FunctionTypes FunctionChecker::run() {
  checkNames();
  resolveInputs();
  types.results = ResultTypes(function.nodes.size());
  good.resize(function.nodes.size());
  orderNodes();
  for (uint32_t node : types.order) {
    if (diags.full())
      return std::move(types);
    inferNode(node);
  }
  checkOutputs();
  checkPins();
  if (function.training)
    checkTraining(*function.training);
  return std::move(types);
}

FunctionTypes amp::graphfile::checkFunction(const VariableTable &variables,
                                            const Function &function,
                                            Diagnostics &diags) {
  return FunctionChecker(variables, function, diags).run();
}
