//===- Body.cpp - The nodes of a function as numbers ----------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Two walks: one numbers ops and results, one looks up what operands read.
//===----------------------------------------------------------------------===//

#include "Body.h"

#include "llvm/Support/MathExtras.h"

using namespace amp;
using namespace mlir;

PointerIndex::PointerIndex(size_t count, unsigned shift) : shift(shift) {
  pointers.reserve(count);
  slots.assign(llvm::NextPowerOf2(2 * count + 1), kNone);
  mask = slots.size() - 1;
}

bool PointerIndex::add(const void *pointer) {
  size_t slot = hash(pointer);
  for (; slots[slot] != kNone; slot = (slot + 1) & mask)
    if (pointers[slots[slot]] == pointer)
      return false;
  slots[slot] = pointers.size();
  pointers.push_back(pointer);
  return true;
}

uint32_t PointerIndex::find(const void *pointer) const {
  for (size_t slot = hash(pointer); slots[slot] != kNone;
       slot = (slot + 1) & mask)
    if (pointers[slots[slot]] == pointer)
      return slots[slot];
  return kNone;
}

Body::Body(graph::FuncOp function) {
  Block &block = function.getBody().front();
  // Memory that grows is touched several times over: counting costs less.
  size_t opCount = 0, resultCount = 0, operandCount = 0;
  for (Operation &op : block.without_terminator()) {
    ++opCount;
    resultCount += op.getNumResults();
    operandCount += op.getNumOperands();
  }
  definition.reserve(block.getNumArguments() + resultCount);
  definition.assign(block.getNumArguments(), kNone);
  firstOperand.reserve(opCount + 1);
  firstResult.reserve(opCount + 1);
  operands.reserve(operandCount);
  PointerIndex index(opCount, /*shift=*/6);
  for (Operation &op : block.without_terminator()) {
    firstResult.push_back(definition.size());
    for (unsigned i = 0; i < op.getNumResults(); ++i)
      definition.push_back(index.size());
    index.add(&op);
  }
  firstResult.push_back(definition.size());
  auto numberOf = [&](Value value) -> uint32_t {
    if (auto argument = dyn_cast<BlockArgument>(value))
      return argument.getArgNumber();
    auto result = cast<OpResult>(value);
    return firstResult[index.find(result.getOwner())] +
           result.getResultNumber();
  };
  uint32_t number = 0;
  for (Operation &op : block.without_terminator()) {
    firstOperand.push_back(operands.size());
    for (Value operand : op.getOperands()) {
      uint32_t value = numberOf(operand);
      operands.push_back(value);
      topological &= definition[value] == kNone || definition[value] < number;
    }
    ++number;
  }
  firstOperand.push_back(operands.size());
  for (Value value : block.getTerminator()->getOperands())
    returned.push_back(numberOf(value));
  ops = index.takePointers();
}
