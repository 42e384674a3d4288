//===- TrainingSteps.cpp - The parts of a training graph --------------- -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// TensorFlow's names tell the backward part: `gradients/…`, which begins at
// `gradients/grad_ys_N`, or GradientTape's `gradient_tape/…`, which begins at
// constants called `ones`. What an optimizer of TensorFlow 1 does is called
// `NAME/update_…`; where nothing is, a step is what writes to variables by the
// gradients, and what lies between such writes.
//===----------------------------------------------------------------------===//

#include "TrainingSteps.h"

#include "FunctionGraph.h"

#include <algorithm>
#include <map>

using namespace amp;
using namespace amp::graphdef;
namespace pb = amp::tensorflow;

static constexpr std::string_view kTape = "gradient_tape/";

static bool startsWith(std::string_view text, std::string_view with) {
  return text.substr(0, with.size()) == with;
}

static std::string_view lastPart(std::string_view name) {
  return name.substr(name.rfind('/') + 1);
}

static bool isOfTape(std::string_view name) {
  size_t at = name.find(kTape);
  return at == 0 || (at != name.npos && name[at - 1] == '/');
}

bool BackwardPart::holds(std::string_view name) const {
  return scope == kTape ? isOfTape(name) : startsWith(name, scope);
}

static bool isGradientsFolder(std::string_view part) {
  return startsWith(part, "gradients") && (part.size() == 9 || part[9] == '_');
}

/// Belongs to the gradients of some loss.
static bool isBackward(std::string_view name) {
  for (size_t end; (end = name.find('/')) != name.npos;
       name.remove_prefix(end + 1))
    if (isGradientsFolder(name.substr(0, end)) || startsWith(name, kTape))
      return true;
  return false;
}

/// Of a seed's name, the scope of its gradients: "a/gradients_1/" of
/// "a/gradients_1/grad_ys_0". Older versions call the seed "Fill". Empty for
/// any other node.
static std::string_view gradientScope(std::string_view name) {
  std::string_view last = lastPart(name);
  if (!startsWith(last, "grad_ys_") && last != "Fill")
    return {};
  std::string_view scope = name.substr(0, name.size() - last.size());
  if (scope.empty())
    return {};
  bool isGradients =
      isGradientsFolder(lastPart(scope.substr(0, scope.size() - 1)));
  return isGradients ? scope : std::string_view();
}

/// The loss whose gradients are those of a scope, found by "LOSS_grad/…".
static std::string lossOfScope(const GraphNodes &nodes,
                               const BackwardPart &part) {
  for (int seed : part.seeds)
    for (const GraphNodes::Use &use : nodes.uses(seed)) {
      std::string_view name = nodes[use.node].name();
      if (!part.holds(name))
        continue;
      name.remove_prefix(part.scope.size());
      size_t end = name.find("_grad/");
      if (end != name.npos && nodes.find(std::string(name.substr(0, end))) >= 0)
        return std::string(name.substr(0, end));
    }
  return {};
}

/// A function that computes gradients for its caller begins with an argument.
static bool isGiven(const GraphNodes &nodes, int seed) {
  if (nodes[seed].op() != "Identity" || nodes[seed].input().empty())
    return false;
  int from = nodes.source(seed, 0).node;
  return from >= 0 && nodes[from].op() == "Placeholder";
}

/// The ones that GradientTape begins with: read by backward nodes alone.
static bool isSeedOfTape(const GraphNodes &nodes, int node) {
  const std::string &op = nodes[node].op(), &name = nodes[node].name();
  if ((op != "Const" && op != "Fill" && op != "OnesLike") ||
      !startsWith(lastPart(name), "ones") || isOfTape(name))
    return false;
  bool isRead = false;
  for (const GraphNodes::Use &use : nodes.uses(node)) {
    if (!use.isControl && !isOfTape(nodes[use.node].name()))
      return false;
    isRead |= !use.isControl;
  }
  return isRead;
}

bool amp::graphdef::mayTrain(
    const google::protobuf::RepeatedPtrField<pb::NodeDef> &nodes) {
  for (const pb::NodeDef &node : nodes)
    if (!gradientScope(node.name()).empty() || isOfTape(node.name()))
      return true;
  return false;
}

