//===- BodyIndex.cpp - The ops and values of a body as numbers ------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// One walk lists the ops, one numbers their results, one looks up what operands
// read. Uses come out ordered, since they are counted in the order of the ops.
//===----------------------------------------------------------------------===//

#include "amp/Analysis/BodyIndex.h"

#include "amp/Analysis/ValueFlow.h"
#include "mlir/IR/Block.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>

using namespace amp;
using namespace mlir;

namespace {

/// The numbers of the values of a body while its index is made. An open hash
/// table of op numbers, four bytes each, and a hash that leaves neighbours in
/// memory neighbours: ops that stand together were mostly made together.
class ValueNumbers {
public:
  ValueNumbers(const std::vector<Operation *> &ops,
               const std::vector<uint32_t> &firstResult,
               llvm::ArrayRef<BodyIndex::BlockEntry> blocks)
      : ops(ops), firstResult(firstResult) {
    slots.assign(llvm::NextPowerOf2(2 * ops.size() + 1), kNoOp);
    mask = slots.size() - 1;
    for (uint32_t i = 0; i < ops.size(); ++i) {
      size_t slot = hash(ops[i]);
      while (slots[slot] != kNoOp)
        slot = (slot + 1) & mask;
      slots[slot] = i;
    }
    for (const BodyIndex::BlockEntry &entry : blocks)
      blockNumbers[entry.block] = entry.firstArgument;
  }

  ValueId of(Value value) const {
    if (auto result = dyn_cast<OpResult>(value)) {
      Operation *op = result.getOwner();
      for (size_t slot = hash(op); slots[slot] != kNoOp;
           slot = (slot + 1) & mask)
        if (ops[slots[slot]] == op)
          return firstResult[slots[slot]] + result.getResultNumber();
      return kNoValue;
    }
    auto argument = cast<BlockArgument>(value);
    auto it = blockNumbers.find(argument.getOwner());
    return it == blockNumbers.end() ? kNoValue
                                    : it->second + argument.getArgNumber();
  }

private:
  /// No two ops start in the same 64 bytes. Far regions of memory are shifted
  /// against each other.
  size_t hash(Operation *op) const {
    auto address = reinterpret_cast<uintptr_t>(op) >> 6;
    return (address ^ (address >> 20)) & mask;
  }

  const std::vector<Operation *> &ops;
  const std::vector<uint32_t> &firstResult;
  std::vector<uint32_t> slots;
  size_t mask = 0;
  llvm::DenseMap<Block *, ValueId> blockNumbers;
};

} // namespace

