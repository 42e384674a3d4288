//===- Gradients.cpp - Reverse-mode differentiation -----------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The pass amp-gradients. Marks what depends on a trained variable, walks back
// from the loss over it, and asks each op's rule for the gradients of its
// operands. Linear in the function; no recursion.
//===----------------------------------------------------------------------===//

#include "Training.h"

#include "amp/Dialect/Graph/IR/GraphDialect.h"
#include "amp/Dialect/Graph/Transforms/DifferentiableOpInterface.h"
#include "amp/Dialect/Graph/Transforms/Passes.h"
#include "amp/Interfaces/PrecisionInterfaces.h"
#include "amp/OpSet/OpSet.h"

namespace amp::graph {
#define GEN_PASS_DEF_GRADIENTS
#include "amp/Dialect/Graph/Transforms/Passes.h.inc"
} // namespace amp::graph

using namespace mlir;
using namespace amp;
using namespace amp::graph;

/// What a graph file calls the op.
static StringRef fileOpName(Operation *op) {
  auto interface = dyn_cast<PrecisionOpInterface>(op);
  return interface ? interface.getPolicyName() : op->getName().stripDialect();
}

namespace {

/// The ops of a block so that each stands after those it reads from; block
/// order where it does that already. Fails at an op of a cycle.
LogicalResult sortTopologically(Block &block,
                                SmallVectorImpl<Operation *> &order) {
  enum State : uint8_t { New, Open, Done };
  llvm::DenseMap<Operation *, State> states;
  // An op and the operand to look at next.
  SmallVector<std::pair<Operation *, unsigned>> stack;
  for (Operation &root : block) {
    if (states.lookup(&root) == Done)
      continue;
    states[&root] = Open;
    stack.push_back({&root, 0});
    while (!stack.empty()) {
      auto &[op, next] = stack.back();
      if (next == op->getNumOperands()) {
        states[op] = Done;
        order.push_back(op);
        stack.pop_back();
        continue;
      }
      Operation *source = op->getOperand(next++).getDefiningOp();
      if (!source || source->getBlock() != &block)
        continue;
      State &state = states[source];
      if (state == Open)
        return source->emitError("this node depends on itself, so it has no "
                                 "gradient");
      if (state == New) {
        state = Open;
        stack.push_back({source, 0});
      }
    }
  }
  return success();
}

/// Whether a gradient may flow through the results of `op` at all. Ops that
/// the table does not know may be anything, so they do not stop it.
bool letsGradientsPass(Operation *op) {
  const OpDef *def = findOp(op->getName().stripDialect());
  return !def || def->differentiable != Differentiable::No;
}

bool isFloating(Value value) {
  return isa<FloatType>(getElementTypeOrSelf(value.getType()));
}

/// The backward part of one function.
class BackwardPart {
public:
  BackwardPart(FuncOp function, const TrainingSection &section,
               NameAllocator &names)
      : section(section), names(names), builder(function.getContext()),
        rules(builder, names), block(function.getBody().front()) {
    builder.setInsertionPoint(block.getTerminator());
  }

  FailureOr<VariableGradients> build();

private:
  void findDependents();
  void findPath();
  LogicalResult checkRules();
  LogicalResult seed();
  FailureOr<Value> sumOfUses(Value value);
  LogicalResult differentiate(Operation *op);

  const TrainingSection &section;
  NameAllocator &names;
  OpBuilder builder;
  GradientBuilder rules;
  Block &block;
  SmallVector<Operation *> order;
  /// Values that depend on a trained variable, and on which one first.
  llvm::DenseMap<Value, ReadOp> dependents;
  /// Ops between the variables and the loss.
  llvm::DenseSet<Operation *> path;
  /// Gradients that the uses of a value hand back.
  llvm::DenseMap<Value, SmallVector<Value, 1>> contributions;
};

} // namespace

void BackwardPart::findDependents() {
  for (ReadOp read : section.variables)
    dependents[read.getResult()] = read;
  for (Operation *op : order) {
    ReadOp source;
    for (Value operand : op->getOperands())
      if (!source)
        source = dependents.lookup(operand);
    if (!source || !letsGradientsPass(op))
      continue;
    for (Value result : op->getResults())
      if (::isFloating(result))
        dependents[result] = source;
  }
}

void BackwardPart::findPath() {
  llvm::DenseSet<Value> needed = {section.loss};
  for (Operation *op : llvm::reverse(order)) {
    bool isNeeded = llvm::any_of(op->getResults(), [&](Value result) {
      return needed.contains(result);
    });
    if (!isNeeded)
      continue;
    path.insert(op);
    for (Value operand : op->getOperands())
      if (dependents.contains(operand))
        needed.insert(operand);
  }
}

LogicalResult BackwardPart::checkRules() {
  bool complete = true;
  for (Operation *op : order) {
    if (!path.contains(op) || isa<ReadOp>(op) ||
        isa<DifferentiableOpInterface>(op))
      continue;
    ReadOp source;
    for (Value operand : op->getOperands())
      if (!source)
        source = dependents.lookup(operand);
    if (!source)
      continue;
    op->emitError("op '")
        << fileOpName(op)
        << "' has no gradient rule, but stands between the variable '"
        << source.getVariable() << "' and the loss";
    complete = false;
  }
  return success(complete);
}

