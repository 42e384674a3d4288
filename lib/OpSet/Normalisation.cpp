//===- Normalisation.cpp - Batch, layer and RMS normalisation -------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The parameters and statistics of a normalisation stay float32 (float64 when
// x is), so they are in no type group.
//===----------------------------------------------------------------------===//

#include "Rules.h"
#include "Table.h"

namespace amp::opset {

namespace {

/// Operands from `first` on are vectors along an axis of x.
Failure expectVectors(const OpArgs &args, size_t first, size_t axis) {
  const Shape &x = args.operands[0].shape;
  for (size_t i = first; i < args.operands.size(); ++i) {
    if (Failure failure = expectRank(args, i, 1))
      return failure;
    if (Failure failure =
            expectSize(args, i, 0, x[axis], "as axis ", axis, " of 'x', ", x))
      return failure;
  }
  return ok;
}

Failure inferBatchNorm(const OpArgs &args, Results &results) {
  if (Failure failure = expectMinRank(args, 0, 2))
    return failure;
  const TensorType &x = args.operands[0];
  size_t axis = args.getEnum("layout") == "NCHW" ? 1 : x.shape.size() - 1;
  if (Failure failure = expectVectors(args, 1, axis))
    return failure;
  results.push_back(x);
  if (args.getBool("training")) {
    TensorType statistic = args.operands[1];
    for (size_t i = 2; i < args.operands.size(); ++i)
      statistic.shape[0] = meet(statistic.shape[0], args.operands[i].shape[0]);
    statistic.shape[0] = meet(statistic.shape[0], x.shape[axis]);
    results.push_back(statistic);
    results.push_back(std::move(statistic));
  }
  return ok;
}

Failure inferAxisNorm(const OpArgs &args, Results &results) {
  size_t axis;
  if (Failure failure =
          resolveAxis(args, "axis", args.operands[0].shape.size(), axis))
    return failure;
  if (Failure failure = expectVectors(args, 1, axis))
    return failure;
  return inferLikeFirst(args, results);
}

/// The offset is optional, and with it its gradient.
Failure inferRmsNormGrad(const OpArgs &args, Results &results) {
  if (Failure failure = inferGradients<inferAxisNorm, 1, 2>(args, results))
    return failure;
  if (args.operands.size() > 3)
    addGradient(args, 3, 2, results);
  return ok;
}

AttrDef epsilonAttr() { return within(floatAttr("epsilon", 1e-3), 0); }

} // namespace

void addNormalisations(Table &table) {
  table.op("batch_norm", Family::Normalisation, inferBatchNorm)
      .in("x")
      .side("scale", DTypes::Params)
      .side("offset", DTypes::Params)
      .side("moving_mean", DTypes::Params)
      .side("moving_variance", DTypes::Params)
      .attr(epsilonAttr())
      .attr(within(floatAttr("momentum", 0.99), 0, 1))
      .attr(boolAttr("training", false))
      .attr(enumAttr("layout", "NHWC", {"NHWC", "NCHW"},
                     "channels are the last axis, or axis 1"))
      .out()
      .sideOut("batch_mean")
      .sideOut("batch_variance")
      .variadicResults()
      .gradient("batch_norm_grad")
      .doc("Normalises each channel by the moving statistics, or with "
           "`training` by those of the batch, which are then results too.");
  auto axisNorm = [&](std::string_view name, std::string_view grad,
                      std::string_view doc) {
    Entry entry = table.op(name, Family::Normalisation, inferAxisNorm);
    entry.in("x")
        .side("scale", DTypes::Params)
        .side("offset", DTypes::Params)
        .attr(intAttr("axis", -1))
        .attr(epsilonAttr())
        .out()
        .gradient(grad)
        .doc(doc);
    return entry;
  };
  axisNorm("layer_norm", "layer_norm_grad",
           "Normalises along an axis to mean 0 and variance 1, then scale and "
           "offset.");
  axisNorm("rms_norm", "rms_norm_grad",
           "x / √(mean of x² + epsilon) along an axis, then scale and offset.")
      .optional();

  table
      .grad("batch_norm_grad", "batch_norm",
            inferGradients<inferBatchNorm, 1, 2, 3>)
      .without("momentum")
      .shapeOnly("offset")
      .out("x_gradient")
      .sideOut("scale_gradient")
      .sideOut("offset_gradient")
      .doc("`gradient` is that of y; the statistics carry none.");
  table
      .grad("layer_norm_grad", "layer_norm",
            inferGradients<inferAxisNorm, 1, 2, 3>)
      .shapeOnly("offset")
      .out("x_gradient")
      .sideOut("scale_gradient")
      .sideOut("offset_gradient");
  table.grad("rms_norm_grad", "rms_norm", inferRmsNormGrad)
      .shapeOnly("offset")
      .out("x_gradient")
      .sideOut("scale_gradient")
      .sideOut("offset_gradient")
      .variadicResults()
      .doc("The third result only with an offset.");
}

} // namespace amp::opset
