//===- Loss.cpp - Softmax and losses --------------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The class axis of the cross entropies is the last one. `reduction` says what
// becomes of the values: one per row, or one per element.
//===----------------------------------------------------------------------===//

#include "Rules.h"
#include "Table.h"

namespace amp::opset {

namespace {

Failure inferSoftmax(const OpArgs &args, Results &results) {
  size_t axis;
  if (Failure failure =
          resolveAxis(args, "axis", args.operands[0].shape.size(), axis))
    return failure;
  return inferLikeFirst(args, results);
}

/// The values of a loss, reduced to a scalar unless `reduction` is none.
Failure reduce(const OpArgs &args, Shape values, Results &results) {
  if (args.getEnum("reduction") != "none")
    values.clear();
  results.push_back({args.operands[0].dtype, std::move(values)});
  return ok;
}

Failure inferSoftmaxLoss(const OpArgs &args, Results &results) {
  if (Failure failure = expectMinRank(args, 0, 1))
    return failure;
  if (Failure failure = expectSameShape(args, 1, 0))
    return failure;
  Shape rows = args.operands[0].shape;
  for (size_t i = 0; i < rows.size(); ++i)
    rows[i] = meet(rows[i], args.operands[1].shape[i]);
  rows.pop_back();
  return reduce(args, std::move(rows), results);
}

Failure inferSparseLoss(const OpArgs &args, Results &results) {
  if (Failure failure = expectMinRank(args, 0, 1))
    return failure;
  Shape rows = args.operands[0].shape;
  rows.pop_back();
  if (Failure failure =
          expectShape(args, 1, rows, "one label for each row of 'logits'"))
    return failure;
  for (size_t i = 0; i < rows.size(); ++i)
    rows[i] = meet(rows[i], args.operands[1].shape[i]);
  return reduce(args, std::move(rows), results);
}

Failure inferElementLoss(const OpArgs &args, Results &results) {
  if (Failure failure = expectSameShape(args, 1, 0))
    return failure;
  Shape values = args.operands[0].shape;
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = meet(values[i], args.operands[1].shape[i]);
  return reduce(args, std::move(values), results);
}

AttrDef reductionAttr() {
  return enumAttr("reduction", "mean", {"mean", "sum", "none"});
}

} // namespace

void addLosses(Table &table) {
  auto softmax = [&](std::string_view name, std::string_view grad,
                     std::string_view doc) {
    table.op(name, Family::Loss, inferSoftmax)
        .in("x")
        .attr(intAttr("axis", -1))
        .out()
        .gradient(grad)
        .doc(doc);
  };
  softmax("softmax", "softmax_grad", "eˣ over its sum along an axis.");
  softmax("log_softmax", "log_softmax_grad", "The logarithm of softmax.");

  table.op("softmax_cross_entropy", Family::Loss, inferSoftmaxLoss)
      .in("logits")
      .in("probabilities")
      .attr(reductionAttr())
      .out("loss")
      .loss()
      .gradient("softmax_cross_entropy_grad, for the logits alone")
      .doc("−Σ probabilities · log_softmax(logits) of each row.");
  table.op("sparse_softmax_cross_entropy", Family::Loss, inferSparseLoss)
      .in("logits")
      .side("labels", DTypes::Index)
      .attr(reductionAttr())
      .out("loss")
      .loss()
      .gradient("sparse_softmax_cross_entropy_grad")
      .doc("−log_softmax(logits) at the label of each row.");
  table.op("sigmoid_cross_entropy", Family::Loss, inferElementLoss)
      .in("logits")
      .in("labels")
      .attr(reductionAttr())
      .out("loss")
      .loss()
      .gradient("sigmoid_cross_entropy_grad, for the logits alone")
      .doc("The cross entropy of labels and sigmoid(logits), of each element.");
  table.op("mean_squared_error", Family::Loss, inferElementLoss)
      .in("predictions")
      .in("targets")
      .attr(reductionAttr())
      .out("loss")
      .loss()
      .gradient("mean_squared_error_grad, for the targets with neg")
      .doc("(predictions − targets)² of each element.");

  table.grad("softmax_grad", "softmax", inferGradients<inferSoftmax, 1>)
      .out("x_gradient");
  table.grad("log_softmax_grad", "log_softmax", inferGradients<inferSoftmax, 1>)
      .out("x_gradient");
  table
      .grad("softmax_cross_entropy_grad", "softmax_cross_entropy",
            inferGradients<inferSoftmaxLoss, 1>)
      .out("logits_gradient")
      .loss();
  table
      .grad("sparse_softmax_cross_entropy_grad", "sparse_softmax_cross_entropy",
            inferGradients<inferSparseLoss, 1>)
      .out("logits_gradient")
      .loss();
  table
      .grad("sigmoid_cross_entropy_grad", "sigmoid_cross_entropy",
            inferGradients<inferElementLoss, 1>)
      .out("logits_gradient")
      .loss();
  table
      .grad("mean_squared_error_grad", "mean_squared_error",
            inferGradients<inferElementLoss, 1>)
      .out("predictions_gradient")
      .loss();
}

} // namespace amp::opset
