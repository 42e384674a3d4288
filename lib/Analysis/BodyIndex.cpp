//===- BodyIndex.cpp - The ops and values of a body as numbers ------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// One walk numbers ops, results and what operands read; what they read that
// stands behind them is looked up at the end. Of a large body each step waits
// for memory, so that every op is visited once. Uses come out ordered, since
// they are counted in the order of the ops.
//===----------------------------------------------------------------------===//

#include "amp/Analysis/BodyIndex.h"

#include "amp/Analysis/ValueFlow.h"
#include "amp/Interfaces/OpNumbers.h"
#include "mlir/IR/Block.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/DenseMap.h"

#include <algorithm>

using namespace amp;
using namespace mlir;

/// Fills an index.
class BodyIndex::Builder {
public:
  Builder(BodyIndex &index, const ModelSet &models)
      : index(index), models(models) {}

  void run(llvm::ArrayRef<Region *> bodies,
           llvm::ArrayRef<Operation *> owners);

private:
  void addBlock(Block &block, uint32_t parent, uint32_t body, bool isNested);
  void addOps(size_t block);
  void addOwner(Operation *owner);
  void makeRoom();
  void findLater();
  void findNested();
  void number(Operation *op);
  ValueId find(Value value);

  BodyIndex &index;
  const ModelSet &models;
  OpNumbers numbers;
  /// The first argument of each block.
  llvm::DenseMap<Block *, ValueId> arguments;
  /// Of the block that was looked at last.
  Block *lastBlock = nullptr;
  ValueId lastArgument = 0;
  /// Of blocks so far, and of those that are in no op: results are numbered
  /// from there on.
  ValueId argumentCount = 0, bodyArguments = 0;
  /// Operands that read what has no number yet, or what is outside.
  std::vector<std::pair<uint32_t, OpOperand *>> later;
  /// Ops whose regions are their own business.
  std::vector<uint32_t> opaque;
};

void BodyIndex::Builder::addBlock(Block &block, uint32_t parent, uint32_t body,
                                  bool isNested) {
  index.blockEntries.push_back(
      {&block, 0, argumentCount, parent, body, isNested});
  arguments[&block] = argumentCount;
  argumentCount += block.getNumArguments();
}

ValueId BodyIndex::Builder::find(Value value) {
  if (auto result = dyn_cast<OpResult>(value)) {
    uint32_t op = numbers.find(result.getOwner());
    return op == OpNumbers::kNone
               ? kNoValue
               : index.firstResult[op] + result.getResultNumber();
  }
  auto argument = cast<BlockArgument>(value);
  if (argument.getOwner() != lastBlock) {
    auto it = arguments.find(argument.getOwner());
    if (it == arguments.end())
      return kNoValue;
    lastBlock = argument.getOwner();
    lastArgument = it->second;
  }
  return lastArgument + argument.getArgNumber();
}

void BodyIndex::Builder::number(Operation *op) {
  const uint32_t i = index.ops.size();
  index.ops.push_back(op);
  index.firstOperand.push_back(index.operands.size());
  index.firstResult.push_back(index.definition.size());
  for (OpOperand &operand : op->getOpOperands()) {
    ValueId value = find(operand.get());
    // Numbers of arguments of nested blocks are in the way of results yet.
    if (value != kNoValue && value >= bodyArguments &&
        isa<BlockArgument>(operand.get()))
      value = kNoValue;
    if (value == kNoValue)
      later.push_back({uint32_t(index.operands.size()), &operand});
    index.operands.push_back(value);
  }
  numbers.set(op, i);
  index.definition.resize(index.definition.size() + op->getNumResults(), i);
}

