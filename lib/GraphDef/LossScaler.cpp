//===- LossScaler.cpp - Loss scaling of one loss ----------------------- -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// What MixedPrecisionLossScaleOptimizer and DynamicLossScale of TensorFlow 1
// build, on a graph that is built already.
//===----------------------------------------------------------------------===//

#include "LossScaler.h"

#include <algorithm>
#include <map>

using namespace amp;
using namespace amp::graphdef;
namespace pb = amp::tensorflow;

static bool startsWith(std::string_view text, std::string_view with) {
  return text.substr(0, with.size()) == with;
}

static std::string_view lastPart(std::string_view name) {
  return name.substr(name.rfind('/') + 1);
}

bool Scaler::hasUpdates() {
  std::vector<BackwardPart> updating;
  for (const BackwardPart &candidate : parts) {
    TrainingStep trial(nodes, candidate, updatingFunctions);
    if (trial.findGradients() || trial.hasUpdates())
      updating.push_back(candidate);
  }
  parts = std::move(updating);
  return !parts.empty();
}

Problem Scaler::prepare(const std::string &lossName) {
  auto isOf = [&](const BackwardPart &candidate) {
    if (lossName.empty())
      return false;
    if (!candidate.loss.empty())
      return candidate.loss == lossName;
    return candidate.near.empty() ? lossName.find('/') == lossName.npos
                                  : startsWith(lossName, candidate.near + "/");
  };
  std::vector<const BackwardPart *> fitting;
  for (const BackwardPart &candidate : parts)
    if (parts.size() == 1 || isOf(candidate))
      fitting.push_back(&candidate);
  if (fitting.size() != 1) {
    std::string text = where() + " computes gradients of several losses: name "
                                 "one with --loss:";
    for (const BackwardPart &candidate : parts)
      text += " '" + candidate.near + "' (" +
              (function ? nodes[candidate.seeds[0]].name() : candidate.scope) +
              ")";
    return text;
  }
  part = *fitting[0];
  isLossGiven = !lossName.empty();
  loss = isLossGiven ? lossName : part.loss;
  for (int seed : part.seeds)
    if (nodes.portType({seed, 0}) != kFloat)
      return "'" + nodes[seed].name() + "' is not float32";
  step.emplace(nodes, part, updatingFunctions);
  Problem problem = step->findGradients();
  if (!problem && step->gradients.empty())
    problem = "no gradient leaves '" + part.scope + "'";
  if (!problem && !settings.isFixed)
    problem = step->findUpdates(wanted);
  if (!problem)
    problem = checkWanted();
  if (problem && function)
    *problem = where() + ": " + *problem;
  return problem;
}

/// A gradient that somebody takes by its name gets a node of that name.
Problem Scaler::checkWanted() {
  for (const std::string &text : wanted) {
    size_t colon = text.rfind(':');
    int node = nodes.find(text.substr(0, colon));
    if (node < 0 || !step->carriers.count(node) ||
        std::find(wantedGradients.begin(), wantedGradients.end(), node) !=
            wantedGradients.end())
      continue;
    if (nodes.portType({node, 0}) != kFloat || nodes.portType({node, 1}) != 0)
      return "'" + text + "' is fetched, and '" + nodes[node].name() + "' (" +
             nodes[node].op() + ") carries the loss scale";
    wantedGradients.push_back(node);
  }
  return std::nullopt;
}

std::string Scaler::readScale() {
  if (!settings.isFixed) {
    GraphNodes::Inputs inputs = {scaleVariable};
    inputs.insert(inputs.end(), ready.begin(), ready.end());
    return nodes.add("loss_scale/ReadVariableOp", "ReadVariableOp", inputs,
                     {{"dtype", kFloat}});
  }
  if (constantScale.empty())
    constantScale = nodes.addFloat("loss_scale/Const", settings.scale);
  return constantScale;
}

