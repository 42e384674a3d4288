//===- GraphValues.td - Values: constants, casts, identities ------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Values: constants, casts, identities. Names and attributes only: what an op
// is stands in OpSet, and a test holds the two against each other.
//===----------------------------------------------------------------------===//

#ifndef AMP_DIALECT_GRAPH_IR_GRAPHVALUES_TD
#define AMP_DIALECT_GRAPH_IR_GRAPHVALUES_TD

include "amp/Dialect/Graph/IR/GraphBase.td"

def Graph_IotaOp : Graph_PureOp<"iota", "0, 1, 2, … along an axis."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       Graph_DimsAttr:$shape,
                       I64Attr:$axis,
                       TypeAttr:$dtype);
}

def Graph_ConstantOp : Graph_PureOp<"constant",
    [{`value` is one number for all elements, a nested or flat list, or
      `{'weights': 'entry'}`.}]> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       OptionalAttr<ElementsAttr>:$value,
                       OptionalAttr<StrAttr>:$weights);
}

def Graph_IdentityOp : Graph_PureOp<"identity", "x.">;

def Graph_CastOp : Graph_PureOp<"cast",
    [{x with another dtype. A float to integer cast truncates; a number to
      bool cast is x ≠ 0.}]> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       TypeAttr:$to);
  let hasFolder = 1;
}

def Graph_StopGradientOp : Graph_PureOp<"stop_gradient",
    "x; no gradient flows back.">;

#endif // AMP_DIALECT_GRAPH_IR_GRAPHVALUES_TD
