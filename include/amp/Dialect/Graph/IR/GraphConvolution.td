//===- GraphConvolution.td - Convolutions and pooling -------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Convolutions and pooling. Names and attributes only: what an op
// is stands in OpSet, and a test holds the two against each other.
//===----------------------------------------------------------------------===//

#ifndef AMP_DIALECT_GRAPH_IR_GRAPHCONVOLUTION_TD
#define AMP_DIALECT_GRAPH_IR_GRAPHCONVOLUTION_TD

include "amp/Dialect/Graph/IR/GraphBase.td"

def Graph_Conv2dOp : Graph_PureOp<"conv2d",
    "Filter [height, width, channels of x / groups, channels of y]."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       OptionalAttr<DenseI64ArrayAttr>:$strides,
                       DefaultValuedOptionalAttr<StrAttr, "\"same\"">:$padding,
                       OptionalAttr<DenseI64ArrayAttr>:$dilations,
                       DefaultValuedOptionalAttr<I64Attr, "1">:$groups,
                       DefaultValuedOptionalAttr<StrAttr, "\"NHWC\"">:$layout);
}

def Graph_DepthwiseConv2dOp : Graph_PureOp<"depthwise_conv2d",
    [{Filter [height, width, channels of x, multiplier]; y has channels ·
      multiplier.}]> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       OptionalAttr<DenseI64ArrayAttr>:$strides,
                       DefaultValuedOptionalAttr<StrAttr, "\"same\"">:$padding,
                       OptionalAttr<DenseI64ArrayAttr>:$dilations,
                       DefaultValuedOptionalAttr<StrAttr, "\"NHWC\"">:$layout);
}

def Graph_Conv2dTransposeOp : Graph_PureOp<"conv2d_transpose",
    [{Filter as for conv2d. A size h becomes h · s with padding `same`, (h
      − 1) · s + k with `valid`.}]> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       OptionalAttr<DenseI64ArrayAttr>:$strides,
                       DefaultValuedOptionalAttr<StrAttr, "\"same\"">:$padding,
                       OptionalAttr<DenseI64ArrayAttr>:$dilations,
                       DefaultValuedOptionalAttr<I64Attr, "1">:$groups,
                       DefaultValuedOptionalAttr<StrAttr, "\"NHWC\"">:$layout);
}

def Graph_MaxPool2dOp : Graph_PureOp<"max_pool2d",
    "The largest in each window."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       DenseI64ArrayAttr:$window,
                       OptionalAttr<DenseI64ArrayAttr>:$strides,
                       DefaultValuedOptionalAttr<StrAttr, "\"valid\"">:$padding,
                       DefaultValuedOptionalAttr<StrAttr, "\"NHWC\"">:$layout);
}

def Graph_AvgPool2dOp : Graph_PureOp<"avg_pool2d",
    "The mean of each window, without the padding."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       DenseI64ArrayAttr:$window,
                       OptionalAttr<DenseI64ArrayAttr>:$strides,
                       DefaultValuedOptionalAttr<StrAttr, "\"valid\"">:$padding,
                       DefaultValuedOptionalAttr<StrAttr, "\"NHWC\"">:$layout);
}

def Graph_GlobalAvgPool2dOp : Graph_PureOp<"global_avg_pool2d",
    "The mean over height and width, [N, C]."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       DefaultValuedOptionalAttr<StrAttr, "\"NHWC\"">:$layout);
}

#endif // AMP_DIALECT_GRAPH_IR_GRAPHCONVOLUTION_TD