void Scaler::scaleSeeds() {
  std::string scale = readScale();
  // The gradient of loss * scale; the product itself is there to be looked at.
  if (int at = nodes.find(loss); at >= 0 && nodes.portType({at, 0}) == kFloat)
    nodes.add("loss_scale/mul", "Mul", {loss, scale}, {{"T", kFloat}});
  for (int seed : part.seeds) {
    std::vector<GraphNodes::Use> uses = nodes.uses(seed);
    std::string scaled = nodes.add(part.scope + "loss_scale_grad/Mul", "Mul",
                                   {nodes[seed].name(), scale}, {{"T", kFloat}},
                                   nodes[seed].device());
    for (const GraphNodes::Use &use : uses)
      if (!use.isControl)
        nodes.setInput(use, scaled);
  }
}

void Scaler::unscaleGradients() {
  std::string one = nodes.addFloat("loss_scale/truediv/x", 1);
  std::string reciprocal = nodes.add("loss_scale/truediv", "RealDiv",
                                     {one, readScale()}, {{"T", kFloat}});
  unscaleWanted(reciprocal);
  for (const GraphNodes::Port &gradient : step->gradients) {
    std::vector<GraphNodes::Use> uses = nodes.uses(gradient.node);
    std::string mul = nodes.add("loss_scale/unscale/mul", "Mul",
                                {nodes.text(gradient), reciprocal},
                                {{"T", kFloat}}, nodes[gradient.node].device());
    for (const GraphNodes::Use &use : uses)
      if (!use.isControl && use.port == gradient.port &&
          !part.holds(nodes[use.node].name()))
        nodes.setInput(use, mul);
    unscaled.push_back(mul);
  }
}

void Scaler::unscaleWanted(const std::string &reciprocal) {
  for (int node : wantedGradients) {
    std::string name = nodes[node].name(), device = nodes[node].device();
    std::string scaled = nodes.rename(node, name + "-scaled");
    for (const GraphNodes::Use &use : nodes.uses(node))
      nodes.setInput(use, (use.isControl ? "^" : "") + scaled);
    nodes.addNamed(name, "Mul", {scaled, reciprocal}, {{"T", kFloat}}, device);
  }
}

std::string Scaler::checkFinite() {
  std::string start = nodes.addInt32("loss_scale/range/start", 0);
  std::string delta = nodes.addInt32("loss_scale/range/delta", 1);
  std::vector<std::string> flags;
  for (const std::string &gradient : unscaled) {
    std::string finite = nodes.add("loss_scale/IsFinite", "IsFinite",
                                   {gradient}, {{"T", kFloat}});
    std::string rank =
        nodes.add("loss_scale/Rank", "Rank", {finite}, {{"T", kBool}});
    std::string range = nodes.add("loss_scale/range", "Range",
                                  {start, rank, delta}, {{"Tidx", kInt32}});
    flags.push_back(nodes.add("loss_scale/All", "All", {finite, range},
                              {{"Tidx", kInt32}}));
  }
  std::string packed =
      nodes.add("loss_scale/all/input", "Pack", flags, {{"T", kBool}});
  nodes.setInt(packed, "N", flags.size());
  nodes.setInt(packed, "axis", 0);
  std::string axis = nodes.addInt32("loss_scale/all/axis", 0);
  return nodes.add("loss_scale/all", "All", {packed, axis}, {{"Tidx", kInt32}});
}

