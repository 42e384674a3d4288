//===- Graph.td - The graph dialect --------------------------------------- -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Umbrella of the dialect.
//===----------------------------------------------------------------------===//

#ifndef AMP_DIALECT_GRAPH_IR_GRAPH_TD
#define AMP_DIALECT_GRAPH_IR_GRAPH_TD

include "amp/Dialect/Graph/IR/GraphBackward.td"
include "amp/Dialect/Graph/IR/GraphBase.td"
include "amp/Dialect/Graph/IR/GraphBinary.td"
include "amp/Dialect/Graph/IR/GraphConvolution.td"
include "amp/Dialect/Graph/IR/GraphFunctions.td"
include "amp/Dialect/Graph/IR/GraphLossScale.td"
include "amp/Dialect/Graph/IR/GraphLosses.td"
include "amp/Dialect/Graph/IR/GraphMatrix.td"
include "amp/Dialect/Graph/IR/GraphNormalisation.td"
include "amp/Dialect/Graph/IR/GraphRandom.td"
include "amp/Dialect/Graph/IR/GraphReduction.td"
include "amp/Dialect/Graph/IR/GraphShape.td"
include "amp/Dialect/Graph/IR/GraphUnary.td"
include "amp/Dialect/Graph/IR/GraphUpdates.td"
include "amp/Dialect/Graph/IR/GraphValues.td"

#endif // AMP_DIALECT_GRAPH_IR_GRAPH_TD
