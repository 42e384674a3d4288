//===- GraphUnary.td - Element-wise ops of one operand ------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Element-wise ops of one operand. Names and attributes only: what an op
// is stands in OpSet, and a test holds the two against each other.
//===----------------------------------------------------------------------===//

#ifndef AMP_DIALECT_GRAPH_IR_GRAPHUNARY_TD
#define AMP_DIALECT_GRAPH_IR_GRAPHUNARY_TD

include "amp/Dialect/Graph/IR/GraphBase.td"

def Graph_NegOp : Graph_PureOp<"neg", "−x.">;

def Graph_AbsOp : Graph_PureOp<"abs", "|x|.">;

def Graph_SignOp : Graph_PureOp<"sign", "−1, 0 or 1; the gradient is zero.">;

def Graph_ExpOp : Graph_PureOp<"exp", "eˣ.">;

def Graph_Expm1Op : Graph_PureOp<"expm1", "eˣ − 1.">;

def Graph_LogOp : Graph_PureOp<"log", "ln x.">;

def Graph_Log1pOp : Graph_PureOp<"log1p", "ln (1 + x).">;

def Graph_SqrtOp : Graph_PureOp<"sqrt", "√x.">;

def Graph_RsqrtOp : Graph_PureOp<"rsqrt", "1 / √x.">;

def Graph_ReciprocalOp : Graph_PureOp<"reciprocal", "1 / x.">;

def Graph_SquareOp : Graph_PureOp<"square", "x².">;

def Graph_SinOp : Graph_PureOp<"sin", "sin x.">;

def Graph_CosOp : Graph_PureOp<"cos", "cos x.">;

def Graph_TanhOp : Graph_PureOp<"tanh", "tanh x.">;

def Graph_SigmoidOp : Graph_PureOp<"sigmoid", "1 / (1 + e⁻ˣ).">;

def Graph_ReluOp : Graph_PureOp<"relu", "max(x, 0).">;

def Graph_Relu6Op : Graph_PureOp<"relu6", "min(max(x, 0), 6).">;

def Graph_SiluOp : Graph_PureOp<"silu", "x · sigmoid(x).">;

def Graph_SoftplusOp : Graph_PureOp<"softplus", "ln (1 + eˣ).">;

def Graph_ErfOp : Graph_PureOp<"erf", "The error function.">;

def Graph_FloorOp : Graph_PureOp<"floor",
    "The integer at or below; the gradient is zero.">;

def Graph_CeilOp : Graph_PureOp<"ceil",
    "The integer at or above; the gradient is zero.">;

def Graph_RoundOp : Graph_PureOp<"round",
    "The nearest integer, half to even; the gradient is zero.">;

def Graph_IsFiniteOp : Graph_PureOp<"is_finite",
    "False for infinities and NaN.">;

def Graph_LogicalNotOp : Graph_PureOp<"logical_not", "not x.">;

def Graph_GeluOp : Graph_PureOp<"gelu",
    [{x · Φ(x), Φ the normal distribution; by its tanh formula when
      `approximate`.}]> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       DefaultValuedOptionalAttr<BoolAttr, "false">:$approximate);
}

def Graph_EluOp : Graph_PureOp<"elu", "x, or alpha · (eˣ − 1) below 0."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       DefaultValuedOptionalAttr<F64Attr, "1.0">:$alpha);
}

def Graph_LeakyReluOp : Graph_PureOp<"leaky_relu",
    "x, or alpha · x below 0."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       DefaultValuedOptionalAttr<F64Attr, "0.2">:$alpha);
}

def Graph_ClipOp : Graph_PureOp<"clip", "min(max(x, min), max)."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       F64Attr:$min,
                       F64Attr:$max);
}

#endif // AMP_DIALECT_GRAPH_IR_GRAPHUNARY_TD
