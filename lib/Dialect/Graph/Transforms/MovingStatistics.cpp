//===- MovingStatistics.cpp - What batch norms remember -------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A batch norm that trains returns mean and variance of the batch. Its moving
// statistics become momentum times the old ones plus the rest of the new ones,
// in the type they have.
//===----------------------------------------------------------------------===//

#include "Training.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace amp;
using namespace amp::graph;

namespace {

/// Adds the updates of one batch norm.
class StatisticsBuilder {
public:
  StatisticsBuilder(StepBuilder &nodes, Accumulation &accumulation,
                    BatchNormOp norm)
      : nodes(nodes), accumulation(accumulation), norm(norm) {}

  /// `operand` is the moving statistic, `result` that of the batch.
  LogicalResult build(StringRef what, unsigned operand, unsigned result) {
    Value moving = norm->getOperand(operand);
    // Calls that are one step together are one batch.
    FailureOr<Value> batch =
        accumulation.mean(moving.getDefiningOp<ReadOp>(),
                          norm->getResult(result), /*isGradient=*/false);
    if (failed(batch))
      return failure();
    Type element = getElementTypeOrSelf(moving.getType());
    double momentum = 0.99;
    if (auto attr = norm->getAttrOfType<FloatAttr>("momentum"))
      momentum = attr.getValueAsDouble();
    Value kept = product(what + "/kept", moving, momentum, element);
    Value added = product(what + "/added", *batch, 1 - momentum, element);
    Operation *sum = create("add", what + "/new", {kept, added});
    if (!sum)
      return failure();
    SmallVector<Value, 3> operands = {moving, sum->getResult(0)};
    if (Value last = accumulation.getLast())
      operands.push_back(last);
    return success(create("assign", what + "/assign", operands) != nullptr);
  }

private:
  Operation *create(StringRef op, const Twine &suffix, ValueRange operands,
                    ArrayRef<NamedAttribute> attrs = {}) {
    nodes.setLoc(norm->getLoc());
    return nodes.create(op, nodeName(norm) + "/" + suffix, operands, attrs);
  }

  Value product(const Twine &suffix, Value value, double factor, Type element) {
    std::string name = suffix.str();
    OpBuilder &builder = nodes.getBuilder();
    auto scalar = RankedTensorType::get({}, element);
    Operation *constant = create(
        "constant", name + "/factor", {},
        builder.getNamedAttr(
            "value", DenseElementsAttr::get(
                         scalar, builder.getFloatAttr(element, factor))));
    Operation *node = constant
                          ? create("mul", name, {value, constant->getResult(0)})
                          : nullptr;
    return node ? node->getResult(0) : Value();
  }

  StepBuilder &nodes;
  Accumulation &accumulation;
  BatchNormOp norm;
};

} // namespace

LogicalResult graph::buildMovingStatistics(StepBuilder &nodes,
                                           Accumulation &accumulation) {
  SmallVector<BatchNormOp> norms;
  for (Operation &op : nodes.getFunction().getBody().front()) {
    auto norm = dyn_cast<BatchNormOp>(op);
    if (norm && op.getNumResults() == 3)
      norms.push_back(norm);
  }
  llvm::StringSet<> updated;
  for (BatchNormOp norm : norms) {
    StatisticsBuilder statistics(nodes, accumulation, norm);
    for (auto [what, operand, result] :
         {std::tuple<StringLiteral, unsigned, unsigned>{"moving_mean", 3, 1},
          {"moving_variance", 4, 2}}) {
      auto read = norm->getOperand(operand).getDefiningOp<ReadOp>();
      // Statistics that are no variable are the file's own business, and so
      // are those that it updates itself.
      if (!read || nodes.getVariables().updateOf(read.getVariable()))
        continue;
      if (!updated.insert(read.getVariable()).second)
        return norm->emitError("updates the moving statistics '")
               << read.getVariable() << "' of another batch norm";
      if (failed(statistics.build(what, operand, result)))
        return failure();
    }
  }
  return success();
}
