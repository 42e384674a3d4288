//===- Lowering.cpp - Lowering of one node to steps -----------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The helpers that all lowerings share, and the table that collects them.
//===----------------------------------------------------------------------===//

#include "Lowering.h"

using namespace amprt;
using namespace amprt::planner;

uint32_t Builder::addBuffer(std::string name, DType dtype, Dims dims,
                            Space space, uint32_t index) {
  uint32_t id = uint32_t(program.buffers.size());
  Buffer buffer;
  buffer.name = std::move(name);
  buffer.dtype = dtype;
  buffer.pitch = dims.empty() ? 1 : dims.back();
  buffer.dims = std::move(dims);
  buffer.space = space;
  buffer.index = index;
  program.buffers.push_back(std::move(buffer));
  base.push_back(id);
  return id;
}

uint32_t Builder::addView(uint32_t of, std::string name, Dims dims) {
  uint32_t id = addBuffer(std::move(name), dtype(of), std::move(dims));
  base[id] = base[of];
  return id;
}

uint32_t Builder::addConstant(std::string name, Tensor value) {
  uint32_t index = uint32_t(program.constants.size());
  uint32_t id = addBuffer(std::move(name), value.dtype(), value.dims(),
                          Space::Constant, index);
  program.constants.push_back(std::move(value));
  return id;
}

Step &Builder::addStep(Kernel kernel, std::string_view name,
                       std::string_view op) {
  Step &step = program.steps.emplace_back();
  step.kernel = kernel;
  step.name = name;
  step.nodes.emplace_back(op);
  return step;
}

Dims NodeLowering::resultDims(size_t result) const {
  Dims dims;
  for (const amp::Dim &dim : types[result].shape)
    dims.push_back(dim.size());
  return dims;
}

uint32_t NodeLowering::addResult() {
  size_t number = results.size();
  std::string name(node.name);
  if (number)
    name += ":" + std::to_string(number);
  results.push_back(builder.addBuffer(std::move(name), types[number].dtype,
                                      resultDims(number)));
  return results.back();
}

int64_t NodeLowering::axis(std::string_view attr, size_t rank) const {
  int64_t value = args.getInt(attr);
  return value < 0 ? value + int64_t(rank) : value;
}

int32_t ExpressionBuilder::load(uint32_t buffer) {
  for (size_t i = 0; i < expression.size(); ++i)
    if (expression[i].op == ScalarOp::Load &&
        operands[expression[i].a] == buffer)
      return int32_t(i);
  operands.push_back(buffer);
  return op(ScalarOp::Load, builder.dtype(buffer),
            int32_t(operands.size()) - 1);
}

int32_t ExpressionBuilder::constant(double value, DType dtype) {
  return op(ScalarOp::Const, dtype, -1, -1, -1, value);
}

int32_t ExpressionBuilder::op(ScalarOp op, DType dtype, int32_t a, int32_t b,
                              int32_t c, double imm) {
  expression.push_back({op, dtype, a, b, c, imm});
  return int32_t(expression.size()) - 1;
}

int32_t ExpressionBuilder::cast(int32_t value, DType to) {
  if (dtype(value) == to)
    return value;
  return op(ScalarOp::Cast, to, value);
}

void ExpressionBuilder::finish(Step &step, uint32_t result) {
  step.operands = std::move(operands);
  step.expression = std::move(expression);
  step.results = {result};
}

Dims amprt::planner::denseStrides(const Dims &dims) {
  Dims strides(dims.size(), 1);
  for (size_t i = dims.size(); i-- > 1;)
    strides[i - 1] = strides[i] * dims[i];
  return strides;
}

Dims amprt::planner::broadcastStrides(const Dims &dims, size_t rank,
                                      std::optional<int64_t> pitch) {
  Dims strides(rank, 0);
  int64_t stride = 1;
  for (size_t i = dims.size(), to = rank; i-- > 0;) {
    strides[--to] = dims[i] == 1 ? 0 : stride;
    stride *= pitch && i + 1 == dims.size() ? *pitch : dims[i];
  }
  return strides;
}

void amprt::planner::setRows(StepParams &params, const Dims &dims,
                             size_t axis) {
  params.outer = params.inner = 1;
  params.size = axis < dims.size() ? dims[axis] : 1;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (i < axis)
      params.outer *= dims[i];
    else if (i > axis)
      params.inner *= dims[i];
  }
}

void amprt::planner::setReduction(StepParams &params, const Dims &dims,
                                  const std::vector<bool> &reduced) {
  Dims strides = denseStrides(dims);
  params.loops.clear();
  params.strides.assign(1, {});
  params.reduceLoops.clear();
  params.reduceStrides.clear();
  for (size_t i = 0; i < dims.size(); ++i) {
    Dims &loops = reduced[i] ? params.reduceLoops : params.loops;
    Dims &loopStrides = reduced[i] ? params.reduceStrides : params.strides[0];
    // An axis that continues the one before it is the same loop.
    if (i && reduced[i] == reduced[i - 1] && !loops.empty()) {
      loops.back() *= dims[i];
      loopStrides.back() = strides[i];
    } else {
      loops.push_back(dims[i]);
      loopStrides.push_back(strides[i]);
    }
  }
}

const LoweringTable &amprt::planner::loweringTable() {
  static const LoweringTable table = [] {
    LoweringTable all;
    addElementwiseLowerings(all);
    addGradientLowerings(all);
    addMatrixLowerings(all);
    addImageLowerings(all);
    addLossLowerings(all);
    addReductionLowerings(all);
    addShapeLowerings(all);
    addUpdateLowerings(all);
    return all;
  }();
  return table;
}
