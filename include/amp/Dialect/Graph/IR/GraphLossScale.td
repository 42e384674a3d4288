//===- GraphLossScale.td - Loss scaling ---------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Loss scaling. Names and attributes only: what an op
// is stands in OpSet, and a test holds the two against each other.
//===----------------------------------------------------------------------===//

#ifndef AMP_DIALECT_GRAPH_IR_GRAPHLOSSSCALE_TD
#define AMP_DIALECT_GRAPH_IR_GRAPHLOSSSCALE_TD

include "amp/Dialect/Graph/IR/GraphBase.td"

def Graph_ScaleLossOp : Graph_PureOp<"scale_loss", "loss_gradient · scale.">;

def Graph_AllFiniteOp : Graph_PureOp<"all_finite",
    "Whether no element is infinite or NaN, a bool scalar.">;

def Graph_UnscaleOp : Graph_PureOp<"unscale", "gradient · (1 / scale).">;

def Graph_UpdateLossScaleOp : Graph_PureOp<"update_loss_scale",
    "The new scale and counters after a good or a bad step."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       I64Attr:$growth_steps,
                       F64Attr:$growth,
                       F64Attr:$backoff,
                       F64Attr:$min,
                       F64Attr:$max,
                       I64Attr:$decrease_every);
}

#endif // AMP_DIALECT_GRAPH_IR_GRAPHLOSSSCALE_TD
