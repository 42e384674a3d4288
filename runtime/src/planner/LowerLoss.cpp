//===- LowerLoss.cpp - Lowering: softmax and losses -----------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Softmax along any axis; losses per row or reduced; their gradients.
//===----------------------------------------------------------------------===//

#include "Lowering.h"

using namespace amprt;
using namespace amprt::planner;

namespace {

bool lowerSoftmax(NodeLowering &node) {
  Dims dims = node.dims(0);
  Step &step = node.addStep(node.node.op == "softmax" ? Kernel::Softmax
                                                      : Kernel::LogSoftmax);
  step.operands = {node.operands[0]};
  setRows(step.params, dims, size_t(node.axis("axis", dims.size())));
  step.results = {node.addResult()};
  return true;
}

/// Rows of the class axis, and what the reduction does to them.
void setLoss(NodeLowering &node, StepParams &params, const Dims &logits) {
  setRows(params, logits, logits.size() - 1);
  std::string_view reduction = node.args.getEnum("reduction");
  params.perRow = reduction == "none";
  if (reduction == "mean")
    params.factor = 1.0 / double(params.outer); // inf without rows: NaN, as 0/0
}

bool lowerLoss(NodeLowering &node) {
  Step &step = node.addStep(node.node.op == "sparse_softmax_cross_entropy"
                                ? Kernel::SparseLoss
                                : Kernel::DenseLoss);
  step.operands = {node.operands[0], node.operands[1]};
  setLoss(node, step.params, node.dims(0));
  step.results = {node.addResult()};
  return true;
}

bool lowerLossGrad(NodeLowering &node) {
  if (node.types.size() != 1)
    return false; // a gradient of the probabilities
  Step &step = node.addStep(node.node.op == "sparse_softmax_cross_entropy_grad"
                                ? Kernel::SparseLossGrad
                                : Kernel::DenseLossGrad);
  step.operands = {node.operands[0], node.operands[1], node.operands[2]};
  setLoss(node, step.params, node.dims(1));
  step.results = {node.addResult()};
  return true;
}

/// The mean of squares as an element-wise step and a reduction.
bool lowerMeanSquaredError(NodeLowering &node) {
  DType dtype = node.dtype(0);
  Dims dims = node.dims(0);
  std::string_view reduction = node.args.getEnum("reduction");
  ExpressionBuilder e(node.builder);
  int32_t a = e.load(node.operands[0]), b = e.load(node.operands[1]);
  int32_t difference = e.op(ScalarOp::Sub, dtype, a, b);
  e.op(ScalarOp::Square, dtype, difference);
  if (reduction == "none") {
    e.finish(node.addStep(Kernel::Elementwise), node.addResult());
    return true;
  }
  uint32_t squares = node.addTemporary(dtype, dims);
  e.finish(node.addStep(Kernel::Elementwise), squares);
  Step &step = node.addStep(Kernel::Reduce);
  step.operands = {squares};
  step.params.reduce = reduction == "mean" ? ReduceOp::Mean : ReduceOp::Sum;
  setReduction(step.params, dims, std::vector<bool>(dims.size(), true));
  step.results = {node.addResult()};
  return true;
}

bool lowerMeanSquaredErrorGrad(NodeLowering &node) {
  DType dtype = node.dtype(1);
  double factor = 2;
  if (node.args.getEnum("reduction") == "mean")
    factor /= double(elementCount(node.dims(1)));
  // One result per operand that has a gradient; the second is the negative.
  for (size_t i = 0; i < node.types.size(); ++i) {
    ExpressionBuilder e(node.builder);
    int32_t a = e.load(node.operands[1 + i]), b = e.load(node.operands[2 - i]);
    int32_t difference = e.op(ScalarOp::Sub, dtype, a, b);
    int32_t scale = e.constant(factor, dtype);
    int32_t slope = e.op(ScalarOp::Mul, dtype, difference, scale);
    int32_t gradient = e.load(node.operands[0]);
    e.op(ScalarOp::Mul, dtype, slope, gradient);
    e.finish(node.addStep(Kernel::Elementwise), node.addResult());
  }
  return true;
}

} // namespace

void amprt::planner::addLossLowerings(LoweringTable &table) {
  table["softmax"] = table["log_softmax"] = lowerSoftmax;
  table["sparse_softmax_cross_entropy"] = lowerLoss;
  table["softmax_cross_entropy"] = lowerLoss;
  table["sparse_softmax_cross_entropy_grad"] = lowerLossGrad;
  table["softmax_cross_entropy_grad"] = lowerLossGrad;
  table["mean_squared_error"] = lowerMeanSquaredError;
  table["mean_squared_error_grad"] = lowerMeanSquaredErrorGrad;
}
