//===- GraphNormalisation.td - Normalisations ---------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Normalisations. Names and attributes only: what an op
// is stands in OpSet, and a test holds the two against each other.
//===----------------------------------------------------------------------===//

#ifndef AMP_DIALECT_GRAPH_IR_GRAPHNORMALISATION_TD
#define AMP_DIALECT_GRAPH_IR_GRAPHNORMALISATION_TD

include "amp/Dialect/Graph/IR/GraphBase.td"

def Graph_BatchNormOp : Graph_PureOp<"batch_norm",
    [{Normalises each channel by the moving statistics, or with `training` by
      those of the batch, which are then results too.}]> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       DefaultValuedOptionalAttr<F64Attr, "0.001">:$epsilon,
                       DefaultValuedOptionalAttr<F64Attr, "0.99">:$momentum,
                       DefaultValuedOptionalAttr<BoolAttr, "false">:$training,
                       DefaultValuedOptionalAttr<StrAttr, "\"NHWC\"">:$layout);
}

def Graph_LayerNormOp : Graph_PureOp<"layer_norm",
    [{Normalises along an axis to mean 0 and variance 1, then scale and
      offset.}]> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       DefaultValuedOptionalAttr<I64Attr, "-1">:$axis,
                       DefaultValuedOptionalAttr<F64Attr, "0.001">:$epsilon);
}

def Graph_RmsNormOp : Graph_PureOp<"rms_norm",
    "x / √(mean of x² + epsilon) along an axis, then scale and offset."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       DefaultValuedOptionalAttr<I64Attr, "-1">:$axis,
                       DefaultValuedOptionalAttr<F64Attr, "0.001">:$epsilon);
}

#endif // AMP_DIALECT_GRAPH_IR_GRAPHNORMALISATION_TD
