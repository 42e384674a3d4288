//===- Retyping.cpp - What retargeting makes of an op ---------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Ops of a kind have equal regions, so that one walk meets the same places in
// each of them.
//===----------------------------------------------------------------------===//

#include "Retyping.h"

#include "mlir/IR/Block.h"

#include <cstring>

using namespace amp;
using namespace mlir;

/// Visits the op, the arguments of its blocks and the ops in them.
template <typename OnOp, typename OnArgument>
static void forEachPlace(Operation *op, OnOp &&onOp, OnArgument &&onArgument) {
  onOp(op);
  for (unsigned r = 0, e = op->getNumRegions(); r < e; ++r)
    for (Block &block : op->getRegion(r)) {
      for (BlockArgument argument : block.getArguments())
        onArgument(argument);
      for (Operation &inner : block)
        onOp(&inner);
    }
}

void Retyping::Parts::take(Operation *op) {
  types.clear();
  attributes.clear();
  forEachPlace(
      op,
      [&](Operation *each) {
        for (unsigned i = 0, e = each->getNumResults(); i < e; ++i)
          types.push_back(each->getResult(i).getType());
        attributes.push_back(each->getRawDictionaryAttrs());
      },
      [&](BlockArgument argument) { types.push_back(argument.getType()); });
}

void Retyping::Rest::take(Operation *op) {
  words.clear();
  forEachPlace(
      op,
      [&](Operation *each) {
        words.push_back(each);
        for (unsigned i = 0, e = each->getNumOperands(); i < e; ++i)
          words.push_back(each->getOperand(i).getAsOpaquePointer());
        const size_t first = words.size();
        words.resize(first + each->getPropertiesStorageSize() / sizeof(void *));
        if (first != words.size())
          std::memcpy(&words[first],
                      each->getPropertiesStorage().as<const void *>(),
                      each->getPropertiesStorageSize());
      },
      [&](BlockArgument argument) {
        words.push_back(argument.getAsOpaquePointer());
      });
}

void Retyping::start(Operation *op, uint64_t lowered) {
  this->lowered = lowered;
  isPlain = false;
  operandTypes.clear();
  for (unsigned i = 0, e = op->getNumOperands(); i < e; ++i)
    operandTypes.push_back(op->getOperand(i).getType());
  before.take(op);
}

void Retyping::finish(Operation *op) {
  Rest now;
  now.take(op);
  isFinished = true;
  isPlain = now.words == before.words;
  if (isPlain)
    after.take(op);
}

bool Retyping::fits(Operation *op, uint64_t lowered) const {
  if (!isPlain || lowered != this->lowered)
    return false;
  for (unsigned i = 0, e = op->getNumOperands(); i < e; ++i)
    if (op->getOperand(i).getType() != operandTypes[i])
      return false;
  return true;
}

void Retyping::apply(Operation *op) const {
  const Type *type = after.types.begin();
  const DictionaryAttr *attributes = after.attributes.begin();
  forEachPlace(
      op,
      [&](Operation *each) {
        for (unsigned i = 0, e = each->getNumResults(); i < e; ++i)
          each->getResult(i).setType(*type++);
        each->setDiscardableAttrs(*attributes++);
      },
      [&](BlockArgument argument) { argument.setType(*type++); });
}