/// As many good steps as it takes: the larger scale, unless it is infinite.
void Scaler::growScale(const std::string &at, Conditional &finite,
                       const std::string &good) {
  Conditional enough(nodes, at, good);
  std::string current =
      enough.onTrue(finite.onTrue(scaleVariable, kResource), kResource);
  std::string read = nodes.add(at + "ReadVariableOp", "ReadVariableOp",
                               {current}, {{"dtype", kFloat}});
  std::string factor =
      nodes.addFloat(at + "mul/y", settings.growth, {"^" + enough.pivotTrue});
  std::string grown =
      nodes.add(at + "mul", "Mul", {read, factor}, {{"T", kFloat}});
  std::string isFinite =
      nodes.add(at + "IsFinite", "IsFinite", {grown}, {{"T", kFloat}});
  Conditional fits(nodes, at + "cond/", isFinite);
  std::string assign =
      nodes.add(at + "cond/AssignVariableOp", "AssignVariableOp",
                {fits.onTrue(current, kResource), fits.onTrue(grown, kFloat)},
                {{"dtype", kFloat}});
  std::string nothing =
      nodes.add(at + "cond/NoOp", "NoOp", {"^" + fits.pivotFalse}, {});
  std::string assigned = fits.merge({"^" + assign}, {"^" + nothing});
  std::string zero = nodes.addInt64(at + "Const", 0, {"^" + enough.pivotTrue});
  std::string steps = finite.onTrue(stepsVariable, kResource);
  std::string reset =
      nodes.add(at + "AssignVariableOp", "AssignVariableOp",
                {enough.onTrue(steps, kResource), zero}, {{"dtype", kInt64}});
  std::string one = nodes.addInt64(at + "Const", 1, {"^" + enough.pivotFalse});
  std::string count =
      nodes.add(at + "AssignAddVariableOp", "AssignAddVariableOp",
                {enough.onFalse(steps, kResource), one}, {{"dtype", kInt64}});
  finite.waitOnTrue =
      enough.merge({"^" + reset, "^" + assigned}, {"^" + count});
}

/// DynamicLossScale.update, as `cond` of TensorFlow 1 writes it.
std::string Scaler::updateScale(const std::string &finite) {
  const std::string at = "loss_scale/cond/";
  Conditional good(nodes, at, finite);
  std::string steps =
      nodes.add(at + "ReadVariableOp", "ReadVariableOp",
                {good.onTrue(stepsVariable, kResource)}, {{"dtype", kInt64}});
  std::string one = nodes.addInt64(at + "add/y", 1, {"^" + good.pivotTrue});
  std::string next =
      nodes.add(at + "add", "AddV2", {steps, one}, {{"T", kInt64}});
  std::string period = nodes.addInt64(
      at + "GreaterEqual/y", settings.growthSteps, {"^" + good.pivotTrue});
  std::string isEnough = nodes.add(at + "GreaterEqual", "GreaterEqual",
                                   {next, period}, {{"T", kInt64}});
  growScale(at + "cond/", good, isEnough);

  std::string current = good.onFalse(scaleVariable, kResource);
  std::string read = nodes.add(at + "ReadVariableOp", "ReadVariableOp",
                               {current}, {{"dtype", kFloat}});
  // TensorFlow divides by the factor by which it multiplies.
  bool divides = settings.growth * settings.backoff == 1;
  std::string factor = nodes.addFloat(
      at + (divides ? "truediv/y" : "mul/y"),
      divides ? settings.growth : settings.backoff, {"^" + good.pivotFalse});
  std::string smaller =
      nodes.add(at + (divides ? "truediv" : "mul"), divides ? "RealDiv" : "Mul",
                {read, factor}, {{"T", kFloat}});
  std::string floor =
      nodes.addFloat(at + "Maximum/y", settings.min, {"^" + good.pivotFalse});
  std::string bounded =
      nodes.add(at + "Maximum", "Maximum", {smaller, floor}, {{"T", kFloat}});
  std::string assign = nodes.add(at + "AssignVariableOp", "AssignVariableOp",
                                 {current, bounded}, {{"dtype", kFloat}});
  std::string zero = nodes.addInt64(at + "Const", 0, {"^" + good.pivotFalse});
  std::string reset = nodes.add(at + "AssignVariableOp", "AssignVariableOp",
                                {good.onFalse(stepsVariable, kResource), zero},
                                {{"dtype", kInt64}});
  return good.merge({"^" + good.waitOnTrue}, {"^" + reset, "^" + assign});
}

