//===- LowerUpdates.cpp - Lowering: variables and loss scale --------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Updates of variables, which write to the variable's own memory, and the ops
// of loss scaling.
//===----------------------------------------------------------------------===//

#include "Lowering.h"

using namespace amprt;
using namespace amprt::planner;

namespace {

/// The optional last operand, or kNoBuffer.
uint32_t conditionOf(const NodeLowering &node) {
  size_t count = node.operands.size();
  const amp::OperandDef *last =
      node.args.def.operand(count - 1, count, node.args.attrs);
  return last && last->name == "condition" ? node.operands.back() : kNoBuffer;
}

bool lowerAssign(NodeLowering &node) {
  uint32_t variable = node.operands[0];
  ExpressionBuilder e(node.builder);
  int32_t value;
  if (node.node.op == "assign_add") {
    int32_t old = e.load(variable), more = e.load(node.operands[1]);
    value = e.op(ScalarOp::Add, node.dtype(0), old, more);
  } else {
    value = e.load(node.operands[1]);
  }
  (void)value;
  Step &step = node.addStep(Kernel::Elementwise);
  step.condition = conditionOf(node);
  e.finish(step, variable);
  return true;
}

/// All optimizers: first what is written, then what is read. `reads` operands
/// stand in front of the condition.
bool lowerOptimizer(NodeLowering &node, Kernel kernel, size_t reads) {
  uint32_t condition = conditionOf(node);
  size_t end = node.operands.size() - (condition != kNoBuffer);
  Step &step = node.addStep(kernel);
  step.condition = condition;
  step.results.assign(node.operands.begin(),
                      node.operands.begin() + long(end - reads));
  step.operands.assign(node.operands.begin() + long(end - reads),
                       node.operands.begin() + long(end));
  step.parts.push_back({{{ScalarOp::Load, node.builder.dtype(
                                              step.operands.back()),
                          int32_t(reads) - 1}},
                        0,
                        uint32_t(step.results.size())});
  StepParams &p = step.params;
  auto number = [&](std::string_view name) {
    return node.args.has(name) ? node.args.getFloat(name) : 0.0;
  };
  auto flag = [&](std::string_view name) {
    return node.args.has(name) && node.args.getBool(name);
  };
  p.rho = number("rho");
  p.momentum = number("momentum");
  p.epsilon = number("epsilon");
  p.beta1 = number("beta_1");
  p.beta2 = number("beta_2");
  p.weightDecay = number("weight_decay");
  p.nesterov = flag("nesterov");
  p.centered = flag("centered");
  bool plain = node.builder.dtype(step.operands.back()) == DType::Float32;
  for (uint32_t result : step.results)
    plain &= node.builder.dtype(result) == DType::Float32;
  if (plain)
    return true;
  // The kernels are for float32; other types are expressions.
  node.builder.program.steps.pop_back();
  lowerWideOptimizer(node, kernel, condition);
  return true;
}

bool lowerSgd(NodeLowering &node) {
  return lowerOptimizer(node, Kernel::ApplySgd, 2);
}
bool lowerMomentum(NodeLowering &node) {
  return lowerOptimizer(node, Kernel::ApplyMomentum, 2);
}
bool lowerRmsprop(NodeLowering &node) {
  return lowerOptimizer(node, Kernel::ApplyRmsprop, 2);
}
bool lowerAdam(NodeLowering &node) {
  return lowerOptimizer(node, Kernel::ApplyAdam, 3);
}

bool lowerAllFinite(NodeLowering &node) {
  Step &step = node.addStep(Kernel::AllFinite);
  step.operands = node.operands;
  for (size_t i = 0; i < node.operands.size(); ++i)
    step.parts.push_back({{{ScalarOp::Load, node.dtype(i), int32_t(i)}}});
  step.results = {node.addResult()};
  node.builder.program.finite = node.results[0];
  return true;
}

bool lowerLossScale(NodeLowering &node) {
  Step &step = node.addStep(Kernel::LossScale);
  step.operands = node.operands;
  StepParams &p = step.params;
  p.growthSteps = node.args.getInt("growth_steps");
  p.growth = node.args.getFloat("growth");
  p.backoff = node.args.getFloat("backoff");
  p.minimum = node.args.getFloat("min");
  p.maximum = node.args.getFloat("max");
  p.decreaseEvery = node.args.getInt("decrease_every");
  for (int i = 0; i < 3; ++i)
    step.results.push_back(node.addResult());
  return true;
}

} // namespace

void amprt::planner::addUpdateLowerings(LoweringTable &table) {
  table["assign"] = table["assign_add"] = lowerAssign;
  table["apply_sgd"] = lowerSgd;
  table["apply_momentum"] = lowerMomentum;
  table["apply_rmsprop"] = lowerRmsprop;
  table["apply_adam"] = table["apply_adamw"] = lowerAdam;
  table["all_finite"] = lowerAllFinite;
  table["update_loss_scale"] = lowerLossScale;
}
