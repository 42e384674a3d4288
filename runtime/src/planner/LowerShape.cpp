//===- LowerShape.cpp - Lowering: constants and shapes --------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Constants become data of the program; what only changes the shape becomes a
// view; the rest moves elements.
//===----------------------------------------------------------------------===//

#include "Lowering.h"

using namespace amprt;
using namespace amprt::planner;

namespace {

bool lowerConstant(NodeLowering &node) {
  const amp::AttrValue *attr = node.args.get("value");
  const auto *literal =
      attr ? std::get_if<std::shared_ptr<const amp::Literal>>(attr) : nullptr;
  if (!literal || !*literal)
    return false;
  const amp::Literal &value = **literal;
  DType dtype = node.types[0].dtype;
  std::string name(node.node.name);
  if (!value.weights.empty()) {
    if (!node.builder.weights) {
      node.failure = Status(Code::FailedPrecondition,
                            "constant '" + name +
                                "' takes its elements from "
                                "a weights file, and none is open");
      return true;
    }
    Result<Tensor> entry = node.builder.weights(value.weights);
    if (!entry.ok()) {
      node.failure = entry.status();
      return true;
    }
    if (entry->dtype() != dtype || entry->dims() != node.resultDims()) {
      node.failure = Status(
          Code::InvalidArgument,
          "constant '" + name + "' is " + describe(dtype, node.resultDims()) +
              ", but entry '" + value.weights + "' of the weights file is " +
              describe(entry->dtype(), entry->dims()));
      return true;
    }
    node.results.push_back(node.builder.addConstant(name, *std::move(entry)));
    return true;
  }
  Result<Tensor> tensor = Tensor::create(dtype, node.resultDims());
  if (!tensor.ok()) {
    node.failure = tensor.status();
    return true;
  }
  int64_t count = tensor->size();
  for (int64_t i = 0; i < count; ++i) {
    size_t from = value.splat ? 0 : size_t(i);
    if (dtype == DType::Int64)
      tensor->as<int64_t>()[i] = value.ints[from];
    else
      tensor->set(i, value.floats.empty() ? double(value.ints[from])
                                          : value.floats[from]);
  }
  node.results.push_back(node.builder.addConstant(name, *std::move(tensor)));
  return true;
}

/// identity, reshape and others that leave the elements as they are.
bool lowerView(NodeLowering &node) {
  node.results.push_back(node.builder.addView(
      node.operands[0], std::string(node.node.name), node.resultDims()));
  return true;
}

bool lowerDropout(NodeLowering &node) {
  return !node.args.getBool("training") && lowerView(node);
}

bool lowerTranspose(NodeLowering &node) {
  Dims dims = node.dims(0);
  std::vector<int64_t> perm = node.args.getInts("perm");
  Dims strides(dims.size(), 1);
  for (size_t i = dims.size(); i-- > 1;)
    strides[i - 1] = strides[i] * dims[i];
  Step &step = node.addStep(Kernel::Transpose);
  step.operands = {node.operands[0]};
  step.params.loops.clear();
  step.params.strides.assign(1, {});
  for (size_t i = 0; i < dims.size(); ++i) {
    // Without the attribute the axes are reversed.
    size_t from = perm.empty() ? dims.size() - 1 - i : size_t(perm[i]);
    step.params.loops.push_back(dims[from]);
    step.params.strides[0].push_back(strides[from]);
  }
  step.results = {node.addResult()};
  return true;
}

bool lowerBroadcast(NodeLowering &node) {
  ExpressionBuilder e(node.builder);
  e.load(node.operands[0]);
  e.finish(node.addStep(Kernel::Elementwise), node.addResult());
  return true;
}

} // namespace

void amprt::planner::addShapeLowerings(LoweringTable &table) {
  table["constant"] = lowerConstant;
  for (std::string_view name :
       {"identity", "stop_gradient", "reshape", "expand_dims", "squeeze"})
    table[name] = lowerView;
  table["dropout"] = lowerDropout;
  table["transpose"] = lowerTranspose;
  table["broadcast_to"] = lowerBroadcast;
}
