//===- GraphLosses.td - Softmax and losses ------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Softmax and losses. Names and attributes only: what an op
// is stands in OpSet, and a test holds the two against each other.
//===----------------------------------------------------------------------===//

#ifndef AMP_DIALECT_GRAPH_IR_GRAPHLOSSES_TD
#define AMP_DIALECT_GRAPH_IR_GRAPHLOSSES_TD

include "amp/Dialect/Graph/IR/GraphBase.td"

def Graph_SoftmaxOp : Graph_PureOp<"softmax",
    "eˣ over its sum along an axis."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       DefaultValuedOptionalAttr<I64Attr, "-1">:$axis);
}

def Graph_LogSoftmaxOp : Graph_PureOp<"log_softmax",
    "The logarithm of softmax."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       DefaultValuedOptionalAttr<I64Attr, "-1">:$axis);
}

def Graph_SoftmaxCrossEntropyOp : Graph_PureOp<"softmax_cross_entropy",
    "−Σ probabilities · log_softmax(logits) of each row."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       DefaultValuedOptionalAttr<StrAttr, "\"mean\"">:$reduction);
}

def Graph_SparseSoftmaxCrossEntropyOp : Graph_PureOp<"sparse_softmax_cross_entropy",
    "−log_softmax(logits) at the label of each row."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       DefaultValuedOptionalAttr<StrAttr, "\"mean\"">:$reduction);
}

def Graph_SigmoidCrossEntropyOp : Graph_PureOp<"sigmoid_cross_entropy",
    "The cross entropy of labels and sigmoid(logits), of each element."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       DefaultValuedOptionalAttr<StrAttr, "\"mean\"">:$reduction);
}

def Graph_MeanSquaredErrorOp : Graph_PureOp<"mean_squared_error",
    "(predictions − targets)² of each element."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       DefaultValuedOptionalAttr<StrAttr, "\"mean\"">:$reduction);
}

#endif // AMP_DIALECT_GRAPH_IR_GRAPHLOSSES_TD
