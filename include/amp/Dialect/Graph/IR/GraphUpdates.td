//===- GraphUpdates.td - Updates of variables ---------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Updates of variables. Names and attributes only: what an op
// is stands in OpSet, and a test holds the two against each other.
//===----------------------------------------------------------------------===//

#ifndef AMP_DIALECT_GRAPH_IR_GRAPHUPDATES_TD
#define AMP_DIALECT_GRAPH_IR_GRAPHUPDATES_TD

include "amp/Dialect/Graph/IR/GraphBase.td"

def Graph_AssignOp : Graph_UpdateOp<"assign", "variable = value.">;

def Graph_AssignAddOp : Graph_UpdateOp<"assign_add", "variable += value.">;

def Graph_ApplySgdOp : Graph_UpdateOp<"apply_sgd", "Gradient descent."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       DefaultValuedOptionalAttr<F64Attr, "0.0">:$weight_decay);
}

def Graph_ApplyMomentumOp : Graph_UpdateOp<"apply_momentum",
    "Gradient descent with momentum, or Nesterov's."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       F64Attr:$momentum,
                       DefaultValuedOptionalAttr<BoolAttr, "false">:$nesterov,
                       DefaultValuedOptionalAttr<F64Attr, "0.0">:$weight_decay);
}

def Graph_ApplyRmspropOp : Graph_UpdateOp<"apply_rmsprop",
    [{RMSprop; `mg` when `centered`, `momentum` when `momentum` is more than
      0.}]> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       DefaultValuedOptionalAttr<F64Attr, "0.9">:$rho,
                       DefaultValuedOptionalAttr<F64Attr, "0.0">:$momentum,
                       DefaultValuedOptionalAttr<F64Attr, "1e-07">:$epsilon,
                       DefaultValuedOptionalAttr<BoolAttr, "false">:$centered);
}

def Graph_ApplyAdamOp : Graph_UpdateOp<"apply_adam",
    "Adam; reads `iterations`, the steps before."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       DefaultValuedOptionalAttr<F64Attr, "0.9">:$beta_1,
                       DefaultValuedOptionalAttr<F64Attr, "0.999">:$beta_2,
                       DefaultValuedOptionalAttr<F64Attr, "1e-07">:$epsilon);
}

def Graph_ApplyAdamwOp : Graph_UpdateOp<"apply_adamw",
    "Adam with decoupled weight decay."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       DefaultValuedOptionalAttr<F64Attr, "0.9">:$beta_1,
                       DefaultValuedOptionalAttr<F64Attr, "0.999">:$beta_2,
                       DefaultValuedOptionalAttr<F64Attr, "1e-07">:$epsilon,
                       DefaultValuedOptionalAttr<F64Attr, "0.004">:$weight_decay);
}

#endif // AMP_DIALECT_GRAPH_IR_GRAPHUPDATES_TD
