//===- DifferentiableOpInterface.cpp - What an op's gradients are ---------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The builder that gradient rules use.
//===----------------------------------------------------------------------===//

#include "amp/Dialect/Graph/Transforms/DifferentiableOpInterface.h"

#include "amp/Dialect/Graph/IR/GraphOps.h"
#include "amp/OpSet/OpSet.h"

using namespace mlir;
using namespace amp;
using namespace amp::graph;

#include "amp/Dialect/Graph/Transforms/DifferentiableOpInterface.cpp.inc"

void GradientBuilder::enter(Operation *op, ArrayRef<bool> wantedOperands) {
  forward = op;
  wanted.assign(wantedOperands.begin(), wantedOperands.end());
}

Operation *GradientBuilder::create(StringRef op, const Twine &suffix,
                                   ValueRange operands,
                                   ArrayRef<NamedAttribute> attrs) {
  StringRef origin = nodeName(forward);
  std::string name = names.fresh((origin + "/" + suffix).str());
  return createNode(builder, forward->getLoc(), op, name, operands, attrs,
                    origin);
}

Value GradientBuilder::createValue(StringRef op, const Twine &suffix,
                                   ValueRange operands,
                                   ArrayRef<NamedAttribute> attrs) {
  Operation *node = create(op, suffix, operands, attrs);
  return node ? node->getResult(0) : Value();
}

Value GradientBuilder::sumTo(Value gradient, unsigned index) {
  if (!gradient)
    return nullptr;
  auto from = cast<RankedTensorType>(gradient.getType());
  auto to = cast<RankedTensorType>(forward->getOperand(index).getType());
  // Two sizes that are known only at run time are the same size: OpSet lets a
  // name broadcast against 1 alone.
  if (from.getShape() == to.getShape())
    return gradient;
  SmallVector<Attribute> shape;
  for (int64_t size : to.getShape())
    shape.push_back(ShapedType::isDynamic(size)
                        ? Attribute(builder.getUnitAttr())
                        : builder.getI64IntegerAttr(size));
  return createValue(
      "sum_to", "grad_" + operandName(index) + "/sum_to", gradient,
      builder.getNamedAttr("shape", builder.getArrayAttr(shape)));
}

StringRef GradientBuilder::operandName(unsigned index) const {
  const OpDef *def = findOp(forward->getName().stripDialect());
  const OperandDef *operand =
      def ? def->operand(index, forward->getNumOperands()) : nullptr;
  return operand ? StringRef(operand->name) : StringRef("operand");
}