std::vector<BackwardPart>
amp::graphdef::findBackwardParts(const GraphNodes &nodes) {
  std::map<std::string, BackwardPart> scopes;
  std::vector<BackwardPart> parts;
  for (int i = 0; i < nodes.size(); ++i)
    if (std::string_view scope = gradientScope(nodes[i].name());
        !scope.empty() && !isGiven(nodes, i))
      scopes[std::string(scope)].seeds.push_back(i);
  for (auto &[scope, part] : scopes) {
    part.scope = scope;
    part.loss = part.near = lossOfScope(nodes, part);
    parts.push_back(std::move(part));
  }
  for (int i = 0; i < nodes.size(); ++i) {
    if (!isSeedOfTape(nodes, i))
      continue;
    BackwardPart part;
    part.scope = std::string(kTape);
    part.seeds = {i};
    // "gradient_tape/a/b/Mul" belongs to an op of the scope a/b, or to the
    // op a/b.
    for (const GraphNodes::Use &use : nodes.uses(i)) {
      std::string_view name = nodes[use.node].name();
      name.remove_prefix(name.find(kTape) + kTape.size());
      std::string_view near =
          name.substr(0, name.size() - lastPart(name).size());
      if (use.isControl || near.empty())
        continue;
      part.near = std::string(near.substr(0, near.size() - 1));
      if (nodes.find(part.near) >= 0)
        part.loss = part.near;
      break;
    }
    parts.push_back(std::move(part));
  }
  return parts;
}

bool amp::graphdef::isUpdate(const pb::NodeDef &node,
                             const std::set<std::string> &updatingFunctions) {
  const std::string &op = node.op();
  if (!updatingFunctions.empty()) {
    if (updatingFunctions.count(op))
      return true;
    for (const auto &[name, value] : node.attr()) {
      if (updatingFunctions.count(value.func().name()))
        return true;
      for (const pb::NameAttrList &function : value.list().func())
        if (updatingFunctions.count(function.name()))
          return true;
    }
  }
  if (op.find("Apply") == op.npos && op.find("Assign") == op.npos &&
      op.find("Scatter") == op.npos)
    return false;
  const OpSpec *spec = findOp(op);
  return spec && !spec->inputs.empty() &&
         (spec->inputs[0].isRef ||
          (spec->isStateful && spec->inputs[0].fixed == kResource &&
           !startsWith(op, "TensorArray")));
}

Problem TrainingStep::findGradients() {
  std::vector<int> stack = part.seeds;
  std::set<int> reached(stack.begin(), stack.end());
  std::set<GraphNodes::Port> found;
  while (!stack.empty()) {
    int node = stack.back();
    stack.pop_back();
    for (const GraphNodes::Use &use : nodes.uses(node)) {
      if (use.isControl)
        continue;
      DataType type = nodes.portType({node, use.port});
      // A size or an index is none of a seed's factor.
      if (type == kInt32 || type == kInt64 || type == kBool)
        continue;
      if (part.holds(nodes[use.node].name())) {
        if (reached.insert(use.node).second)
          stack.push_back(use.node);
        continue;
      }
      if (type == kFloat)
        found.insert({node, use.port});
      else if (type == kHalf || type == kBFloat16 || type == 2)
        return "gradient '" + nodes[node].name() + "' is " +
               std::string(typeName(type)) +
               ": TensorFlow's loss scale takes float32 ones";
    }
  }
  for (int seed : part.seeds)
    reached.erase(seed);
  carriers = std::move(reached);
  gradients.assign(found.begin(), found.end());
  return std::nullopt;
}

std::set<int> TrainingStep::writersOfGradients() const {
  std::vector<int> stack;
  std::set<int> reached, writers;
  auto reach = [&](int node) {
    if (!part.holds(nodes[node].name()) && reached.insert(node).second)
      stack.push_back(node);
  };
  for (const GraphNodes::Port &gradient : gradients)
    for (const GraphNodes::Use &use : nodes.uses(gradient.node))
      if (!use.isControl && use.port == gradient.port)
        reach(use.node);
  while (!stack.empty()) {
    int node = stack.back();
    stack.pop_back();
    if (updates(node)) {
      writers.insert(node);
      continue;
    }
    for (const GraphNodes::Use &use : nodes.uses(node))
      if (!use.isControl)
        reach(use.node);
  }
  return writers;
}