/// What a value of the step becomes: the variable's, read behind the step.
std::string Scaler::addRead(const std::string &name,
                            const GraphNodes::Port &port,
                            const GraphNodes::Port &variable,
                            const std::string &end, bool exactly) {
  bool isReference = nodes.isReference(port);
  const char *op = isReference ? "Identity" : "ReadVariableOp";
  GraphNodes::Inputs inputs = {nodes.text(variable), end};
  GraphNodes::Types types = {
      {isReference ? "T" : "dtype", nodes.portType(port)}};
  std::string device = nodes[port.node].device();
  if (!exactly)
    return nodes.add(name, op, inputs, types, device);
  nodes.addNamed(name, op, inputs, types, device);
  return name;
}

/// The step's nodes run only where all gradients are finite. What waited for
/// them waits for the end of the conditional, whichever way it went, and so
/// does a node of the name of each that was run by its name.
void Scaler::applyConditionally(const std::string &finite,
                                const std::string &update) {
  const std::string at = "loss_scale/cond_1/";
  const std::set<int> &inner = step->inner;
  Conditional apply(nodes, at, finite);
  std::vector<std::pair<GraphNodes::Use, int>> outside;
  std::vector<int> last;
  for (int node : inner) {
    bool isLast = true;
    for (const GraphNodes::Use &use : nodes.uses(node)) {
      if (inner.count(use.node))
        isLast = false;
      else
        outside.push_back({use, node});
    }
    bool depends = nodes.feedConditionally(node, inner, apply);
    if (!depends)
      nodes.addInput(node, "^" + apply.pivotTrue);
    if (isLast)
      last.push_back(node);
  }
  std::map<int, std::string> names;
  if (!function)
    for (int trainOp : step->trainOps) {
      names[trainOp] = nodes[trainOp].name();
      std::string to = nodes.rename(trainOp, names[trainOp] + "-wrapped");
      for (const GraphNodes::Use &use : nodes.uses(trainOp))
        if (inner.count(use.node))
          nodes.setInput(use, (use.isControl ? "^" : "") + to);
    }
  GraphNodes::Inputs ends;
  for (int node : last)
    ends.push_back("^" + nodes[node].name());
  std::string nothing =
      nodes.add(at + "NoOp", "NoOp", {"^" + apply.pivotFalse}, {});
  std::string end = "^" + apply.merge(ends, {"^" + nothing});
  // Where no one op stands for all of the step, whatever waits for a part of it
  // waits for the scale too.
  if (!step->isNamed)
    end = "^" + nodes.add("loss_scale/end", "NoOp", {"^" + update, end}, {});
  std::map<GraphNodes::Port, std::string> reads;
  for (const auto &[port, variable] : step->reads)
    if (!names.count(port.node))
      reads[port] = addRead(nodes[port.node].name() + "/value", port, variable,
                            end, /*exactly=*/false);
  bool isWaitedFor = false;
  for (const auto &[use, node] : outside) {
    if (!use.isControl) {
      if (auto it = reads.find({node, use.port}); it != reads.end())
        nodes.setInput(use, it->second);
    } else if (!names.count(node)) {
      nodes.setInput(use, end);
      isWaitedFor |= nodes[use.node].op() == FunctionGraph::kControlResult;
    }
  }
  for (const auto &[node, name] : names) {
    auto read = std::find_if(
        step->reads.begin(), step->reads.end(),
        [wanted = node](const auto &entry) { return entry.first.node == wanted; });
    if (read == step->reads.end()) {
      nodes.addNamed(name, "NoOp", {"^" + update, end}, {});
      continue;
    }
    addRead(name, read->first, read->second, end, /*exactly=*/true);
    nodes.addInput(nodes.find(name), "^" + update);
  }
  if (function && !isWaitedFor)
    function->addControlResult(end.substr(1));
}

