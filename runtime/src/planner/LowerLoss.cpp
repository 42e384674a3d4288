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
  Step &step = node.addStep(node.node.op == "sparse_softmax_cross_entropy_grad"
                                ? Kernel::SparseLossGrad
                                : Kernel::DenseLossGrad);
  step.operands = {node.operands[0], node.operands[1], node.operands[2]};
  setLoss(node, step.params, node.dims(1));
  step.results = {node.addResult()};
  return true;
}

/// The value of a loss at each element, and its derivative, without factor.
using ElementLoss = int32_t (*)(ExpressionBuilder &e, DType dtype, int32_t x,
                                int32_t y);

int32_t squaredError(ExpressionBuilder &e, DType dtype, int32_t x, int32_t y) {
  return e.op(ScalarOp::Square, dtype, e.op(ScalarOp::Sub, dtype, x, y));
}

int32_t squaredErrorSlope(ExpressionBuilder &e, DType dtype, int32_t x,
                          int32_t y) {
  int32_t difference = e.op(ScalarOp::Sub, dtype, x, y);
  return e.op(ScalarOp::Mul, dtype, e.constant(2, dtype), difference);
}

/// max(x, 0) − x·y + ln(1 + e^−|x|): no large numbers cancel.
int32_t sigmoidLoss(ExpressionBuilder &e, DType dtype, int32_t x, int32_t y) {
  int32_t above = e.op(ScalarOp::Relu, dtype, x);
  int32_t product = e.op(ScalarOp::Mul, dtype, x, y);
  int32_t linear = e.op(ScalarOp::Sub, dtype, above, product);
  int32_t size = e.op(ScalarOp::Abs, dtype, x);
  int32_t below = e.op(ScalarOp::Neg, dtype, size);
  int32_t rest = e.op(ScalarOp::Softplus, dtype, below);
  return e.op(ScalarOp::Add, dtype, linear, rest);
}

int32_t sigmoidLossSlope(ExpressionBuilder &e, DType dtype, int32_t x,
                         int32_t y) {
  return e.op(ScalarOp::Sub, dtype, e.op(ScalarOp::Sigmoid, dtype, x), y);
}

/// An element-wise step, and a reduction of its float32 results.
bool lowerElementLoss(NodeLowering &node) {
  DType dtype = node.dtype(0);
  DType wide = dtype == DType::Float64 ? dtype : DType::Float32;
  Dims dims = node.dims(0);
  std::string_view reduction = node.args.getEnum("reduction");
  ElementLoss value =
      node.node.op == "mean_squared_error" ? squaredError : sigmoidLoss;
  ExpressionBuilder e(node.builder);
  int32_t x = e.load(node.operands[0]), y = e.load(node.operands[1]);
  value(e, wide, x, y);
  if (reduction == "none") {
    e.finish(node.addStep(Kernel::Elementwise), node.addResult());
    return true;
  }
  uint32_t each = node.addTemporary(wide, dims);
  e.finish(node.addStep(Kernel::Elementwise), each);
  Step &step = node.addStep(Kernel::Reduce);
  step.operands = {each};
  step.params.reduce = reduction == "mean" ? ReduceOp::Mean : ReduceOp::Sum;
  setReduction(step.params, dims, std::vector<bool>(dims.size(), true));
  step.results = {node.addResult()};
  return true;
}

bool lowerElementLossGrad(NodeLowering &node) {
  DType dtype = node.dtype(1);
  ElementLoss value = node.node.op == "mean_squared_error_grad"
                          ? squaredErrorSlope
                          : sigmoidLossSlope;
  ExpressionBuilder e(node.builder);
  int32_t x = e.load(node.operands[1]), y = e.load(node.operands[2]);
  int32_t slope = value(e, dtype, x, y), gradient = e.load(node.operands[0]);
  if (node.args.getEnum("reduction") == "mean") {
    int32_t factor =
        e.constant(1.0 / double(elementCount(node.dims(1))), dtype);
    gradient = e.op(ScalarOp::Mul, dtype, gradient, factor);
  }
  e.op(ScalarOp::Mul, dtype, slope, gradient);
  e.finish(node.addStep(Kernel::Elementwise), node.addResult());
  return true;
}

bool lowerSoftmaxGrad(NodeLowering &node) {
  Dims dims = node.dims(1);
  Step &step =
      node.addStep(node.node.op == "softmax_grad" ? Kernel::SoftmaxGrad
                                                  : Kernel::LogSoftmaxGrad);
  step.operands = {node.operands[0], node.operands[1]};
  setRows(step.params, dims, size_t(node.axis("axis", dims.size())));
  step.results = {node.addResult()};
  return true;
}

} // namespace

void amprt::planner::addLossLowerings(LoweringTable &table) {
  table["softmax"] = table["log_softmax"] = lowerSoftmax;
  table["sparse_softmax_cross_entropy"] = lowerLoss;
  table["softmax_cross_entropy"] = lowerLoss;
  table["sparse_softmax_cross_entropy_grad"] = lowerLossGrad;
  table["softmax_cross_entropy_grad"] = lowerLossGrad;
  table["softmax_grad"] = table["log_softmax_grad"] = lowerSoftmaxGrad;
  for (std::string_view name : {"mean_squared_error", "sigmoid_cross_entropy"})
    table[name] = lowerElementLoss;
  for (std::string_view name :
       {"mean_squared_error_grad", "sigmoid_cross_entropy_grad"})
    table[name] = lowerElementLossGrad;
}
