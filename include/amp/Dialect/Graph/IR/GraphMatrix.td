//===- GraphMatrix.td - Matrix products ---------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Matrix products. Names and attributes only: what an op
// is stands in OpSet, and a test holds the two against each other.
//===----------------------------------------------------------------------===//

#ifndef AMP_DIALECT_GRAPH_IR_GRAPHMATRIX_TD
#define AMP_DIALECT_GRAPH_IR_GRAPHMATRIX_TD

include "amp/Dialect/Graph/IR/GraphBase.td"

def Graph_MatmulOp : Graph_PureOp<"matmul",
    "The product of the last two axes; leading axes broadcast."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       DefaultValuedOptionalAttr<BoolAttr, "false">:$transpose_a,
                       DefaultValuedOptionalAttr<BoolAttr, "false">:$transpose_b);
}

def Graph_BiasAddOp : Graph_PureOp<"bias_add",
    "x plus a vector along an axis."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       DefaultValuedOptionalAttr<I64Attr, "-1">:$axis);
}

#endif // AMP_DIALECT_GRAPH_IR_GRAPHMATRIX_TD
