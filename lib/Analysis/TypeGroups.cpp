//===- TypeGroups.cpp - Type groups of a body -----------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Values of a group are few; the ops of a body are looked up by a table that is
// made for the first relation.
//===----------------------------------------------------------------------===//

#include "TypeGroups.h"

#include "amp/Interfaces/ElementTypes.h"

using namespace amp;
using namespace mlir;

bool amp::hasMembers(const TypeGroup &group) {
  return !group.operands.empty() || !group.results.empty() ||
         !group.blockArguments.empty();
}

bool amp::hasPlaces(Operation *op, const TypeGroup &group) {
  auto isResult = [&](unsigned i) { return i < op->getNumResults(); };
  return llvm::all_of(group.operands,
                      [&](unsigned i) { return i < op->getNumOperands(); }) &&
         llvm::all_of(group.results, isResult) &&
         llvm::all_of(group.wideResults, isResult);
}

bool amp::isShaped(Operation *op, const FlowGroup &group) {
  // What is in memory cannot be cast, nor can, in most dialects, a tensor without
  // a rank.
  auto shaped = [](Value value) {
    return isa<RankedTensorType, VectorType>(value.getType());
  };
  for (unsigned i : group.operands)
    if (!shaped(op->getOperand(i)))
      return false;
  for (unsigned i : group.results)
    if (!shaped(op->getResult(i)))
      return false;
  return llvm::all_of(group.blockArguments, shaped) &&
         llvm::all_of(group.handedOver, [&](OpOperand *operand) {
           return shaped(operand->get());
         });
}

Type amp::groupType(Operation *op, const TypeGroup &group) {
  Type type, last;
  auto matches = [&](Value value) {
    // Most members have the type of the one before.
    if (value.getType() == last)
      return true;
    last = value.getType();
    Type element = elementTypeOf(last);
    if (!type)
      type = element;
    return type == element;
  };
  for (unsigned i : group.operands)
    if (!matches(op->getOperand(i)))
      return {};
  for (unsigned i : group.results)
    if (!matches(op->getResult(i)))
      return {};
  for (BlockArgument argument : group.blockArguments)
    if (!matches(argument))
      return {};
  return type;
}

bool amp::touchesFloats(Operation *op) {
  auto isFloat = [](Value value) { return isa<FloatType>(elementTypeOf(value)); };
  return op->getNumRegions() != 0 || llvm::any_of(op->getOperands(), isFloat) ||
         llvm::any_of(op->getResults(), isFloat);
}

VertexId PaintedRelations::vertex(Operation *op, unsigned group) {
  // Few dialects have any relations.
  if (index.empty()) {
    index.reserve(painting.ops.size());
    for (uint32_t i = 0; i < painting.ops.size(); ++i)
      index[painting.ops[i].op] = i;
  }
  return painting.ops[index.lookup(op)].first + group;
}

void PaintedRelations::addEdge(Operation *from, unsigned fromGroup,
                               Operation *to, unsigned toGroup) {
  VertexId ends[2] = {vertex(from, fromGroup), vertex(to, toGroup)};
  // What is no float32 hands on what reaches it.
  for (VertexId v : ends)
    if (!painting.graph[v].isFloat32)
      painting.graph[v].isConduit = true;
  if (ends[0] != ends[1])
    painting.graph.addEdge(ends[0], ends[1]);
}

void PaintedRelations::tie(Operation *a, unsigned aGroup, Operation *b,
                           unsigned bGroup) {
  painting.graph.tie(vertex(a, aGroup), vertex(b, bGroup));
}

void PaintedRelations::keepFloat32(Operation *op, unsigned group) {
  VertexId v = vertex(op, group);
  painting.graph[v].escapes = true;
  // A cluster of its own, if of no other.
  painting.graph.tie(v, v);
}