LogicalResult BackwardPart::seed() {
  Operation *lossOp = section.loss.getDefiningOp();
  auto scalar = cast<RankedTensorType>(section.loss.getType());
  StringRef lossName = nodeName(lossOp);
  Operation *one = createNode(
      builder, lossOp->getLoc(), "constant",
      names.fresh((lossName + "/seed").str()), {},
      builder.getNamedAttr(
          "value", DenseElementsAttr::get(scalar, builder.getF32FloatAttr(1))),
      lossName);
  if (!one)
    return failure();
  one->setAttr(kLossGradientAttr, builder.getUnitAttr());
  contributions[section.loss].push_back(one->getResult(0));
  return success();
}

FailureOr<Value> BackwardPart::sumOfUses(Value value) {
  SmallVector<Value, 1> parts = std::move(contributions[value]);
  contributions.erase(value);
  if (parts.size() == 1)
    return parts.front();
  Operation *producer = value.getDefiningOp();
  std::string origin;
  if (auto read = dyn_cast<ReadOp>(producer))
    origin = read.getVariable().str();
  else
    origin = nodeName(producer).str();
  std::string name = origin;
  if (unsigned number = cast<OpResult>(value).getResultNumber())
    name += "/" + std::to_string(number);
  Operation *sum =
      createNode(builder, producer->getLoc(), "add_n",
                 names.fresh(name + "/grad_sum"), parts, {}, origin);
  if (!sum)
    return failure();
  return sum->getResult(0);
}

LogicalResult BackwardPart::differentiate(Operation *op) {
  SmallVector<Value, 2> results;
  bool any = false;
  for (Value result : op->getResults()) {
    if (!contributions.contains(result)) {
      results.push_back({});
      continue;
    }
    FailureOr<Value> sum = sumOfUses(result);
    if (failed(sum))
      return failure();
    results.push_back(*sum);
    any = true;
  }
  if (!any)
    return success();
  SmallVector<bool, 4> wanted;
  for (Value operand : op->getOperands())
    wanted.push_back(dependents.contains(operand));
  SmallVector<Value, 4> gradients(op->getNumOperands());
  rules.enter(op, wanted);
  if (failed(cast<DifferentiableOpInterface>(op).buildGradients(rules, results,
                                                                gradients)))
    return failure();
  for (auto [index, operand] : llvm::enumerate(op->getOperands())) {
    if (!wanted[index])
      continue;
    if (!gradients[index])
      return op->emitError("op '")
             << fileOpName(op) << "' has no gradient rule for operand '"
             << rules.operandName(index) << "', which depends on the variable '"
             << dependents.lookup(operand).getVariable() << "'";
    contributions[operand].push_back(gradients[index]);
  }
  return success();
}

FailureOr<VariableGradients> BackwardPart::build() {
  if (failed(sortTopologically(block, order)))
    return failure();
  findDependents();
  Operation *lossOp = section.loss.getDefiningOp();
  if (!dependents.contains(section.loss) || isa<ReadOp>(lossOp))
    return lossOp->emitError("the loss depends on no trained variable");
  findPath();
  if (failed(checkRules()) || failed(seed()))
    return failure();
  for (Operation *op : llvm::reverse(order))
    if (path.contains(op) && !isa<ReadOp>(op) && failed(differentiate(op)))
      return failure();

  VariableGradients gradients;
  for (ReadOp read : section.variables) {
    Value variable = read.getResult();
    if (contributions.contains(variable)) {
      FailureOr<Value> sum = sumOfUses(variable);
      if (failed(sum))
        return failure();
      gradients[variable] = *sum;
      continue;
    }
    if (section.variablesGiven)
      return read.emitError("the loss does not depend on the variable '")
             << read.getVariable() << "', which 'variables' names";
    read.emitWarning("no gradient reaches the variable '")
        << read.getVariable() << "': it is not trained";
  }
  return gradients;
}

FailureOr<VariableGradients>
graph::buildBackwardPart(FuncOp function, const TrainingSection &section,
                         NameAllocator &names) {
  return BackwardPart(function, section, names).build();
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

namespace {

LogicalResult expandTraining(FuncOp function, ModuleVariables &variables) {
  variables.enter(function);
  FailureOr<TrainingSection> section = readTraining(function, variables);
  if (failed(section))
    return failure();
  NameAllocator names(function);
  VariableGradients gradients = section->gradients;
  if (section->seed) {
    section->seed->setAttr(kLossGradientAttr,
                           UnitAttr::get(function.getContext()));
  } else {
    FailureOr<VariableGradients> built =
        buildBackwardPart(function, *section, names);
    if (failed(built))
      return failure();
    gradients = std::move(*built);
  }
  StepBuilder nodes(function, variables, names);
  Accumulation accumulation(nodes, section->accumulateSteps);
  if (failed(accumulation.begin()) ||
      failed(prepareGradients(nodes, *section, accumulation, gradients)) ||
      failed(buildMovingStatistics(nodes, accumulation)) ||
      failed(
          buildUpdates(nodes, *section, gradients, accumulation.getLast())) ||
      failed(accumulation.finish()))
    return failure();
  function->removeAttr("training");
  function->removeAttr(kTrainingLocsAttr);
  return success();
}

struct GradientsPass : graph::impl::GradientsBase<GradientsPass> {
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<GraphDialect>();
    registerGradientRules(registry);
  }

  void runOnOperation() override {
    ModuleVariables variables(getOperation());
    for (FuncOp function : getOperation().getOps<FuncOp>())
      if (function->hasAttr("training") && !function.isExternal() &&
          failed(expandTraining(function, variables)))
        return signalPassFailure();
  }
};

} // namespace