/// Variables of the graph, which whoever initializes all variables initializes.
void Scaler::addStateOfGraph(TrainingScaleResult &result) {
  auto add = [&](const std::string &name, DataType type,
                 const std::string &initial) {
    nodes.addHandle(name, name, type);
    result.initializers.push_back(nodes.add(name + "/Assign",
                                            "AssignVariableOp", {name, initial},
                                            {{"dtype", type}}));
  };
  add(scaleVariable, kFloat,
      nodes.addFloat(scaleVariable + "/Initializer/initial_value",
                     settings.scale));
  add(stepsVariable, kInt64,
      nodes.addInt64(stepsVariable + "/Initializer/initial_value", 0, {}));
  for (int i = 0; i < nodes.size(); ++i) {
    const pb::NodeDef &node = nodes[i];
    auto assigns = [](const std::string &input) {
      return startsWith(input, "^") && lastPart(input) == "Assign";
    };
    if (node.op() != "NoOp" || node.input().empty() ||
        !std::all_of(node.input().begin(), node.input().end(), assigns))
      continue;
    for (const std::string &initializer : result.initializers)
      nodes.addInput(i, "^" + initializer);
    result.initializedBy.push_back(node.name());
  }
}

/// Variables of the process, which the first step initializes: whoever calls
/// the function knows nothing of them.
void Scaler::addStateOfFunction() {
  const std::string at = "loss_scale/init/";
  auto add = [&](std::string_view name, DataType type) {
    std::string free = nodes.freeName(std::string(name));
    nodes.addHandle(free, state + std::string(name), type);
    return free;
  };
  scaleVariable = add(kScaleVariable, kFloat);
  stepsVariable = add(kStepsVariable, kInt64);
  std::string isThere = nodes.add("loss_scale/VarIsInitializedOp",
                                  "VarIsInitializedOp", {scaleVariable}, {});
  Conditional initialized(nodes, at, isThere);
  std::string waits = "^" + initialized.pivotFalse;
  std::string zero = nodes.addInt64(at + "good_steps", 0, {waits});
  std::string steps =
      nodes.add(at + "AssignVariableOp", "AssignVariableOp",
                {initialized.onFalse(stepsVariable, kResource), zero},
                {{"dtype", kInt64}});
  std::string first =
      nodes.addFloat(at + "initial_value", settings.scale, {waits});
  std::string scale = nodes.add(
      at + "AssignVariableOp", "AssignVariableOp",
      {initialized.onFalse(scaleVariable, kResource), first, "^" + steps},
      {{"dtype", kFloat}});
  ready = {"^" + initialized.merge({}, {"^" + scale})};
}

void Scaler::note(TrainingScaleResult &result) const {
  size_t count = step->gradients.size();
  std::string text = function ? where() + ": " : "";
  text += loss.empty() ? "a loss" : "loss '" + loss + "'";
  if (!isLossGiven)
    text += ", found by its gradients in '" + part.scope + "'";
  text += ": " + std::to_string(count) +
          (count == 1 ? " gradient" : " gradients") + ", scaled by " +
          (settings.isFixed ? "a constant" : "a variable");
  result.notes.push_back(std::move(text));
}

void Scaler::apply(TrainingScaleResult &result) {
  note(result);
  if (!settings.isFixed) {
    if (function) {
      addStateOfFunction();
    } else {
      scaleVariable = std::string(kScaleVariable);
      stepsVariable = std::string(kStepsVariable);
    }
  }
  scaleSeeds();
  unscaleGradients();
  if (!settings.isFixed) {
    std::string finite = checkFinite();
    std::string update = updateScale(finite);
    applyConditionally(finite, update);
    if (!function)
      addStateOfGraph(result);
  }
  for (std::string &node : added)
    result.nodes.push_back({name, std::move(node)});
}
