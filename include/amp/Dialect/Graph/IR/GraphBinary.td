//===- GraphBinary.td - Element-wise ops of two operands and more -------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Element-wise ops of two operands and more. Names and attributes only: what an op
// is stands in OpSet, and a test holds the two against each other.
//===----------------------------------------------------------------------===//

#ifndef AMP_DIALECT_GRAPH_IR_GRAPHBINARY_TD
#define AMP_DIALECT_GRAPH_IR_GRAPHBINARY_TD

include "amp/Dialect/Graph/IR/GraphBase.td"

def Graph_AddOp : Graph_PureOp<"add", "a + b.">;

def Graph_SubOp : Graph_PureOp<"sub", "a − b.">;

def Graph_MulOp : Graph_PureOp<"mul", "a · b.">;

def Graph_DivOp : Graph_PureOp<"div",
    "a / b; of integers the quotient is truncated.">;

def Graph_PowOp : Graph_PureOp<"pow", "aᵇ.">;

def Graph_MaximumOp : Graph_PureOp<"maximum",
    "The larger one; NaN if either is NaN.">;

def Graph_MinimumOp : Graph_PureOp<"minimum",
    "The smaller one; NaN if either is NaN.">;

def Graph_EqualOp : Graph_PureOp<"equal", "a = b.">;

def Graph_NotEqualOp : Graph_PureOp<"not_equal", "a ≠ b.">;

def Graph_LessOp : Graph_PureOp<"less", "a < b.">;

def Graph_LessEqualOp : Graph_PureOp<"less_equal", "a ≤ b.">;

def Graph_GreaterOp : Graph_PureOp<"greater", "a > b.">;

def Graph_GreaterEqualOp : Graph_PureOp<"greater_equal", "a ≥ b.">;

def Graph_LogicalAndOp : Graph_PureOp<"logical_and", "a and b.">;

def Graph_LogicalOrOp : Graph_PureOp<"logical_or", "a or b.">;

def Graph_WhereOp : Graph_PureOp<"where",
    "a where the condition holds, else b.">;

def Graph_AddNOp : Graph_PureOp<"add_n", "The sum of values of one shape.">;

#endif // AMP_DIALECT_GRAPH_IR_GRAPHBINARY_TD
