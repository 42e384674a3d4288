//===- Reduction.cpp - Reductions -----------------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Reductions over some or all axes, argmax and cumsum.
//===----------------------------------------------------------------------===//

#include "Rules.h"
#include "Table.h"

namespace amp::opset {

namespace {

Failure inferReduce(const OpArgs &args, Results &results) {
  const TensorType &x = args.operands[0];
  std::vector<bool> reduced;
  if (Failure failure = resolveAxes(args, "axes", x.shape.size(), reduced))
    return failure;
  bool keep = args.getBool("keep_dims");
  TensorType type{x.dtype, {}};
  for (size_t i = 0; i < x.shape.size(); ++i) {
    if (!reduced[i])
      type.shape.push_back(x.shape[i]);
    else if (keep)
      type.shape.push_back(Dim::fixed(1));
  }
  results.push_back(std::move(type));
  return ok;
}

Failure inferArgmax(const OpArgs &args, Results &results) {
  Shape shape = args.operands[0].shape;
  size_t axis;
  if (Failure failure = resolveAxis(args, "axis", shape.size(), axis))
    return failure;
  shape.erase(shape.begin() + axis);
  results.push_back({DType::Int32, std::move(shape)});
  return ok;
}

Failure inferCumsum(const OpArgs &args, Results &results) {
  size_t axis;
  if (Failure failure =
          resolveAxis(args, "axis", args.operands[0].shape.size(), axis))
    return failure;
  return inferLikeFirst(args, results);
}

} // namespace

void addReductions(Table &table) {
  auto reduce = [&](std::string_view name, std::string_view grad, DTypes dtypes,
                    std::string_view doc) {
    table.op(name, Family::Reduction, inferReduce)
        .in("x", dtypes)
        .attr(scalarOr(optional(intsAttr("axes", std::nullopt, "all of them"))))
        .attr(boolAttr("keep_dims", false))
        .out()
        .gradient(grad)
        .doc(doc);
  };
  reduce("reduce_sum", "reduce_sum_grad", DTypes::Numeric,
         "The sum over axes.");
  reduce("reduce_mean", "reduce_mean_grad", DTypes::Floating,
         "The mean over axes.");
  reduce("reduce_max", "reduce_max_grad", DTypes::Numeric,
         "The largest over axes; NaN if any is NaN.");
  reduce("reduce_min", "reduce_min_grad", DTypes::Numeric,
         "The smallest over axes; NaN if any is NaN.");
  reduce("reduce_prod", "reduce_prod_grad", DTypes::Numeric,
         "The product over axes.");
  table.op("argmax", Family::Reduction, inferArgmax)
      .in("x", DTypes::Numeric)
      .attr(intAttr("axis", std::nullopt))
      .sideOut("index")
      .doc("The position of the first largest along an axis, int32.");
  table.op("cumsum", Family::Reduction, inferCumsum)
      .in("x", DTypes::Numeric)
      .attr(intAttr("axis", std::nullopt))
      .out()
      .gradient("cumsum_grad")
      .doc("Each element plus all before it along an axis.");

  auto grad = [&](std::string_view name, std::string_view forward) {
    return table.grad(name, forward, inferGradients<inferReduce, 1>);
  };
  grad("reduce_sum_grad", "reduce_sum").shapeOnly("x").out("x_gradient");
  grad("reduce_mean_grad", "reduce_mean").shapeOnly("x").out("x_gradient");
  constexpr std::string_view shared =
      "Elements that are equal to the result share its gradient evenly.";
  grad("reduce_max_grad", "reduce_max").out("x_gradient").doc(shared);
  grad("reduce_min_grad", "reduce_min").out("x_gradient").doc(shared);
  grad("reduce_prod_grad", "reduce_prod").out("x_gradient");
  table.grad("cumsum_grad", "cumsum", inferGradients<inferCumsum, 1>)
      .shapeOnly("x")
      .out("x_gradient")
      .doc("The sum of the gradient from each element on.");
}

} // namespace amp::opset
