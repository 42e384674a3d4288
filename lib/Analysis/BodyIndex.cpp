//===- BodyIndex.cpp - The ops and values of a body as numbers ------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Two walks: one numbers ops and their results, one looks up what operands
// read. Uses come out ordered, since they are counted in the order of the ops.
//===----------------------------------------------------------------------===//

#include "amp/Analysis/BodyIndex.h"

#include "mlir/IR/Block.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/DenseMap.h"

#include <algorithm>

using namespace amp;
using namespace mlir;

namespace {

/// The numbers of the values of a body while its index is made.
class ValueNumbers {
public:
  ValueNumbers(const std::vector<Operation *> &ops,
               const std::vector<uint32_t> &firstResult,
               llvm::ArrayRef<BodyIndex::BlockEntry> blocks)
      : firstResult(firstResult) {
    opNumbers.reserve(ops.size());
    for (uint32_t i = 0; i < ops.size(); ++i)
      if (ops[i]->getNumResults() != 0)
        opNumbers[ops[i]] = i;
    for (const BodyIndex::BlockEntry &entry : blocks)
      blockNumbers[entry.block] = entry.firstArgument;
  }

  ValueId of(Value value) const {
    if (auto result = dyn_cast<OpResult>(value)) {
      auto it = opNumbers.find(result.getOwner());
      return it == opNumbers.end()
                 ? kNoValue
                 : firstResult[it->second] + result.getResultNumber();
    }
    auto argument = cast<BlockArgument>(value);
    auto it = blockNumbers.find(argument.getOwner());
    return it == blockNumbers.end() ? kNoValue
                                    : it->second + argument.getArgNumber();
  }

private:
  const std::vector<uint32_t> &firstResult;
  llvm::DenseMap<Operation *, uint32_t> opNumbers;
  llvm::DenseMap<Block *, ValueId> blockNumbers;
};

} // namespace

BodyIndex::BodyIndex(Region &body) {
  bool anyRegion = false;
  uint32_t operandCount = 0;
  for (Block &block : body) {
    blockEntries.push_back(
        {&block, uint32_t(ops.size()), ValueId(definition.size())});
    definition.resize(definition.size() + block.getNumArguments(), kNoOp);
    for (Operation &op : block) {
      uint32_t index = ops.size();
      ops.push_back(&op);
      firstOperand.push_back(operandCount);
      operandCount += op.getNumOperands();
      firstResult.push_back(definition.size());
      resultCount.push_back(op.getNumResults());
      definition.resize(definition.size() + op.getNumResults(), index);
      anyRegion |= op.getNumRegions() != 0;
    }
  }
  firstOperand.push_back(operandCount);
  terminators.resize(ops.size());
  for (size_t i = 0; i < blockEntries.size(); ++i)
    if (uint32_t end = endOp(i); end != blockEntries[i].firstOp)
      terminators[end - 1] = ops[end - 1]->hasTrait<OpTrait::IsTerminator>();

  ValueNumbers numbers(ops, firstResult, blockEntries);
  operands.reserve(operandCount);
  for (uint32_t i = 0; i < ops.size(); ++i)
    for (Value operand : ops[i]->getOperands()) {
      ValueId value = numbers.of(operand);
      operands.push_back(value);
      topological &= value == kNoValue || definition[value] == kNoOp ||
                     definition[value] < i;
    }
  if (!anyRegion)
    return;
  for (Operation *op : ops)
    for (Region &region : op->getRegions())
      region.walk([&](Operation *inner) {
        for (OpOperand &operand : inner->getOpOperands())
          if (ValueId value = numbers.of(operand.get()); value != kNoValue)
            nested.emplace_back(value, &operand);
      });
  std::stable_sort(
      nested.begin(), nested.end(),
      [](const NestedUse &a, const NestedUse &b) { return a.first < b.first; });
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
