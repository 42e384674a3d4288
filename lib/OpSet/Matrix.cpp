//===- Matrix.cpp - Matrix products and their bias ------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// matmul and bias_add, with the backward op of the bias.
//===----------------------------------------------------------------------===//

#include "Rules.h"
#include "Table.h"

namespace amp::opset {

namespace {

Failure inferMatmul(const OpArgs &args, Results &results) {
  for (size_t i : {0, 1})
    if (Failure failure = expectMinRank(args, i, 2))
      return failure;
  const Shape &a = args.operands[0].shape, &b = args.operands[1].shape;
  size_t transposeA = args.getBool("transpose_a"),
         transposeB = args.getBool("transpose_b");
  size_t rowsAxis = a.size() - 2 + transposeA;
  size_t sumAxisA = a.size() - 1 - transposeA;
  size_t sumAxisB = b.size() - 2 + transposeB;
  size_t columnsAxis = b.size() - 1 - transposeB;
  if (!fits(a[sumAxisA], b[sumAxisB]))
    return failOperand(1, "cannot multiply ", args.operands[0], " by ",
                       args.operands[1], ": axis ", sumAxisA, " of 'a' is ",
                       a[sumAxisA], ", axis ", sumAxisB, " of 'b' is ",
                       b[sumAxisB]);
  TensorType type{args.operands[0].dtype, {}};
  if (a.size() == 2 && b.size() == 2) {
    type.shape = {a[rowsAxis], b[columnsAxis]};
  } else {
    Shape batchA(a.begin(), a.end() - 2), batchB(b.begin(), b.end() - 2);
    if (!broadcast(batchA, batchB, type.shape))
      return failOperand(1, "the leading sizes of ", args.operands[0], " and ",
                         args.operands[1], " do not broadcast");
    type.shape.push_back(a[rowsAxis]);
    type.shape.push_back(b[columnsAxis]);
  }
  results.push_back(std::move(type));
  return ok;
}

Failure inferBiasAdd(const OpArgs &args, Results &results) {
  const Shape &x = args.operands[0].shape;
  size_t axis;
  if (Failure failure = resolveAxis(args, "axis", x.size(), axis))
    return failure;
  if (Failure failure = expectRank(args, 1, 1))
    return failure;
  if (Failure failure =
          expectSize(args, 1, 0, x[axis], "as axis ", axis, " of 'x', ", x))
    return failure;
  TensorType type = args.operands[0];
  type.shape[axis] = meet(type.shape[axis], args.operands[1].shape[0]);
  results.push_back(std::move(type));
  return ok;
}

Failure inferBiasAddGrad(const OpArgs &args, Results &results) {
  const TensorType &gradient = args.operands[0];
  size_t axis;
  if (Failure failure = resolveAxis(args, "axis", gradient.shape.size(), axis))
    return failure;
  results.push_back({gradient.dtype, {gradient.shape[axis]}});
  return ok;
}

} // namespace

void addMatrix(Table &table) {
  table.op("matmul", Family::Matrix, inferMatmul)
      .in("a")
      .in("b")
      .attr(boolAttr("transpose_a", false))
      .attr(boolAttr("transpose_b", false))
      .out()
      .gradient("matmul, sum_to")
      .doc("The product of the last two axes; leading axes broadcast.");
  table.op("bias_add", Family::Matrix, inferBiasAdd)
      .in("x")
      .in("bias")
      .attr(intAttr("axis", -1))
      .out()
      .gradient("the gradient itself, bias_add_grad")
      .doc("x plus a vector along an axis.");
  table.gradAlone("bias_add_grad", "bias_add", inferBiasAddGrad)
      .attr(intAttr("axis", -1))
      .out("bias_gradient")
      .doc("The sum over all axes but one, accumulated in float32.");
}

} // namespace amp::opset
