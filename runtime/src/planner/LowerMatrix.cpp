//===- LowerMatrix.cpp - Lowering: products and biases --------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// matmul to one product or a batch of them, bias_add and its gradient.
//===----------------------------------------------------------------------===//

#include "Lowering.h"

using namespace amprt;
using namespace amprt::planner;

namespace {

/// Which matrix of an operand each product of the batch takes.
std::vector<int64_t> matrixNumbers(const Dims &operand, const Dims &batch) {
  Dims strides =
      broadcastStrides({operand.begin(), operand.end() - 2}, batch.size());
  std::vector<int64_t> numbers(size_t(elementCount(batch)));
  for (size_t n = 0; n < numbers.size(); ++n) {
    int64_t rest = int64_t(n), number = 0;
    for (size_t i = batch.size(); i-- > 0;) {
      number += rest % batch[i] * strides[i];
      rest /= batch[i];
    }
    numbers[n] = number;
  }
  return numbers;
}

bool lowerMatmul(NodeLowering &node) {
  const Dims &a = node.dims(0), &b = node.dims(1);
  if (!amp::isFloating(node.dtype(0)))
    return false;
  Dims result = node.resultDims();
  uint32_t out = node.addResult();
  Step &step = node.addStep(Kernel::Matmul);
  StepParams &p = step.params;
  p.transposeA = node.args.getBool("transpose_a");
  p.transposeB = node.args.getBool("transpose_b");
  p.m = result[result.size() - 2];
  p.n = result.back();
  p.k = a[a.size() - (p.transposeA ? 2 : 1)];
  Dims batch(result.begin(), result.end() - 2);
  p.batch = elementCount(batch);
  if (b.size() == 2 && !p.transposeA) {
    // Many rows against one matrix: one product.
    p.m *= p.batch;
    p.batch = 1;
  } else if (p.batch != 1) {
    std::vector<int64_t> ofA = matrixNumbers(a, batch),
                         ofB = matrixNumbers(b, batch);
    for (size_t i = 0; i < ofA.size(); ++i) {
      p.batchMatrices.push_back(ofA[i]);
      p.batchMatrices.push_back(ofB[i]);
    }
  }
  step.operands = {node.operands[0], node.operands[1]};
  step.results = {out};
  return true;
}

bool lowerBiasAdd(NodeLowering &node) {
  size_t rank = node.dims(0).size();
  size_t axis = size_t(node.axis("axis", rank));
  uint32_t bias = node.operands[1];
  if (axis + 1 != rank) {
    Dims dims(rank - axis, 1);
    dims[0] = node.dims(1)[0];
    bias = node.builder.addView(bias, node.builder.buffer(bias).name, dims);
  }
  ExpressionBuilder e(node.builder);
  int32_t x = e.load(node.operands[0]), b = e.load(bias);
  e.op(ScalarOp::Add, node.types[0].dtype, x, b);
  e.finish(node.addStep(Kernel::Elementwise), node.addResult());
  return true;
}

bool lowerBiasAddGrad(NodeLowering &node) {
  const Dims &dims = node.dims(0);
  std::vector<bool> reduced(dims.size(), true);
  reduced[size_t(node.axis("axis", dims.size()))] = false;
  Step &step = node.addStep(Kernel::Reduce);
  step.operands = {node.operands[0]};
  setReduction(step.params, dims, reduced);
  step.results = {node.addResult()};
  return true;
}

} // namespace

void amprt::planner::addMatrixLowerings(LoweringTable &table) {
  table["matmul"] = lowerMatmul;
  table["bias_add"] = lowerBiasAdd;
  table["bias_add_grad"] = lowerBiasAddGrad;
}
