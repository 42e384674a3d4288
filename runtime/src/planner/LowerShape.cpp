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
#include "amprt/Philox.h"

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

/// A mask from the seed, the forward node's name and the step; x / (1 − rate)
/// where it keeps. The gradient does the same to the gradient.
bool lowerDropout(NodeLowering &node) {
  double rate = node.args.getFloat("rate");
  if (!node.args.getBool("training") || rate == 0)
    return lowerView(node);
  Builder &builder = node.builder;
  bool isGradient = node.node.op == "dropout_grad";
  std::string_view forward = isGradient && !node.node.origin.empty()
                                 ? node.node.origin
                                 : node.node.name;
  // A double would not hold every seed.
  Result<Tensor> seed = Tensor::create(DType::Int64, {});
  if (!seed.ok()) {
    node.failure = seed.status();
    return true;
  }
  *seed->as<int64_t>() = node.args.getInt("seed");
  ExpressionBuilder e(builder);
  DType dtype = node.types[0].dtype;
  int32_t x = e.load(node.operands[0]);
  int32_t key = e.load(
      builder.addConstant(std::string(forward) + "/seed", *std::move(seed)));
  int32_t name = e.constant(philoxNode(forward), DType::Int64);
  int32_t step = e.op(ScalarOp::Call, DType::Int64, -1);
  int32_t random = e.op(ScalarOp::Random, DType::Float32, key, name, step);
  int32_t limit = e.constant(rate, DType::Float32);
  int32_t keeps = e.op(ScalarOp::GreaterEqual, DType::Bool, random, limit);
  int32_t factor = e.constant(1 / (1 - rate), dtype);
  int32_t scaled = e.op(ScalarOp::Mul, dtype, x, factor);
  int32_t zero = e.constant(0, dtype);
  e.op(ScalarOp::Where, dtype, keeps, scaled, zero);
  e.finish(node.addStep(Kernel::Elementwise), node.addResult());
  return true;
}

/// 0, 1, 2, …, as many as the axis has, in the type of the result.
std::optional<uint32_t> addCounting(NodeLowering &node, DType dtype,
                                    int64_t count) {
  Result<Tensor> tensor = Tensor::create(dtype, {count});
  if (!tensor.ok()) {
    node.failure = tensor.status();
    return std::nullopt;
  }
  for (int64_t i = 0; i < count; ++i) {
    switch (dtype) {
    case DType::Int8:
    case DType::UInt8: // the same bits
      tensor->as<uint8_t>()[i] = uint8_t(i);
      break;
    case DType::Int32:
      tensor->as<uint32_t>()[i] = uint32_t(i);
      break;
    case DType::Int64:
      tensor->as<int64_t>()[i] = i;
      break;
    default:
      tensor->set(i, double(i));
    }
  }
  return node.builder.addConstant(std::string(node.node.name),
                                  *std::move(tensor));
}

bool lowerIota(NodeLowering &node) {
  Dims dims = node.resultDims();
  auto axis = size_t(node.axis("axis", dims.size()));
  auto counting = addCounting(node, node.types[0].dtype, dims[axis]);
  if (!counting)
    return true;
  Dims column(dims.size() - axis, 1);
  column[0] = dims[axis];
  uint32_t view = node.builder.addView(*counting, std::string(node.node.name),
                                       std::move(column));
  ExpressionBuilder e(node.builder);
  e.load(view);
  e.finish(node.addStep(Kernel::Elementwise), node.addResult());
  return true;
}

/// Compares each index with 0, 1, 2, … along the new axis.
bool lowerOneHot(NodeLowering &node) {
  auto counting = addCounting(node, node.dtype(0), node.args.getInt("depth"));
  if (!counting)
    return true;
  Dims column = node.dims(0);
  column.push_back(1);
  uint32_t view = node.builder.addView(
      node.operands[0], std::string(node.node.name), std::move(column));
  ExpressionBuilder e(node.builder);
  int32_t index = e.load(view), number = e.load(*counting);
  int32_t equal = e.op(ScalarOp::Equal, DType::Bool, index, number);
  e.op(ScalarOp::Cast, node.types[0].dtype, equal);
  e.finish(node.addStep(Kernel::Elementwise), node.addResult());
  return true;
}