std::set<int> TrainingStep::reachable(std::set<int> from, bool forwards) const {
  std::vector<int> stack(from.begin(), from.end());
  auto reach = [&](int node) {
    if (node >= 0 && from.insert(node).second)
      stack.push_back(node);
  };
  while (!stack.empty()) {
    int node = stack.back();
    stack.pop_back();
    if (forwards)
      for (const GraphNodes::Use &use : nodes.uses(node))
        reach(use.node);
    else
      for (int k = 0; k < nodes[node].input_size(); ++k)
        reach(nodes.source(node, k).node);
  }
  return from;
}

/// Where all writers are `NAME/update_…` of optimizers: they, and what belongs
/// to the same optimizers and waits for them.
void TrainingStep::findNamed(const std::set<int> &writers) {
  std::set<std::string> names;
  for (int writer : writers) {
    const std::string &name = nodes[writer].name();
    size_t end = name.rfind("/update_");
    if (end == name.npos || nodes.find(name.substr(0, end)) < 0)
      return;
    names.insert(name.substr(0, end));
  }
  for (const std::string &name : names) {
    int trainOp = nodes.find(name);
    trainOps.push_back(trainOp);
    auto isInside = [&](int node) {
      return node == trainOp || startsWith(nodes[node].name(), name + "/");
    };
    std::vector<int> stack = {trainOp};
    for (int i = 0; i < nodes.size(); ++i)
      if (isInside(i) && updates(i))
        stack.push_back(i);
    while (!stack.empty()) {
      int node = stack.back();
      stack.pop_back();
      if (!inner.insert(node).second)
        continue;
      for (const GraphNodes::Use &use : nodes.uses(node))
        if (isInside(use.node))
          stack.push_back(use.node);
    }
  }
}

/// Integers that a step counts in: those that the updates read, and those of an
/// optimizer that has a scope.
void TrainingStep::addCounters(std::set<int> &writers) const {
  std::set<std::string> scopes;
  for (int writer : writers) {
    const std::string &name = nodes[writer].name();
    if (size_t end = name.rfind("/update_"); end != name.npos)
      scopes.insert(name.substr(0, end + 1));
  }
  // What values are made of, as far as variables.
  auto readBy = [&](std::vector<int> stack) {
    std::set<int> seen(stack.begin(), stack.end());
    std::set<GraphNodes::Port> variables;
    while (!stack.empty()) {
      int node = stack.back();
      stack.pop_back();
      for (int k = 0; k < nodes[node].input_size(); ++k) {
        GraphNodes::Port from = nodes.source(node, k);
        if (from.port < 0 || from.node < 0)
          continue;
        if (nodes[node].op() == "ReadVariableOp" || nodes.isReference(from))
          variables.insert(from);
        else if (!part.holds(nodes[from.node].name()) &&
                 seen.insert(from.node).second)
          stack.push_back(from.node);
      }
    }
    return variables;
  };
  std::set<GraphNodes::Port> variables =
      readBy({writers.begin(), writers.end()});
  for (int i = 0; i < nodes.size(); ++i) {
    if (!updates(i) || nodes[i].input().empty())
      continue;
    auto it = nodes[i].attr().find("dtype");
    if (it == nodes[i].attr().end())
      it = nodes[i].attr().find("T");
    if (it == nodes[i].attr().end() ||
        (it->second.type() != kInt32 && it->second.type() != kInt64))
      continue;
    GraphNodes::Port variable = nodes.source(i, 0);
    bool isRead = variables.count(variable) != 0;
    for (const std::string &scope : scopes)
      isRead |= startsWith(nodes[i].name(), scope);
    if (!isRead)
      continue;
    // What initializes or restores a counter does not read it.
    bool counts = startsWith(nodes[i].op(), "AssignAdd") ||
                  startsWith(nodes[i].op(), "AssignSub");
    if (!counts && nodes[i].input_size() > 1)
      if (int value = nodes.source(i, 1).node; value >= 0)
        counts = readBy({value}).count(variable) != 0;
    if (counts)
      writers.insert(i);
  }
}

