//===- Lowering.h - Lowering of one node to steps ---------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A program under construction, what a lowering sees of its node, and the table
// of lowerings by op name. Buffers are values here: each is written once, and
// views share the memory of their base. Places come later.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_PLANNER_LOWERING_H
#define AMPRT_PLANNER_LOWERING_H

#include "amp/GraphFile/GraphFile.h"
#include "amprt/Planner.h"

#include <optional>
#include <unordered_map>

namespace amprt::planner {

/// A Program while it is made.
class Builder {
public:
  Program program;
  /// Per buffer the buffer whose memory it uses; itself unless it is a view.
  std::vector<uint32_t> base;
  /// relu(x) by the buffer of x, so that its gradient can look at the result.
  std::unordered_map<uint32_t, uint32_t> reluOf;
  WeightsReader weights;

  uint32_t addBuffer(std::string name, DType dtype, Dims dims,
                     Space space = Space::Arena, uint32_t index = 0);
  /// The same memory with other sizes.
  uint32_t addView(uint32_t of, std::string name, Dims dims);
  uint32_t addConstant(std::string name, Tensor value);
  Step &addStep(Kernel kernel, std::string_view name, std::string_view op);

  Buffer &buffer(uint32_t index) { return program.buffers[index]; }
  Dims dims(uint32_t index) const { return program.buffers[index].dims; }
  DType dtype(uint32_t index) const { return program.buffers[index].dtype; }
};

/// One node on its way into the program. Types have numbers only.
struct NodeLowering {
  Builder &builder;
  const amp::graphfile::Node &node;
  amp::OpArgs args;
  const std::vector<uint32_t> &operands;
  const std::vector<amp::TensorType> &types; ///< of the results
  std::vector<uint32_t> results = {};
  Status failure = okStatus();

  Dims resultDims(size_t result = 0) const;
  Dims dims(size_t operand) const { return builder.dims(operands[operand]); }
  DType dtype(size_t operand) const { return builder.dtype(operands[operand]); }
  /// A new buffer for the next result.
  uint32_t addResult();
  Step &addStep(Kernel kernel) {
    return builder.addStep(kernel, node.name, node.op);
  }
  /// A temporary of this node.
  uint32_t addTemporary(DType dtype, Dims dims) {
    return builder.addBuffer(std::string(node.name), dtype, std::move(dims));
  }
  /// The axis attribute, counted from the start.
  int64_t axis(std::string_view attr, size_t rank) const;
};

/// A lowering adds steps and exactly one buffer per result. It returns false
/// for a form of the op that no kernel has (the op is then reported as
/// unsupported), and may set `failure` for anything else.
using LowerFunction = bool (*)(NodeLowering &node);
using LoweringTable = std::unordered_map<std::string_view, LowerFunction>;

void addElementwiseLowerings(LoweringTable &table);
void addGradientLowerings(LoweringTable &table);
void addMatrixLowerings(LoweringTable &table);
void addImageLowerings(LoweringTable &table);
void addLossLowerings(LoweringTable &table);
void addReductionLowerings(LoweringTable &table);
void addShapeLowerings(LoweringTable &table);
void addUpdateLowerings(LoweringTable &table);
/// The optimizer steps of a variable that is not float32.
void lowerWideOptimizer(NodeLowering &node, Kernel kernel, uint32_t condition);
/// All of them.
const LoweringTable &loweringTable();

/// Writes an expression one instruction after the other.
class ExpressionBuilder {
public:
  explicit ExpressionBuilder(Builder &builder) : builder(builder) {}
  /// An operand; the same buffer gives the same instruction.
  int32_t load(uint32_t buffer);
  int32_t constant(double value, DType dtype);
  int32_t op(ScalarOp op, DType dtype, int32_t a, int32_t b = -1,
             int32_t c = -1, double imm = 0);
  int32_t cast(int32_t value, DType to);
  DType dtype(int32_t value) const { return expression[value].dtype; }
  /// Puts the expression, whose value is its last instruction, into a step.
  void finish(Step &step, uint32_t result);

private:
  Builder &builder;
  Expression expression;
  std::vector<uint32_t> operands;
};

/// From one element to the next along each axis, where all lie side by side.
Dims denseStrides(const Dims &dims);

/// The same over the last of `rank` axes: 0 along those of one element, which
/// broadcast. Rows may be padded to `pitch` elements.
Dims broadcastStrides(const Dims &dims, size_t rank,
                      std::optional<int64_t> pitch = std::nullopt);

/// Elements of the axes in front of, at, and behind `axis`.
void setRows(StepParams &params, const Dims &dims, size_t axis);

/// Sets a reduction of `dims` over the axes where `reduced` is true.
void setReduction(StepParams &params, const Dims &dims,
                  const std::vector<bool> &reduced);

} // namespace amprt::planner

#endif // AMPRT_PLANNER_LOWERING_H
