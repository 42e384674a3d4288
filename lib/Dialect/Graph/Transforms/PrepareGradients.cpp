//===- PrepareGradients.cpp - Accumulating and clipping gradients ---------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// What stands between the backward part and the optimizer: gradients summed
// over the calls of a group, and their global norm limited. Loss scaling comes
// later and finds its places by attributes.
//===----------------------------------------------------------------------===//

#include "Training.h"

#include "amp/Interfaces/PrecisionInterfaces.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace amp;
using namespace amp::graph;

static void markGradient(OpBuilder &builder, Value value, int64_t operand) {
  if (value)
    value.getDefiningOp()->setAttr(kGradientOperandsAttr,
                                   builder.getDenseI64ArrayAttr(operand));
}

static void mark(OpBuilder &builder, Value value, StringRef attr) {
  if (value)
    value.getDefiningOp()->setAttr(attr, builder.getUnitAttr());
}

//===----------------------------------------------------------------------===//
// Accumulation
//===----------------------------------------------------------------------===//

LogicalResult Accumulation::begin() {
  if (!isActive())
    return success();
  nodes.setKey("accumulate_steps");
  std::string name(kAccumulatedStepsVariable);
  FailureOr<Value> counter =
      nodes.scalarState(name, nodes.getBuilder().getI64Type(), 0);
  if (failed(counter))
    return failure();
  Value one = nodes.createInteger(name + "/one", 1);
  Value next = nodes.createValue("add", name + "/next", {*counter, one});
  // Not equality: a checkpoint may come from training with longer groups.
  last = nodes.createValue("greater_equal", name + "/last",
                           {next, nodes.createInteger(name + "/limit", steps)});
  mark(nodes.getBuilder(), last, kStepConditionAttr);
  Value zero = nodes.createInteger(name + "/zero", 0);
  sums.push_back(
      {name, *counter,
       nodes.createValue("where", name + "/kept", {last, zero, next})});
  return success(sums.back().next != nullptr);
}

std::pair<Value, Value> Accumulation::constantsOf(Type element) {
  auto &[zero, count] = constants[element];
  std::string name(kAccumulatedStepsVariable);
  if (!zero)
    zero = nodes.createReal(name + "/empty", 0, element);
  if (!count)
    count = nodes.createReal(name + "/calls", steps, element);
  return {zero, count};
}

FailureOr<Value> Accumulation::mean(ReadOp variable, Value value,
                                    bool isGradient) {
  if (!isActive())
    return value;
  nodes.setKey("accumulate_steps");
  FailureOr<Value> accumulator = nodes.slot(variable, "accumulator");
  if (failed(accumulator))
    return failure();
  std::string name = (variable.getVariable() + "/accumulator").str();
  Value sum = nodes.createPinned("add", name + "/sum", {*accumulator, value});
  if (isGradient) {
    markGradient(nodes.getBuilder(), sum, 1);
    mark(nodes.getBuilder(), sum, kCheckedAttr);
  }
  // A selection: a product with zero would keep a NaN for good.
  auto [zero, count] = constantsOf(getElementTypeOrSelf(value.getType()));
  Value next = nodes.createPinned("where", name + "/kept", {last, zero, sum});
  Value mean = nodes.createPinned("div", name + "/mean", {sum, count});
  if (!next || !mean)
    return failure();
  sums.push_back({std::move(name), *accumulator, next});
  return mean;
}

LogicalResult Accumulation::finish() {
  nodes.setKey("accumulate_steps");
  for (const Sum &sum : sums)
    if (!nodes.create("assign", sum.name + "/assign",
                      {sum.accumulator, sum.next}))
      return failure();
  return success();
}

//===----------------------------------------------------------------------===//
// Clipping
//===----------------------------------------------------------------------===//

/// Multiplies all gradients by limit / max(norm, limit): by exactly 1 when the
/// norm is within the limit. A norm that is not finite makes all of them NaN.
static LogicalResult clipGradients(StepBuilder &nodes, double limit,
                                   bool areRaw, VariableGradients &gradients) {
  nodes.setKey("clip_norm");
  OpBuilder &builder = nodes.getBuilder();
  auto nameOf = [](Value variable) {
    return variable.getDefiningOp<ReadOp>().getVariable().str() + "/clip";
  };
  SmallVector<Value> squares;
  for (auto &[variable, gradient] : gradients) {
    std::string name = nameOf(variable);
    Value square = nodes.createPinned("square", name + "/square", {gradient});
    if (areRaw)
      markGradient(builder, square, 0);
    if (square && cast<RankedTensorType>(square.getType()).getRank() > 0)
      square = nodes.createPinned("reduce_sum", name + "/sum", {square});
    if (!square)
      return failure();
    squares.push_back(square);
  }
  std::string all = "optimizer/clip";
  Value sum = squares.size() > 1
                  ? nodes.createPinned("add_n", all + "/sum", squares)
                  : squares.front();
  Value norm = nodes.createPinned("sqrt", all + "/norm", {sum});
  mark(builder, norm, kCheckedAttr);
  Value most = nodes.createReal(all + "/limit", limit);
  Value larger = nodes.createPinned("maximum", all + "/larger", {norm, most});
  Value ratio = nodes.createPinned("div", all + "/ratio", {most, larger});
  Value nothing = nodes.createPinned("sub", all + "/finite", {norm, norm});
  Value factor = nodes.createPinned("add", all + "/factor", {ratio, nothing});
  for (auto &[variable, gradient] : gradients) {
    Value clipped =
        nodes.createPinned("mul", nameOf(variable), {gradient, factor});
    if (!clipped)
      return failure();
    if (areRaw)
      markGradient(builder, clipped, 0);
    gradient = clipped;
  }
  return success();
}

LogicalResult graph::prepareGradients(StepBuilder &nodes,
                                      const TrainingSection &section,
                                      Accumulation &accumulation,
                                      VariableGradients &gradients) {
  for (auto &[variable, gradient] : gradients) {
    FailureOr<Value> mean = accumulation.mean(variable.getDefiningOp<ReadOp>(),
                                              gradient, /*isGradient=*/true);
    if (failed(mean))
      return failure();
    gradient = *mean;
  }
  if (!section.clipNorm || gradients.empty())
    return success();
  return clipGradients(nodes, *section.clipNorm, !accumulation.isActive(),
                       gradients);
}
