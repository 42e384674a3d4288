//===- FuseGradients.cpp - Gradients in the epilogues of products ---------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// What a GPU's products do beside multiplying: the gradient of ReLU or GELU of
// what they make, for which the forward product keeps a bit mask or its value,
// and the gradient of a bias, which sums up the rows of a result or of an
// operand. For 16-bit products only.
//===----------------------------------------------------------------------===//

#include "Stages.h"

#include <algorithm>

using namespace amprt;
using namespace amprt::planner;

namespace {

class GradientFuser {
public:
  explicit GradientFuser(Builder &builder)
      : builder(builder), steps(builder.program.steps) {}

  void fuseActivations();
  void fuseBiasGradients();

private:
  void findUses();
  /// The step that makes a buffer of the program's own; kNoBuffer if none does.
  uint32_t producerOf(uint32_t buffer) const {
    return buffer < producers.size() ? producers[buffer] : kNoBuffer;
  }
  bool isPlainProduct(uint32_t step) const;
  bool isReadOnlyBy(uint32_t buffer, uint32_t step) const;
  /// The element-wise step that makes the GELU of a product's result.
  uint32_t geluOf(uint32_t buffer) const;
  bool keepMask(Step &forward);
  void fuseInto(uint32_t product, uint32_t gradient, uint32_t input);

  Builder &builder;
  std::vector<Step> &steps;
  std::vector<uint32_t> producers;            ///< by buffer
  std::vector<std::vector<uint32_t>> readers; ///< by base buffer
  std::vector<bool> pinned;                   ///< by base buffer
};

/// An element-wise step of one operation on loads only.
bool isOperation(const Step &step, ScalarOp op, size_t operands) {
  const Expression &e = step.expression;
  if (step.kernel != Kernel::Elementwise || step.cached ||
      step.condition != kNoBuffer || step.operands.size() != operands ||
      e.size() != operands + 1 || e.back().op != op)
    return false;
  return std::all_of(e.begin(), e.end() - 1, [](const Instr &instr) {
    return instr.op == ScalarOp::Load;
  });
}

/// The gradient of GELU's tanh form, which is the one that products have: the
/// lowering writes tanh by sigmoid.
bool isGeluGradient(const Step &step) {
  return step.kernel == Kernel::Elementwise &&
         step.nodes == std::vector<std::string>{"gelu_grad"} &&
         step.operands.size() == 2 && step.condition == kNoBuffer &&
         std::any_of(step.expression.begin(), step.expression.end(),
                     [](const Instr &instr) {
                       return instr.op == ScalarOp::Sigmoid;
                     });
}

} // namespace

void GradientFuser::findUses() {
  const Program &program = builder.program;
  producers.assign(program.buffers.size(), kNoBuffer);
  readers.assign(program.buffers.size(), {});
  pinned.assign(program.buffers.size(), false);
  for (uint32_t i = 0; i < builder.base.size(); ++i)
    if (builder.base[i] != i)
      pinned[builder.base[i]] = true;
  for (uint32_t i = 0; i < steps.size(); ++i) {
    for (uint32_t result : steps[i].results)
      producers[result] = i;
    for (uint32_t operand : steps[i].operands)
      readers[builder.base[operand]].push_back(i);
  }
}

/// One 16-bit product without a gradient in its epilogue.
bool GradientFuser::isPlainProduct(uint32_t index) const {
  if (index == kNoBuffer)
    return false;
  const Step &step = steps[index];
  const StepParams &p = step.params;
  if (step.kernel != Kernel::Matmul || p.batch != 1 ||
      step.condition != kNoBuffer || p.castA || p.castB || p.m == 0 ||
      p.n == 0 || p.k == 0)
    return false;
  DType dtype = builder.dtype(step.results[0]);
  return amp::isLow(dtype) && builder.dtype(step.operands[0]) == dtype &&
         builder.dtype(step.operands[1]) == dtype && !p.reluGrad &&
         !p.geluGrad && !p.sumsResult && !p.sumsB;
}

bool GradientFuser::isReadOnlyBy(uint32_t buffer, uint32_t step) const {
  return builder.program.buffers[buffer].space == Space::Arena &&
         builder.base[buffer] == buffer && !pinned[buffer] &&
         readers[buffer] == std::vector<uint32_t>{step};
}

uint32_t GradientFuser::geluOf(uint32_t buffer) const {
  for (uint32_t reader : readers[builder.base[buffer]])
    if (isOperation(steps[reader], ScalarOp::GeluTanh, 1) &&
        steps[reader].operands[0] == buffer &&
        builder.dtype(steps[reader].results[0]) == builder.dtype(buffer))
      return reader;
  return kNoBuffer;
}

/// One bit for each element, rows at multiples of 128 of them.
bool GradientFuser::keepMask(Step &forward) {
  StepParams &p = forward.params;
  if (!p.relu || p.keepsInput)
    return p.relu;
  p.keepsInput = true;
  forward.results.insert(
      forward.results.begin() + 1,
      builder.addBuffer(forward.name + "/mask", DType::UInt8,
                        {p.m, maskPitch(p.n) / 8}));
  return true;
}