/// Elements of a larger tensor: where the first is, and how far the next along
/// each axis. Takes them out, or puts them into zeros or another number.
bool lowerPart(NodeLowering &node, Kernel kernel, const Dims &part,
               const Dims &whole, const std::vector<int64_t> &first,
               const std::vector<int64_t> &every, double fill = 0) {
  Step &step = node.addStep(kernel);
  StepParams &p = step.params;
  Dims strides = denseStrides(whole);
  p.loops = part;
  p.strides.assign(1, {});
  p.fill = fill;
  for (size_t i = 0; i < part.size(); ++i) {
    p.offset += first[i] * strides[i];
    p.strides[0].push_back(every[i] * strides[i]);
  }
  step.operands = {node.operands[0]};
  step.results = {node.addResult()};
  return true;
}

bool lowerSlice(NodeLowering &node) {
  std::vector<int64_t> begin = node.args.getInts("begin");
  std::vector<int64_t> strides = node.args.getInts("strides");
  if (strides.size() == 1)
    strides.assign(begin.size(), strides[0]);
  if (node.node.op == "slice")
    return lowerPart(node, Kernel::Slice, node.resultDims(), node.dims(0),
                     begin, strides);
  return lowerPart(node, Kernel::Pad, node.dims(0), node.resultDims(), begin,
                   strides);
}

bool lowerPad(NodeLowering &node) {
  std::vector<int64_t> paddings = node.args.getInts("paddings"), before;
  for (size_t i = 0; i < paddings.size(); i += 2)
    before.push_back(paddings[i]);
  std::vector<int64_t> every(before.size(), 1);
  if (node.node.op == "pad")
    return lowerPart(node, Kernel::Pad, node.dims(0), node.resultDims(), before,
                     every, node.args.getFloat("value"));
  return lowerPart(node, Kernel::Slice, node.resultDims(), node.dims(0), before,
                   every);
}

/// A joint of parts along an axis; of `stack` each part is one slice.
bool lowerConcat(NodeLowering &node) {
  Dims dims = node.resultDims();
  auto axis = size_t(node.axis("axis", dims.size()));
  bool isStack = node.node.op == "stack";
  Step &step = node.addStep(Kernel::Concat);
  setRows(step.params, dims, axis);
  for (size_t i = 0; i < node.operands.size(); ++i)
    step.params.parts.push_back(isStack ? 1 : node.dims(i)[axis]);
  step.operands = node.operands;
  step.results = {node.addResult()};
  return true;
}

bool lowerSplit(NodeLowering &node) {
  Dims dims = node.dims(0);
  auto axis = size_t(node.axis("axis", dims.size()));
  std::vector<uint32_t> results;
  for (size_t i = 0; i < node.types.size(); ++i)
    results.push_back(node.addResult());
  Step &step = node.addStep(Kernel::Split);
  setRows(step.params, dims, axis);
  for (uint32_t result : results)
    step.params.parts.push_back(node.builder.dims(result)[axis]);
  step.operands = {node.operands[0]};
  step.results = std::move(results);
  return true;
}

bool lowerGather(NodeLowering &node) {
  bool isGradient = node.node.op == "gather_grad";
  Dims params = isGradient ? node.resultDims() : node.dims(0);
  Step &step = node.addStep(isGradient ? Kernel::GatherGrad : Kernel::Gather);
  setRows(step.params, params, size_t(node.axis("axis", params.size())));
  step.operands = {node.operands[0], node.operands[isGradient ? 2 : 1]};
  step.results = {node.addResult()};
  return true;
}

bool lowerTranspose(NodeLowering &node) {
  Dims dims = node.dims(0);
  std::vector<int64_t> perm = node.args.getInts("perm");
  Dims strides = denseStrides(dims);
  Step &step = node.addStep(Kernel::Transpose);
  step.operands = {node.operands[0]};
  step.params.loops.clear();
  step.params.strides.assign(1, {});
  for (size_t i = 0; i < dims.size(); ++i) {
    // Without the attribute the axes are reversed.
    size_t from = perm.empty()  ? dims.size() - 1 - i
                  : perm[i] < 0 ? size_t(perm[i] + int64_t(dims.size()))
                                : size_t(perm[i]);
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
  for (std::string_view name : {"identity", "stop_gradient", "reshape",
                                "reshape_grad", "expand_dims", "squeeze"})
    table[name] = lowerView;
  table["dropout"] = table["dropout_grad"] = lowerDropout;
  table["iota"] = lowerIota;
  table["one_hot"] = lowerOneHot;
  table["slice"] = table["slice_grad"] = lowerSlice;
  table["pad"] = table["pad_grad"] = lowerPad;
  table["concat"] = table["stack"] = lowerConcat;
  table["split"] = table["concat_grad"] = lowerSplit;
  table["gather"] = table["gather_grad"] = lowerGather;
  table["transpose"] = lowerTranspose;
  table["broadcast_to"] = lowerBroadcast;
}
