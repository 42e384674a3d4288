//===- GraphFolds.cpp - Folds of graph ops --------------------------------
//-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A cast up and down again is exact and folds; down and up again loses bits and
// never does.
//===----------------------------------------------------------------------===//

#include "amp/Dialect/Graph/IR/GraphOps.h"

using namespace mlir;
using namespace amp::graph;

/// Whether every value of `from` is a value of `to`.
static bool widens(FloatType from, FloatType to) {
  return llvm::APFloat::isRepresentableAsNormalIn(from.getFloatSemantics(),
                                                  to.getFloatSemantics()) &&
         from != to;
}

LogicalResult CastOp::fold(FoldAdaptor,
                           SmallVectorImpl<OpFoldResult> &results) {
  if (getInputs().size() != 1 || getOutputs().size() != 1)
    return failure();
  Value input = getInputs().front();
  Type type = getOutputs().front().getType();
  if (input.getType() == type) {
    results.push_back(input);
    return success();
  }
  auto inner = input.getDefiningOp<CastOp>();
  if (!inner || inner.getInputs().size() != 1)
    return failure();
  Value source = inner.getInputs().front();
  if (source.getType() != type)
    return failure();
  auto narrow = dyn_cast<FloatType>(getElementTypeOrSelf(type));
  auto wide = dyn_cast<FloatType>(getElementTypeOrSelf(input.getType()));
  if (!narrow || !wide || !widens(narrow, wide))
    return failure();
  results.push_back(source);
  return success();
}
