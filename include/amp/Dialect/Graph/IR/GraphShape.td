//===- GraphShape.td - Ops that change shapes ---------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Ops that change shapes. Names and attributes only: what an op
// is stands in OpSet, and a test holds the two against each other.
//===----------------------------------------------------------------------===//

#ifndef AMP_DIALECT_GRAPH_IR_GRAPHSHAPE_TD
#define AMP_DIALECT_GRAPH_IR_GRAPHSHAPE_TD

include "amp/Dialect/Graph/IR/GraphBase.td"

def Graph_ReshapeOp : Graph_PureOp<"reshape",
    "The same elements in row-major order; one size may be −1."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       Graph_DimsAttr:$shape);
}

def Graph_TransposeOp : Graph_PureOp<"transpose",
    "Axis i of the result is axis perm[i] of x."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       DenseI64ArrayAttr:$perm);
}

def Graph_BroadcastToOp : Graph_PureOp<"broadcast_to",
    "x broadcast to a shape."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       Graph_DimsAttr:$shape);
}

def Graph_ConcatOp : Graph_PureOp<"concat",
    "The values one after the other along an axis."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       I64Attr:$axis);
}

def Graph_SplitOp : Graph_PureOp<"split",
    "One result for each of `sizes`, which add up to the axis."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       I64Attr:$axis,
                       DenseI64ArrayAttr:$sizes);
}

def Graph_SliceOp : Graph_PureOp<"slice",
    [{Elements begin, begin + stride, … before end of each axis; an end of
      null is the end of the axis.}]> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       DenseI64ArrayAttr:$begin,
                       Graph_DimsAttr:$end,
                       OptionalAttr<DenseI64ArrayAttr>:$strides);
}

def Graph_PadOp : Graph_PureOp<"pad",
    "`paddings` has a pair [before, after] for each axis."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       DenseI64ArrayAttr:$paddings,
                       DefaultValuedOptionalAttr<F64Attr, "0.0">:$value);
}

def Graph_ExpandDimsOp : Graph_PureOp<"expand_dims",
    "A new axis of size 1 before axis `axis`."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       I64Attr:$axis);
}

def Graph_SqueezeOp : Graph_PureOp<"squeeze", "Without these axes of size 1."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       DenseI64ArrayAttr:$axes);
}

def Graph_GatherOp : Graph_PureOp<"gather",
    [{The slices of `params` along an axis that `indices` name; the sizes of
      `indices` take the place of that axis.}]> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$axis);
}

def Graph_OneHotOp : Graph_PureOp<"one_hot",
    "1 at the index, else 0, along a new last axis."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       I64Attr:$depth,
                       OptionalAttr<TypeAttr>:$dtype);
}

def Graph_StackOp : Graph_PureOp<"stack",
    "Values of one shape along a new axis."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       I64Attr:$axis);
}

#endif // AMP_DIALECT_GRAPH_IR_GRAPHSHAPE_TD
