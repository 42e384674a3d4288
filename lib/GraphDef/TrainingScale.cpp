//===- TrainingScale.cpp - Loss scaling in a training graph -------------- -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// TensorFlow's names tell the parts of a training graph: `gradients/…` is the
// backward part, whose seeds are `gradients/grad_ys_N`, and `NAME/update_…` is
// what an optimizer does. The graph is first understood, then changed.
//===----------------------------------------------------------------------===//

#include "amp/GraphDef/TrainingScale.h"

#include "GraphNodes.h"

#include <algorithm>
#include <map>
#include <set>

using namespace amp;
using namespace amp::graphdef;
namespace pb = amp::tensorflow;

static constexpr std::string_view kScaleVariable = "current_loss_scale";

static bool startsWith(std::string_view text, std::string_view with) {
  return text.substr(0, with.size()) == with;
}

static std::string_view lastPart(std::string_view name) {
  return name.substr(name.rfind('/') + 1);
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
  std::string_view folder = lastPart(scope.substr(0, scope.size() - 1));
  bool isGradients = startsWith(folder, "gradients") &&
                     (folder.size() == 9 || folder[9] == '_');
  return isGradients ? scope : std::string_view();
}

static bool isScaleVariable(const pb::NodeDef &node) {
  return lastPart(node.name()) == kScaleVariable &&
         (node.op() == "VarHandleOp" || node.op() == "VariableV2" ||
          node.op() == "Variable");
}

/// Writes to a variable.
static bool isUpdate(const pb::NodeDef &node) {
  const std::string &op = node.op();
  if (op.find("Apply") == op.npos && op.find("Assign") == op.npos &&
      op.find("Scatter") == op.npos)
    return false;
  const OpSpec *spec = findOp(op);
  if (!spec)
    return false;
  return spec->isStateful ||
         std::any_of(spec->inputs.begin(), spec->inputs.end(),
                     [](const ArgSpec &arg) { return arg.isRef; });
}

bool amp::graphdef::lacksTrainingScale(const pb::GraphDef &graph) {
  bool hasSeed = false;
  for (const pb::NodeDef &node : graph.node()) {
    if (isScaleVariable(node))
      return false;
    hasSeed |= !gradientScope(node.name()).empty();
  }
  return hasSeed;
}

namespace {

class Scaler {
public:
  Scaler(pb::GraphDef &graph, const TrainingScale &settings,
         TrainingScaleResult &result)
      : nodes(graph, result.nodes), settings(settings), result(result) {}

  std::optional<std::string> run();

private:
  using Problem = std::optional<std::string>;

  Problem findSeeds();
  Problem findGradients();
  Problem findUpdates();
  Problem checkUses();
  std::string lossOf(const std::string &scope) const;

  std::string readScale();
  void scaleSeeds();
  void unscaleGradients();
  std::string checkFinite();
  std::string updateScale(const std::string &finite);
  void growScale(const std::string &scope, Conditional &finite,
                 const std::string &steps, const std::string &good);
  void applyConditionally(const std::string &finite, const std::string &update);
  void addVariables();

  GraphNodes nodes;
  const TrainingScale &settings;
  TrainingScaleResult &result;

  std::string scope, loss;
  std::vector<int> seeds;
  /// Outputs of the backward part that something outside reads.
  std::vector<GraphNodes::Port> gradients;
  std::vector<std::string> unscaled;
  /// Nodes of the inner update, and the nodes that stand for all of it.
  std::set<int> inner;
  std::vector<int> trainOps;
  std::string constantScale;
};

} // namespace

std::string Scaler::lossOf(const std::string &of) const {
  for (int i = 0; i < nodes.size(); ++i) {
    if (gradientScope(nodes[i].name()) != of)
      continue;
    for (const GraphNodes::Use &use : nodes.uses(i)) {
      std::string_view name = nodes[use.node].name();
      if (!startsWith(name, of))
        continue;
      name.remove_prefix(of.size());
      size_t end = name.find("_grad/");
      if (end != name.npos && nodes.find(std::string(name.substr(0, end))) >= 0)
        return std::string(name.substr(0, end));
    }
  }
  return {};
}

