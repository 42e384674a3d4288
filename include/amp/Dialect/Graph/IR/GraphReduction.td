//===- GraphReduction.td - Reductions -----------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Reductions. Names and attributes only: what an op
// is stands in OpSet, and a test holds the two against each other.
//===----------------------------------------------------------------------===//

#ifndef AMP_DIALECT_GRAPH_IR_GRAPHREDUCTION_TD
#define AMP_DIALECT_GRAPH_IR_GRAPHREDUCTION_TD

include "amp/Dialect/Graph/IR/GraphBase.td"

def Graph_ReduceSumOp : Graph_PureOp<"reduce_sum", "The sum over axes."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       OptionalAttr<DenseI64ArrayAttr>:$axes,
                       DefaultValuedOptionalAttr<BoolAttr, "false">:$keep_dims);
}

def Graph_ReduceMeanOp : Graph_PureOp<"reduce_mean", "The mean over axes."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       OptionalAttr<DenseI64ArrayAttr>:$axes,
                       DefaultValuedOptionalAttr<BoolAttr, "false">:$keep_dims);
}

def Graph_ReduceMaxOp : Graph_PureOp<"reduce_max",
    "The largest over axes; NaN if any is NaN."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       OptionalAttr<DenseI64ArrayAttr>:$axes,
                       DefaultValuedOptionalAttr<BoolAttr, "false">:$keep_dims);
}

def Graph_ReduceMinOp : Graph_PureOp<"reduce_min",
    "The smallest over axes; NaN if any is NaN."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       OptionalAttr<DenseI64ArrayAttr>:$axes,
                       DefaultValuedOptionalAttr<BoolAttr, "false">:$keep_dims);
}

def Graph_ReduceProdOp : Graph_PureOp<"reduce_prod", "The product over axes."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       OptionalAttr<DenseI64ArrayAttr>:$axes,
                       DefaultValuedOptionalAttr<BoolAttr, "false">:$keep_dims);
}

def Graph_ArgmaxOp : Graph_PureOp<"argmax",
    "The position of the first largest along an axis, int32."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       I64Attr:$axis);
}

def Graph_CumsumOp : Graph_PureOp<"cumsum",
    "Each element plus all before it along an axis."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       I64Attr:$axis);
}

#endif // AMP_DIALECT_GRAPH_IR_GRAPHREDUCTION_TD
