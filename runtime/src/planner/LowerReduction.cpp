//===- LowerReduction.cpp - Lowering: reductions --------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Sums and their relatives over axes with their gradients, sum_to, argmax,
// running sums.
//===----------------------------------------------------------------------===//

#include "Lowering.h"

using namespace amprt;
using namespace amprt::planner;

namespace {

constexpr std::pair<std::string_view, ReduceOp> kReductions[] = {
    {"reduce_sum", ReduceOp::Sum},   {"reduce_mean", ReduceOp::Mean},
    {"reduce_max", ReduceOp::Max},   {"reduce_min", ReduceOp::Min},
    {"reduce_prod", ReduceOp::Prod},
};

/// Which axes a node reduces.
std::vector<bool> reducedAxes(const NodeLowering &node, size_t rank) {
  std::vector<bool> reduced(rank, !node.args.has("axes"));
  for (int64_t axis : node.args.getInts("axes"))
    reduced[size_t(axis < 0 ? axis + int64_t(rank) : axis)] = true;
  return reduced;
}

bool lowerReduce(NodeLowering &node) {
  Dims dims = node.dims(0);
  Step &step = node.addStep(Kernel::Reduce);
  for (const auto &[name, op] : kReductions)
    if (name == node.node.op)
      step.params.reduce = op;
  step.operands = {node.operands[0]};
  setReduction(step.params, dims, reducedAxes(node, dims.size()));
  step.results = {node.addResult()};
  return true;
}

/// Of sums and means: the gradient broadcast, divided by the number of terms.
bool lowerSumGrad(NodeLowering &node) {
  Dims dims = node.dims(1), kept = dims;
  std::vector<bool> reduced = reducedAxes(node, dims.size());
  double terms = 1;
  for (size_t i = 0; i < dims.size(); ++i)
    if (reduced[i]) {
      kept[i] = 1;
      terms *= double(dims[i]);
    }
  uint32_t wide =
      node.builder.addView(node.operands[0], std::string(node.node.name), kept);
  ExpressionBuilder e(node.builder);
  int32_t gradient = e.load(wide);
  DType dtype = node.types[0].dtype;
  if (node.node.op == "reduce_mean_grad") {
    int32_t count = e.constant(terms, dtype);
    e.op(ScalarOp::Div, dtype, gradient, count);
  }
  e.finish(node.addStep(Kernel::Elementwise), node.addResult());
  return true;
}

bool lowerReduceGrad(NodeLowering &node) {
  Dims dims = node.dims(1);
  Step &step = node.addStep(Kernel::ReduceGrad);
  for (const auto &[name, op] : kReductions)
    if (std::string(name) + "_grad" == node.node.op)
      step.params.reduce = op;
  step.operands = {node.operands[0], node.operands[1]};
  setReduction(step.params, dims, reducedAxes(node, dims.size()));
  step.results = {node.addResult()};
  return true;
}

bool lowerCumsum(NodeLowering &node) {
  Dims dims = node.dims(0);
  Step &step = node.addStep(Kernel::Cumsum);
  step.params.reverse = node.node.op == "cumsum_grad";
  step.operands = {node.operands[0]};
  setRows(step.params, dims, size_t(node.axis("axis", dims.size())));
  step.results = {node.addResult()};
  return true;
}

/// The sum over the axes that a broadcast made.
bool lowerSumTo(NodeLowering &node) {
  Dims dims = node.dims(0), to = node.resultDims();
  std::vector<bool> reduced(dims.size(), true);
  bool any = false;
  for (size_t i = 0; i < dims.size(); ++i) {
    size_t fromEnd = dims.size() - i;
    reduced[i] =
        fromEnd > to.size() || (to[to.size() - fromEnd] == 1 && dims[i] != 1);
    any |= reduced[i];
  }
  if (!any) {
    node.results.push_back(node.builder.addView(
        node.operands[0], std::string(node.node.name), to));
    return true;
  }
  Step &step = node.addStep(Kernel::Reduce);
  step.operands = {node.operands[0]};
  setReduction(step.params, dims, reduced);
  step.results = {node.addResult()};
  return true;
}

bool lowerArgmax(NodeLowering &node) {
  Dims dims = node.dims(0);
  Step &step = node.addStep(Kernel::ArgMax);
  step.operands = {node.operands[0]};
  setRows(step.params, dims, size_t(node.axis("axis", dims.size())));
  step.results = {node.addResult()};
  return true;
}

} // namespace

void amprt::planner::addReductionLowerings(LoweringTable &table) {
  for (const auto &[name, op] : kReductions)
    table[name] = lowerReduce;
  table["reduce_sum_grad"] = table["reduce_mean_grad"] = lowerSumGrad;
  for (std::string_view name :
       {"reduce_max_grad", "reduce_min_grad", "reduce_prod_grad"})
    table[name] = lowerReduceGrad;
  table["cumsum"] = table["cumsum_grad"] = lowerCumsum;
  table["sum_to"] = lowerSumTo;
  table["argmax"] = lowerArgmax;
}