Scaler::Problem Scaler::findSeeds() {
  std::set<std::string> scopes;
  for (int i = 0; i < nodes.size(); ++i)
    if (std::string_view of = gradientScope(nodes[i].name()); !of.empty())
      scopes.insert(std::string(of));
  if (!settings.loss.empty() && nodes.find(settings.loss) < 0)
    return "--loss: no node '" + settings.loss + "'";
  if (scopes.empty())
    return "no gradients to scale: no node 'gradients/grad_ys_0' starts any";
  std::vector<std::string> fitting;
  for (const std::string &of : scopes)
    if (scopes.size() == 1 || lossOf(of) == settings.loss)
      fitting.push_back(of);
  if (fitting.size() != 1) {
    std::string text = "the graph computes gradients of several losses: name "
                       "one with --loss:";
    for (const std::string &of : scopes)
      text += " '" + lossOf(of) + "' (" + of + ")";
    return text;
  }
  scope = fitting[0];
  loss = settings.loss.empty() ? lossOf(scope) : settings.loss;
  for (int i = 0; i < nodes.size(); ++i)
    if (gradientScope(nodes[i].name()) == scope)
      seeds.push_back(i);
  for (int seed : seeds)
    if (nodes.portType({seed, 0}) != kFloat)
      return "'" + nodes[seed].name() + "' is not float32";
  return std::nullopt;
}

/// What leaves the backward part and depends on its seed.
Scaler::Problem Scaler::findGradients() {
  std::vector<int> stack = seeds;
  std::set<int> reached(seeds.begin(), seeds.end());
  std::set<GraphNodes::Port> found;
  while (!stack.empty()) {
    int node = stack.back();
    stack.pop_back();
    for (const GraphNodes::Use &use : nodes.uses(node)) {
      if (use.isControl)
        continue;
      if (startsWith(nodes[use.node].name(), scope)) {
        if (reached.insert(use.node).second)
          stack.push_back(use.node);
        continue;
      }
      DataType type = nodes.portType({node, use.port});
      if (type == kFloat)
        found.insert({node, use.port});
      else if (type == kHalf || type == kBFloat16 || type == 2)
        return "gradient '" + nodes[node].name() + "' is " +
               std::string(typeName(type)) +
               ": TensorFlow's loss scale takes float32 ones";
    }
  }
  gradients.assign(found.begin(), found.end());
  if (gradients.empty())
    return "no gradient leaves '" + scope + "'";
  return std::nullopt;
}