/// The product takes the place of the gradient that reads it.
void GradientFuser::fuseInto(uint32_t product, uint32_t gradient,
                             uint32_t input) {
  Step merged = std::move(steps[product]);
  Step &reader = steps[gradient];
  merged.results[0] = reader.results[0];
  merged.name = reader.name;
  merged.nodes.insert(merged.nodes.end(), reader.nodes.begin(),
                      reader.nodes.end());
  merged.operands.push_back(input);
  if (merged.params.geluGrad)
    merged.expression = reader.expression;
  reader = std::move(merged);
  steps[product] = Step();
  findUses();
}

void GradientFuser::fuseActivations() {
  findUses();
  for (uint32_t i = 0; i < steps.size(); ++i) {
    const bool isRelu = isOperation(steps[i], ScalarOp::ReluGrad, 2);
    if (steps[i].results.empty() || (!isRelu && !isGeluGradient(steps[i])))
      continue;
    const uint32_t g = steps[i].operands[0], x = steps[i].operands[1];
    const uint32_t product = producerOf(g), forward = producerOf(x);
    const Buffer result = builder.buffer(steps[i].results[0]);
    if (!isPlainProduct(product) || !isReadOnlyBy(g, i) ||
        steps[product].params.bias || steps[product].params.relu ||
        builder.dtype(g) != result.dtype || builder.dims(g) != result.dims ||
        result.space == Space::Variable || forward == kNoBuffer ||
        forward == product || steps[forward].results[0] != x ||
        builder.dtype(x) != result.dtype || builder.dims(x) != result.dims ||
        !isPlainProduct(forward))
      continue;
    if (isRelu) {
      if (!keepMask(steps[forward]))
        continue;
      steps[product].params.reluGrad = true;
      fuseInto(product, i, steps[forward].results[1]);
      continue;
    }
    // The value that GELU reads is kept beside GELU's, in rows that are not
    // padded.
    const uint32_t gelu = geluOf(x);
    StepParams &p = steps[forward].params;
    if (gelu == kNoBuffer || p.relu || p.gelu || p.keepsInput || p.n % 8 != 0 ||
        builder.buffer(steps[gelu].results[0]).space == Space::Variable ||
        builder.dims(steps[gelu].results[0]) != builder.dims(x))
      continue;
    p.gelu = p.keepsInput = true;
    Step merged = std::move(steps[forward]);
    merged.results = {steps[gelu].results[0], x};
    merged.expression = steps[gelu].expression;
    merged.name = steps[gelu].name;
    merged.nodes.insert(merged.nodes.end(), steps[gelu].nodes.begin(),
                        steps[gelu].nodes.end());
    steps[gelu] = std::move(merged);
    steps[forward] = Step();
    steps[product].params.geluGrad = true;
    fuseInto(product, i, x);
  }
}

/// Σ over the rows of a gradient: beside the product that makes it, or the one
/// that reads it as the right operand of a weight's gradient. It is rounded to
/// 16 bits, as the graph says; a cast to float32 stays, for its reader to fuse.
void GradientFuser::fuseBiasGradients() {
  findUses();
  for (uint32_t i = 0; i < steps.size(); ++i) {
    const Step &sum = steps[i];
    if (sum.kernel != Kernel::Reduce || sum.results.empty() ||
        sum.params.reduce != ReduceOp::Sum || sum.condition != kNoBuffer)
      continue;
    const uint32_t rows = sum.operands[0], result = sum.results[0];
    auto sums = [&](int64_t height, int64_t width) {
      return sum.params.reduceLoops == Dims{height} &&
             sum.params.reduceStrides == Dims{width} &&
             sum.params.loops == Dims{width} &&
             sum.params.strides == std::vector<Dims>{{1}};
    };
    uint32_t product = producerOf(rows);
    bool ofResult = product != kNoBuffer && steps[product].results[0] == rows &&
                    (steps[product].params.reluGrad ||
                     steps[product].params.geluGrad) &&
                    !steps[product].params.sumsResult &&
                    sums(steps[product].params.m, steps[product].params.n);
    if (!ofResult) {
      product = kNoBuffer;
      for (uint32_t reader : readers[builder.base[rows]]) {
        const StepParams &p = steps[reader].params;
        if (isPlainProduct(reader) && steps[reader].operands[1] == rows &&
            p.transposeA && !p.transposeB && !p.bias && !p.relu && !p.gelu &&
            sums(p.k, p.n))
          product = reader;
      }
    }
    if (product == kNoBuffer)
      continue;
    Step &into = steps[product];
    const DType dtype = builder.dtype(rows), wanted = builder.dtype(result);
    if (wanted != dtype && wanted != DType::Float32)
      continue;
    (ofResult ? into.params.sumsResult : into.params.sumsB) = true;
    uint32_t place = result;
    if (wanted != dtype)
      place = builder.addBuffer(builder.buffer(result).name, dtype,
                                builder.dims(result));
    into.results.push_back(place);
    into.nodes.insert(into.nodes.end(), sum.nodes.begin(), sum.nodes.end());
    if (wanted == dtype) {
      steps[i] = Step();
    } else {
      Step cast;
      cast.kernel = Kernel::Elementwise;
      cast.name = sum.name;
      ExpressionBuilder e(builder);
      e.cast(e.load(place), wanted);
      e.finish(cast, result);
      steps[i] = std::move(cast);
    }
    findUses();
  }
}

void amprt::planner::fuseGradients(Builder &builder) {
  GradientFuser fuser(builder);
  fuser.fuseActivations();
  fuser.fuseBiasGradients();
}