/// The ops of a block. Blocks within them join the list of blocks.
void BodyIndex::Builder::addOps(size_t block) {
  index.blockEntries[block].firstOp = index.ops.size();
  const BlockEntry entry = index.blockEntries[block];
  for (Operation &op : *entry.block) {
    if (Operation *next = op.getNextNode()) {
      auto *memory = reinterpret_cast<const char *>(next);
      LLVM_PREFETCH(memory, /*rw=*/0, /*locality=*/3);
      LLVM_PREFETCH(memory + 64, /*rw=*/0, /*locality=*/3);
    }
    if (op.getNumRegions() != 0) {
      if (flowsThrough(&op, models)) {
        for (Region &region : op.getRegions())
          for (Block &inner : region)
            addBlock(inner, index.ops.size(), entry.body, /*isNested=*/true);
      } else {
        opaque.push_back(index.ops.size());
      }
    }
    number(&op);
  }
}

void BodyIndex::Builder::addOwner(Operation *owner) {
  index.ownerBodies.push_back(0);
  for (BlockEntry &entry : index.blockEntries)
    if (!entry.isNested && entry.block->getParentOp() == owner) {
      entry.parent = index.ops.size();
      index.ownerBodies.back() = entry.body;
    }
  number(owner);
}

/// Arguments of nested blocks, which are known last, come before the results
/// too.
void BodyIndex::Builder::makeRoom() {
  const ValueId more = argumentCount - bodyArguments;
  if (more == 0)
    return;
  index.definition.insert(index.definition.begin(), more, kNoOp);
  for (uint32_t &first : index.firstResult)
    first += more;
  for (ValueId &value : index.operands)
    if (value != kNoValue && value >= bodyArguments)
      value += more;
}

void BodyIndex::Builder::findLater() {
  for (auto [k, operand] : later)
    index.operands[k] = find(operand->get());
  // An operand that was found at once stands behind what it reads.
  index.topological = llvm::none_of(later, [&](const auto &entry) {
    ValueId value = index.operands[entry.first];
    return value != kNoValue && index.definition[value] != kNoOp;
  });
}

void BodyIndex::Builder::findNested() {
  for (uint32_t i : opaque)
    for (Region &region : index.ops[i]->getRegions())
      region.walk([&](Operation *inner) {
        for (OpOperand &operand : inner->getOpOperands()) {
          // Most of what a region reads is its own.
          if (operand.get().getParentBlock() == inner->getBlock())
            continue;
          if (ValueId value = find(operand.get()); value != kNoValue)
            index.nested.emplace_back(value, &operand);
        }
      });
  std::stable_sort(
      index.nested.begin(), index.nested.end(),
      [](const NestedUse &a, const NestedUse &b) { return a.first < b.first; });
}

/// Whether the last op of a block ends it.
static bool isEnd(Operation *op, bool isNested) {
  return op->hasTrait<OpTrait::IsTerminator>() ||
         (isNested && !op->isRegistered() && op->getNumResults() == 0);
}

void BodyIndex::Builder::run(llvm::ArrayRef<Region *> bodies,
                             llvm::ArrayRef<Operation *> owners) {
  for (uint32_t i = 0; i < bodies.size(); ++i)
    for (Block &block : *bodies[i])
      addBlock(block, kNoOp, i, /*isNested=*/false);
  bodyArguments = argumentCount;
  index.definition.assign(bodyArguments, kNoOp);
  for (size_t b = 0; b < index.blockEntries.size(); ++b)
    addOps(b);
  index.numBlockOps = index.ops.size();
  for (Operation *owner : owners)
    addOwner(owner);
  index.firstOperand.push_back(index.operands.size());
  index.firstResult.push_back(index.definition.size());
  makeRoom();
  findLater();
  index.terminators.resize(index.ops.size());
  for (size_t i = 0; i < index.blockEntries.size(); ++i)
    if (uint32_t end = index.endOp(i); end != index.blockEntries[i].firstOp)
      index.terminators[end - 1] = isEnd(index.ops[end - 1],
                                         index.blockEntries[i].isNested);
  findNested();
}

BodyIndex::BodyIndex(llvm::ArrayRef<Region *> bodies,
                     llvm::ArrayRef<Operation *> owners,
                     const ModelSet &models) {
  Builder(*this, models).run(bodies, owners);
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
  if (!useStart.empty())
    return;
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
