//===- LowerReduction.cpp - Lowering: reductions --------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Sums and their relatives over axes, sum_to, argmax.
//===----------------------------------------------------------------------===//

#include "Lowering.h"

using namespace amprt;
using namespace amprt::planner;

namespace {

bool lowerReduce(NodeLowering &node) {
  static const std::pair<std::string_view, ReduceOp> ops[] = {
      {"reduce_sum", ReduceOp::Sum},   {"reduce_mean", ReduceOp::Mean},
      {"reduce_max", ReduceOp::Max},   {"reduce_min", ReduceOp::Min},
      {"reduce_prod", ReduceOp::Prod},
  };
  Dims dims = node.dims(0);
  std::vector<bool> reduced(dims.size(), !node.args.has("axes"));
  for (int64_t axis : node.args.getInts("axes"))
    reduced[size_t(axis < 0 ? axis + int64_t(dims.size()) : axis)] = true;
  Step &step = node.addStep(Kernel::Reduce);
  for (const auto &[name, op] : ops)
    if (name == node.node.op)
      step.params.reduce = op;
  step.operands = {node.operands[0]};
  setReduction(step.params, dims, reduced);
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
  for (std::string_view name :
       {"reduce_sum", "reduce_mean", "reduce_max", "reduce_min", "reduce_prod"})
    table[name] = lowerReduce;
  table["sum_to"] = lowerSumTo;
  table["argmax"] = lowerArgmax;
}