/// Writers by what they write, and what lies between them.
void TrainingStep::findOthers(std::set<int> writers) {
  // Slots are read again behind their update, to update the variable.
  std::vector<int> stack(writers.begin(), writers.end());
  std::set<int> seen = writers;
  while (!stack.empty()) {
    int node = stack.back();
    stack.pop_back();
    bool isWriter = updates(node);
    if (isWriter)
      writers.insert(node);
    for (const GraphNodes::Use &use : nodes.uses(node)) {
      bool readsBehind = isWriter && use.isControl &&
                         nodes[use.node].op() == "ReadVariableOp" &&
                         nodes.source(use.node, 0) == nodes.source(node, 0);
      if ((readsBehind || !use.isControl) &&
          !isBackward(nodes[use.node].name()) && seen.insert(use.node).second)
        stack.push_back(use.node);
    }
  }
  addCounters(writers);
  std::set<int> behind = reachable(writers, /*forwards=*/true),
                before = reachable(writers, /*forwards=*/false);
  std::set_intersection(behind.begin(), behind.end(), before.begin(),
                        before.end(), std::inserter(inner, inner.end()));
}

bool TrainingStep::isWrittenBehind(int read,
                                   const GraphNodes::Port &variable) const {
  for (int node : reachable({read}, /*forwards=*/true)) {
    if (node == read || !inner.count(node) || !updates(node))
      continue;
    for (int k = 0; k < nodes[node].input_size(); ++k)
      if (nodes.source(node, k) == variable)
        return true;
  }
  return false;
}

/// A value of a step that may not happen must not be read, but for a
/// variable's, which is read behind the step.
Problem TrainingStep::findReads(const std::set<std::string> &wanted) {
  std::set<GraphNodes::Port> known;
  auto read = [&](const GraphNodes::Port &port, bool wantsReference,
                  const std::string &reader) -> Problem {
    if (!known.insert(port).second && !wantsReference)
      return std::nullopt;
    const pb::NodeDef &node = nodes[port.node];
    bool isRead = node.op() == "ReadVariableOp";
    if (!node.input().empty() && !wantsReference && port.port == 0 &&
        (isRead || (nodes.isReference(port) && updates(port.node)))) {
      GraphNodes::Port variable = nodes.source(port.node, 0);
      if (variable.node >= 0 && variable.port >= 0 &&
          !inner.count(variable.node) &&
          !isWrittenBehind(port.node, variable)) {
        reads.push_back({port, variable});
        return std::nullopt;
      }
    }
    return reader + " the value of '" + node.name() +
           "', which a skipped step does not have";
  };
  for (int node : inner)
    for (const GraphNodes::Use &use : nodes.uses(node)) {
      if (use.isControl || inner.count(use.node))
        continue;
      const pb::NodeDef &reader = nodes[use.node];
      bool isResult = reader.op() == FunctionGraph::kResult &&
                      startsWith(reader.name(), "=");
      std::string text = isResult
                             ? "result '" + reader.name().substr(1) + "' is"
                             : "'" + reader.name() + "' reads";
      if (Problem problem =
              read({node, use.port}, nodes.takesReference(use.node, use.input),
                   text))
        return problem;
    }
  for (const std::string &text : wanted) {
    size_t colon = text.rfind(':');
    int node = colon == text.npos ? -1 : nodes.find(text.substr(0, colon));
    if (node >= 0 && inner.count(node))
      if (Problem problem = read({node, std::atoi(text.c_str() + colon + 1)},
                                 false, "'" + text + "' is fetched:"))
        return problem;
  }
  return std::nullopt;
}

Problem TrainingStep::findUpdates(const std::set<std::string> &wanted) {
  std::set<int> writers = writersOfGradients();
  if (writers.empty())
    return "no optimizer takes the gradients of '" + part.scope + "'";
  findNamed(writers);
  isNamed = !inner.empty();
  if (!isNamed)
    findOthers(std::move(writers));
  for (int node : inner) {
    const std::string &op = nodes[node].op();
    for (const char *loop : {"Enter", "Exit", "Merge", "NextIteration"})
      if (op == loop)
        return "'" + nodes[node].name() + "' (" + op +
               ") is part of a loop around the updates of variables";
  }
  // Others than those that an optimizer names are run by their own names where
  // nothing waits for them.
  for (int node : inner) {
    bool isWanted = nodes.uses(node).empty() && updates(node);
    for (const std::string &text : wanted)
      isWanted |= text.substr(0, text.rfind(':')) == nodes[node].name();
    if (isWanted &&
        std::find(trainOps.begin(), trainOps.end(), node) == trainOps.end())
      trainOps.push_back(node);
  }
  return findReads(wanted);
}