BodyIndex::BodyIndex(llvm::ArrayRef<Region *> bodies,
                     llvm::ArrayRef<Operation *> owners,
                     const ModelSet &models) {
  // Ops whose regions are their own business.
  std::vector<uint32_t> opaque;
  uint32_t operandCount = 0;
  // The list of ops is followed once: each step of it waits for memory, while
  // of ops in an array the next ones are fetched ahead. Blocks within ops join
  // the list behind those around them.
  size_t valueCount = 0;
  for (uint32_t i = 0; i < bodies.size(); ++i)
    for (Block &block : *bodies[i])
      blockEntries.push_back({&block, 0, 0, kNoOp, i, false});
  for (size_t b = 0; b < blockEntries.size(); ++b) {
    blockEntries[b].firstOp = ops.size();
    const BlockEntry entry = blockEntries[b];
    valueCount += entry.block->getNumArguments();
    for (Operation &op : *entry.block) {
      if (op.getNumRegions() != 0) {
        if (flowsThrough(&op, models)) {
          for (Region &region : op.getRegions())
            for (Block &block : region)
              blockEntries.push_back(
                  {&block, 0, 0, uint32_t(ops.size()), entry.body, true});
        } else {
          opaque.push_back(ops.size());
        }
      }
      ops.push_back(&op);
      valueCount += op.getNumResults();
    }
  }
  numBlockOps = ops.size();
  firstOperand.reserve(ops.size() + owners.size() + 1);
  firstResult.reserve(ops.size() + owners.size() + 1);
  definition.reserve(valueCount);
  ValueId arguments = 0;
  for (BlockEntry &entry : blockEntries) {
    entry.firstArgument = arguments;
    arguments += entry.block->getNumArguments();
  }
  definition.assign(arguments, kNoOp);
  auto number = [&](uint32_t index) {
    Operation *op = ops[index];
    firstOperand.push_back(operandCount);
    operandCount += op->getNumOperands();
    firstResult.push_back(definition.size());
    definition.resize(definition.size() + op->getNumResults(), index);
  };
  for (uint32_t i = 0; i < numBlockOps; ++i) {
    fetchAhead(i);
    number(i);
  }
  for (Operation *owner : owners) {
    ownerBodies.push_back(0);
    for (BlockEntry &entry : blockEntries)
      if (!entry.isNested && entry.block->getParentOp() == owner) {
        entry.parent = ops.size();
        ownerBodies.back() = entry.body;
      }
    ops.push_back(owner);
    number(ops.size() - 1);
  }
  firstOperand.push_back(operandCount);
  firstResult.push_back(definition.size());
  terminators.resize(ops.size());
  for (size_t i = 0; i < blockEntries.size(); ++i)
    if (uint32_t end = endOp(i); end != blockEntries[i].firstOp)
      terminators[end - 1] = ops[end - 1]->hasTrait<OpTrait::IsTerminator>() ||
                             (blockEntries[i].isNested &&
                              !ops[end - 1]->isRegistered() &&
                              ops[end - 1]->getNumResults() == 0);

  ValueNumbers numbers(ops, firstResult, blockEntries);
  operands.reserve(operandCount);
  for (uint32_t i = 0; i < ops.size(); ++i) {
    fetchAhead(i);
    for (Value operand : ops[i]->getOperands()) {
      ValueId value = numbers.of(operand);
      operands.push_back(value);
      topological &= value == kNoValue || definition[value] == kNoOp ||
                     definition[value] < i;
    }
  }
  for (uint32_t i : opaque)
    for (Region &region : ops[i]->getRegions())
      region.walk([&](Operation *inner) {
        for (OpOperand &operand : inner->getOpOperands()) {
          // Most of what a region reads is its own.
          if (operand.get().getParentBlock() == inner->getBlock())
            continue;
          if (ValueId value = numbers.of(operand.get()); value != kNoValue)
            nested.emplace_back(value, &operand);
        }
      });
  std::stable_sort(
      nested.begin(), nested.end(),
      [](const NestedUse &a, const NestedUse &b) { return a.first < b.first; });
}

uint32_t BodyIndex::bodyOf(uint32_t op) const {
  return op >= numBlockOps ? ownerBodies[op - numBlockOps]
                           : blockEntries[blockOf(op)].body;
}

size_t BodyIndex::blockOf(uint32_t op) const {
  auto entry = std::upper_bound(
      blockEntries.begin(), blockEntries.end(), op,
      [](uint32_t op, const BlockEntry &e) { return op < e.firstOp; });
  return std::prev(entry) - blockEntries.begin();
}

llvm::ArrayRef<BodyIndex::NestedUse>
BodyIndex::nestedUses(ValueId value) const {
  auto first = std::lower_bound(
      nested.begin(), nested.end(), value,
      [](const NestedUse &use, ValueId v) { return use.first < v; });
  auto last = first;
  while (last != nested.end() && last->first == value)
    ++last;
  return {nested.data() + (first - nested.begin()), size_t(last - first)};
}

void BodyIndex::indexUses() {
  useStart.assign(definition.size() + 1, 0);
  for (ValueId value : operands)
    if (value != kNoValue)
      ++useStart[value + 1];
  for (size_t value = 0; value < definition.size(); ++value)
    useStart[value + 1] += useStart[value];
  useList.resize(useStart.back());
  // Each start moves to the end of its list, which is the next one's start.
  for (uint32_t op = 0; op < ops.size(); ++op)
    for (uint32_t k = firstOperand[op]; k < firstOperand[op + 1]; ++k)
      if (operands[k] != kNoValue)
        useList[useStart[operands[k]]++] = {op, k - firstOperand[op]};
  for (size_t value = definition.size(); value > 0; --value)
    useStart[value] = useStart[value - 1];
  useStart[0] = 0;
}
