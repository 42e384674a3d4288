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

#include "amp/Analysis/OpNameMap.h"
#include "amp/Analysis/ValueFlow.h"
#include "amp/Interfaces/OpNumbers.h"
#include "amp/Interfaces/RegionFlow.h"
#include "mlir/IR/Block.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/Value.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "llvm/ADT/DenseMap.h"

#include <algorithm>
#include <array>

using namespace amp;
using namespace mlir;

namespace {
/// The numbers of values that were met last, by their addresses: most operands
/// read what was made a few ops before, and to find the op that makes a value
/// takes longer than all the rest.
class RecentValues {
public:
  void set(Value value, ValueId id) { entryOf(value) = {value, id}; }
  ValueId find(Value value) {
    const Entry &entry = entryOf(value);
    return entry.value == value ? entry.id : kNoValue;
  }

private:
  struct Entry {
    Value value;
    ValueId id = kNoValue;
  };
  /// No two values start in the same 16 bytes.
  Entry &entryOf(Value value) {
    auto address = reinterpret_cast<uintptr_t>(value.getAsOpaquePointer());
    return entries[(address >> 4) % entries.size()];
  }
  std::array<Entry, 256> entries;
};
} // namespace

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
  bool mayFlow(OperationName name) const;
  void collectOuterUses(Operation *op);
  void collectOuterUsesOf(Operation *inner, Value previous);
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
  /// Of results and arguments of bodies, while ops are numbered.
  RecentValues recent;
  /// Operands that read what has no number yet, or what is outside.
  std::vector<std::pair<uint32_t, OpOperand *>> later;
  /// By the name of an op with regions: mayFlow.
  OpNameMap<bool> flowing;
  /// In regions that are their op's own business: what reads values of other
  /// blocks.
  std::vector<OpOperand *> outerUses;
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
    ValueId value = recent.find(operand.get());
    if (value == kNoValue) {
      value = find(operand.get());
      // Numbers of arguments of nested blocks are in the way of results yet.
      if (value != kNoValue && value >= bodyArguments &&
          isa<BlockArgument>(operand.get()))
        value = kNoValue;
      if (value == kNoValue)
        later.push_back({uint32_t(index.operands.size()), &operand});
      else
        recent.set(operand.get(), value);
    }
    index.operands.push_back(value);
  }
  numbers.set(op, i);
  for (unsigned k = 0, e = op->getNumResults(); k < e; ++k) {
    recent.set(op->getResult(k), index.definition.size());
    index.definition.push_back(i);
  }
}

/// Whether control can flow through the regions of any op of this name: what
/// flowsThrough asks for.
bool BodyIndex::Builder::mayFlow(OperationName name) const {
  Dialect *dialect = name.getDialect();
  return name.hasInterface<RegionBranchOpInterface>() || !name.isRegistered() ||
         (dialect &&
          (dialect->getRegisteredInterface<RegionFlowDialectInterface>() ||
           dialect->getRegisteredInterfaceForOp<RegionBranchOpInterface>(name)));
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
      if (flowing.get(op.getName(),
                      [&](OperationName name) { return mayFlow(name); }) &&
          flowsThrough(&op, models)) {
        for (Region &region : op.getRegions())
          for (Block &inner : region)
            addBlock(inner, index.ops.size(), entry.body, /*isNested=*/true);
      } else {
        collectOuterUses(&op);
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

/// What the regions of an op read of other blocks. They are looked at next to
/// their op, where they stand in memory too.
void BodyIndex::Builder::collectOuterUses(Operation *op) {
  for (Region &region : op->getRegions())
    for (Block &block : region) {
      Value previous;
      for (Operation &inner : block) {
        if (inner.getNumRegions() != 0)
          inner.walk([&](Operation *each) { collectOuterUsesOf(each, {}); });
        else
          collectOuterUsesOf(&inner, previous);
        previous = inner.getNumResults() == 0 ? Value() : inner.getResult(0);
      }
    }
}

/// `previous` is of the same block, if it is anything.
void BodyIndex::Builder::collectOuterUsesOf(Operation *inner, Value previous) {
  for (OpOperand &operand : inner->getOpOperands()) {
    Value value = operand.get();
    // Most of what a region reads is its own.
    if (value == previous)
      continue;
    auto argument = dyn_cast<BlockArgument>(value);
    Block *block = argument ? argument.getOwner() : value.getParentBlock();
    if (block != inner->getBlock())
      outerUses.push_back(&operand);
  }
}

void BodyIndex::Builder::findNested() {
  for (OpOperand *operand : outerUses)
    if (ValueId value = find(operand->get()); value != kNoValue)
      index.nested.emplace_back(value, operand);
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