/// The ops behind the gradients that write to variables, and what belongs to
/// the same optimizers and waits for them.
Scaler::Problem Scaler::findUpdates() {
  std::vector<int> stack;
  std::set<int> reached;
  auto follow = [&](int node, int port) {
    for (const GraphNodes::Use &use : nodes.uses(node))
      if (!use.isControl && (port < 0 || use.port == port) &&
          !startsWith(nodes[use.node].name(), scope) &&
          reached.insert(use.node).second)
        stack.push_back(use.node);
  };
  for (const GraphNodes::Port &gradient : gradients)
    follow(gradient.node, gradient.port);
  std::set<std::string> names;
  while (!stack.empty()) {
    int node = stack.back();
    stack.pop_back();
    if (isUpdate(nodes[node])) {
      const std::string &name = nodes[node].name();
      size_t end = name.rfind("/update_");
      if (end == name.npos)
        return "'" + name + "' (" + nodes[node].op() +
               ") takes a gradient and is no 'NAME/update_…' of an optimizer";
      names.insert(name.substr(0, end));
      continue;
    }
    follow(node, -1);
  }
  if (names.empty())
    return "no optimizer takes the gradients of '" + scope + "'";
  for (const std::string &name : names) {
    int trainOp = nodes.find(name);
    if (trainOp < 0)
      return "the updates of '" + name + "' have no node of that name that "
                                         "stands for all of them";
    trainOps.push_back(trainOp);
    auto isInside = [&](int node) {
      return node == trainOp || startsWith(nodes[node].name(), name + "/");
    };
    for (int i = 0; i < nodes.size(); ++i)
      if (isInside(i) && isUpdate(nodes[i]))
        stack.push_back(i);
    stack.push_back(trainOp);
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
  return std::nullopt;
}

/// A value of a step that may not happen must not be read.
Scaler::Problem Scaler::checkUses() {
  for (int node : inner)
    for (const GraphNodes::Use &use : nodes.uses(node))
      if (!use.isControl && !inner.count(use.node))
        return "'" + nodes[use.node].name() + "' reads the value of '" +
               nodes[node].name() +
               "', which a skipped step does not have";
  return std::nullopt;
}

std::string Scaler::readScale() {
  if (!settings.isFixed)
    return nodes.add("loss_scale/ReadVariableOp", "ReadVariableOp",
                     {std::string(kScaleVariable)}, {{"dtype", kFloat}});
  if (constantScale.empty())
    constantScale = nodes.addFloat("loss_scale/Const", settings.scale);
  return constantScale;
}

void Scaler::scaleSeeds() {
  std::string scale = readScale();
  // The gradient of loss * scale; the product itself is there to be looked at.
  if (int at = nodes.find(loss); at >= 0 && nodes.portType({at, 0}) == kFloat)
    nodes.add("loss_scale/mul", "Mul", {loss, scale}, {{"T", kFloat}});
  for (int seed : seeds) {
    std::vector<GraphNodes::Use> uses = nodes.uses(seed);
    std::string scaled = nodes.add(scope + "loss_scale_grad/Mul", "Mul",
                                   {nodes[seed].name(), scale},
                                   {{"T", kFloat}}, nodes[seed].device());
    for (const GraphNodes::Use &use : uses)
      if (!use.isControl)
        nodes.setInput(use, scaled);
  }
}

void Scaler::unscaleGradients() {
  std::string one = nodes.addFloat("loss_scale/truediv/x", 1);
  std::string reciprocal =
      nodes.add("loss_scale/truediv", "RealDiv", {one, readScale()},
                {{"T", kFloat}});
  for (const GraphNodes::Port &gradient : gradients) {
    std::vector<GraphNodes::Use> uses = nodes.uses(gradient.node);
    std::string mul = nodes.add("loss_scale/unscale/mul", "Mul",
                                {nodes.text(gradient), reciprocal},
                                {{"T", kFloat}}, nodes[gradient.node].device());
    for (const GraphNodes::Use &use : uses)
      if (!use.isControl && use.port == gradient.port &&
          !startsWith(nodes[use.node].name(), scope))
        nodes.setInput(use, mul);
    unscaled.push_back(mul);
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
                       const std::string &scale, const std::string &good) {
  Conditional enough(nodes, at, good);
  std::string current = enough.onTrue(finite.onTrue(scale, kResource), kResource);
  std::string read = nodes.add(at + "ReadVariableOp", "ReadVariableOp",
                               {current}, {{"dtype", kFloat}});
  std::string factor =
      nodes.addFloat(at + "mul/y", settings.growth, {"^" + enough.pivotTrue});
  std::string grown =
      nodes.add(at + "mul", "Mul", {read, factor}, {{"T", kFloat}});
  std::string isFinite =
      nodes.add(at + "IsFinite", "IsFinite", {grown}, {{"T", kFloat}});
  Conditional fits(nodes, at + "cond/", isFinite);
  std::string assign = nodes.add(
      at + "cond/AssignVariableOp", "AssignVariableOp",
      {fits.onTrue(current, kResource), fits.onTrue(grown, kFloat)},
      {{"dtype", kFloat}});
  std::string nothing =
      nodes.add(at + "cond/NoOp", "NoOp", {"^" + fits.pivotFalse}, {});
  std::string assigned = fits.merge({"^" + assign}, {"^" + nothing});
  std::string zero = nodes.addInt64(at + "Const", 0, {"^" + enough.pivotTrue});
  std::string steps = finite.onTrue("good_steps", kResource);
  std::string reset = nodes.add(at + "AssignVariableOp", "AssignVariableOp",
                                {enough.onTrue(steps, kResource), zero},
                                {{"dtype", kInt64}});
  std::string one = nodes.addInt64(at + "Const", 1, {"^" + enough.pivotFalse});
  std::string count =
      nodes.add(at + "AssignAddVariableOp", "AssignAddVariableOp",
                {enough.onFalse(steps, kResource), one}, {{"dtype", kInt64}});
  finite.waitOnTrue = enough.merge({"^" + reset, "^" + assigned}, {"^" + count});
}

/// DynamicLossScale.update, as `cond` of TensorFlow 1 writes it.
std::string Scaler::updateScale(const std::string &finite) {
  const std::string at = "loss_scale/cond/", scale(kScaleVariable);
  Conditional good(nodes, at, finite);
  std::string steps = nodes.add(at + "ReadVariableOp", "ReadVariableOp",
                                {good.onTrue("good_steps", kResource)},
                                {{"dtype", kInt64}});
  std::string one = nodes.addInt64(at + "add/y", 1, {"^" + good.pivotTrue});
  std::string next =
      nodes.add(at + "add", "AddV2", {steps, one}, {{"T", kInt64}});
  std::string period = nodes.addInt64(at + "GreaterEqual/y",
                                      settings.growthSteps,
                                      {"^" + good.pivotTrue});
  std::string isEnough = nodes.add(at + "GreaterEqual", "GreaterEqual",
                                   {next, period}, {{"T", kInt64}});
  growScale(at + "cond/", good, scale, isEnough);

  std::string current = good.onFalse(scale, kResource);
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
  std::string bounded = nodes.add(at + "Maximum", "Maximum", {smaller, floor},
                                  {{"T", kFloat}});
  std::string assign = nodes.add(at + "AssignVariableOp", "AssignVariableOp",
                                 {current, bounded}, {{"dtype", kFloat}});
  std::string zero = nodes.addInt64(at + "Const", 0, {"^" + good.pivotFalse});
  std::string reset = nodes.add(at + "AssignVariableOp", "AssignVariableOp",
                                {good.onFalse("good_steps", kResource), zero},
                                {{"dtype", kInt64}});
  return good.merge({"^" + good.waitOnTrue}, {"^" + reset, "^" + assign});
}

/// The optimizer's nodes run only where all gradients are finite; a node of
/// its name waits for both conditionals.
void Scaler::applyConditionally(const std::string &finite,
                                const std::string &update) {
  const std::string at = "loss_scale/cond_1/";
  Conditional apply(nodes, at, finite);
  // Others wait for the end of the conditional, whichever way it went.
  std::vector<std::pair<GraphNodes::Use, int>> outside;
  std::vector<std::string> ends;
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
      ends.push_back("^" + nodes[node].name());
  }
  std::map<std::string, std::string> renamed;
  for (int trainOp : trainOps) {
    std::string name = nodes[trainOp].name();
    renamed["^" + name] = "^" + nodes.rename(trainOp, name + "-wrapped");
  }
  for (std::string &end : ends)
    if (auto it = renamed.find(end); it != renamed.end())
      end = it->second;
  std::string nothing =
      nodes.add(at + "NoOp", "NoOp", {"^" + apply.pivotFalse}, {});
  std::string merged = apply.merge(ends, {"^" + nothing});
  for (const auto &[use, node] : outside)
    if (std::find(trainOps.begin(), trainOps.end(), node) == trainOps.end())
      nodes.setInput(use, "^" + merged);
  for (const auto &[from, to] : renamed)
    nodes.addNamed(from.substr(1), "NoOp", {"^" + update, "^" + merged}, {});
}

void Scaler::addVariables() {
  std::string scale = nodes.addVariable(
      std::string(kScaleVariable), kFloat,
      nodes.addFloat("current_loss_scale/Initializer/initial_value",
                     settings.scale));
  std::string steps = nodes.addVariable(
      "good_steps", kInt64,
      nodes.addInt64("good_steps/Initializer/initial_value", 0, {}));
  // Whoever initializes all variables initializes these.
  std::string at;
  for (int i = 0; i < nodes.size(); ++i) {
    const pb::NodeDef &node = nodes[i];
    auto assigns = [](const std::string &input) {
      return startsWith(input, "^") && lastPart(input) == "Assign";
    };
    if (node.op() != "NoOp" || node.input().empty() ||
        !std::all_of(node.input().begin(), node.input().end(), assigns))
      continue;
    nodes.addInput(i, "^" + scale);
    nodes.addInput(i, "^" + steps);
    at += (at.empty() ? "'" : ", '") + node.name() + "'";
  }
  result.notes.push_back(
      at.empty() ? "run '" + scale + "' and '" + steps +
                       "' before the first step: no node initializes all "
                       "variables"
                 : "the loss scale is initialized by " + at);
}

std::optional<std::string> Scaler::run() {
  for (int i = 0; i < nodes.size(); ++i)
    if (isScaleVariable(nodes[i])) {
      result.notes.push_back("the graph has a loss scale already, '" +
                             nodes[i].name() + "': nothing is added");
      return std::nullopt;
    }
  for (const char *name : {"current_loss_scale", "good_steps"})
    if (nodes.find(name) >= 0)
      return std::string("the graph has a node '") + name +
             "' that is no loss scale of TensorFlow's";
  if (Problem problem = findSeeds())
    return problem;
  if (Problem problem = findGradients())
    return problem;
  if (!settings.isFixed) {
    if (Problem problem = findUpdates())
      return problem;
    if (Problem problem = checkUses())
      return problem;
  }
  result.notes.push_back(
      "loss '" + loss + "'" +
      (settings.loss.empty() ? ", found by its gradients in '" + scope + "'"
                             : "") +
      ": " + std::to_string(gradients.size()) +
      (gradients.size() == 1 ? " gradient" : " gradients") +
      ", scaled by " + (settings.isFixed ? "a constant" : "a variable"));
  scaleSeeds();
  unscaleGradients();
  if (settings.isFixed)
    return std::nullopt;
  std::string finite = checkFinite();
  std::string update = updateScale(finite);
  applyConditionally(finite, update);
  addVariables();
  return std::nullopt;
}

std::optional<std::string>
amp::graphdef::addTrainingScale(pb::GraphDef &graph,
                                const TrainingScale &settings,
                                TrainingScaleResult &result) {
  return Scaler(graph, settings, result).run();
}
