//===- GraphRandom.td - Random ops --------------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Random ops. Names and attributes only: what an op
// is stands in OpSet, and a test holds the two against each other.
//===----------------------------------------------------------------------===//

#ifndef AMP_DIALECT_GRAPH_IR_GRAPHRANDOM_TD
#define AMP_DIALECT_GRAPH_IR_GRAPHRANDOM_TD

include "amp/Dialect/Graph/IR/GraphBase.td"

def Graph_DropoutOp : Graph_NodeOp<"dropout",
    [{x; with `training`, zero with probability `rate` and x / (1 − rate)
      else, another mask at each step.}]> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       F64Attr:$rate,
                       I64Attr:$seed,
                       DefaultValuedOptionalAttr<BoolAttr, "false">:$training);
}

#endif // AMP_DIALECT_GRAPH_IR_GRAPHRANDOM_TD
