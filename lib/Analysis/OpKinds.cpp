//===- OpKinds.cpp - Ops that are alike -----------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// An op is compared with the last kind of its name first, since most are of that.
// Else what it is, as words that mostly are pointers, has a hash that finds the
// kind, and a comparison decides. Properties are taken as bytes: those of two ops
// that both live are equal then, whatever they point to.
//===----------------------------------------------------------------------===//

#include "amp/Analysis/OpKinds.h"

#include "amp/Analysis/OpNameMap.h"
#include "mlir/IR/Block.h"
#include "mlir/IR/Value.h"

#include <algorithm>
#include <cstring>

using namespace amp;
using namespace mlir;

namespace {

/// More ops than this in a region, and it is not compared.
constexpr size_t kMaxInner = 16;
/// A name with more kinds than this has no common ones.
constexpr unsigned kMaxOfName = 1024;

uint64_t wordOf(const void *pointer) {
  return uint64_t(reinterpret_cast<uintptr_t>(pointer));
}

/// What an op is but for its operands and regions, as words; with room for
/// `more` of them.
uint64_t *addOwn(Operation *op, llvm::SmallVectorImpl<uint64_t> &words,
                 unsigned more) {
  const unsigned properties =
      unsigned(op->getPropertiesStorageSize()) / sizeof(uint64_t);
  const unsigned results = op->getNumResults();
  const size_t size = words.size();
  words.resize_for_overwrite(size + 4 + properties + results + more);
  uint64_t *next = words.data() + size;
  *next++ = wordOf(op->getName().getAsOpaquePointer());
  *next++ = wordOf(op->getRawDictionaryAttrs().getAsOpaquePointer());
  *next++ = uint64_t(op->getNumOperands()) << 32 | results;
  *next++ = uint64_t(op->getNumRegions()) << 32 | properties;
  if (properties != 0) {
    const auto *data = op->getPropertiesStorage().as<const uint64_t *>();
    for (unsigned i = 0; i < properties; ++i)
      *next++ = data[i];
  }
  for (unsigned i = 0; i < results; ++i)
    *next++ = wordOf(op->getResult(i).getType().getAsOpaquePointer());
  return next;
}

/// Words are mostly pointers. A step is a multiplication.
uint64_t hashOf(llvm::ArrayRef<uint64_t> words) {
  uint64_t state = words.size();
  for (uint64_t word : words) {
    state = (state ^ word) * 0x9E3779B97F4A7C15ull;
    state ^= state >> 32;
  }
  return state;
}

/// Whether two ops are the same but for their operands and regions: what addOwn
/// takes.
bool ownEqual(Operation *a, Operation *b) {
  if (a->getName() != b->getName() ||
      a->getRawDictionaryAttrs() != b->getRawDictionaryAttrs() ||
      a->getNumOperands() != b->getNumOperands() ||
      a->getNumResults() != b->getNumResults() ||
      a->getNumRegions() != b->getNumRegions())
    return false;
  for (unsigned i = 0, e = a->getNumResults(); i < e; ++i)
    if (a->getResult(i).getType() != b->getResult(i).getType())
      return false;
  const size_t size = a->getPropertiesStorageSize();
  return size == 0 ||
         std::memcmp(a->getPropertiesStorage().as<const void *>(),
                     b->getPropertiesStorage().as<const void *>(), size) == 0;
}

/// The ops of two blocks that are compared, in step.
struct Pairs {
  llvm::SmallVector<Operation *, kMaxInner> first, second;

  /// Whether two operands are the same argument of the blocks, or the same
  /// result of ops in them before. Of one block with itself: whether the
  /// operand stands in it.
  bool areEqual(Value a, Value b, Block *blockA, Block *blockB) const {
    auto resultA = dyn_cast<OpResult>(a), resultB = dyn_cast<OpResult>(b);
    if (!resultA != !resultB)
      return false;
    if (!resultA) {
      auto argumentA = cast<BlockArgument>(a), argumentB = cast<BlockArgument>(b);
      return argumentA.getOwner() == blockA && argumentB.getOwner() == blockB &&
             argumentA.getArgNumber() == argumentB.getArgNumber();
    }
    for (size_t i = first.size(); i > 0; --i)
      if (first[i - 1] == resultA.getOwner())
        return second[i - 1] == resultB.getOwner() &&
               resultA.getResultNumber() == resultB.getResultNumber();
    return false;
  }
};

/// Whether the regions of two ops hold the same, with the same edges, and read
/// nothing from outside.
bool regionsEqual(Operation *a, Operation *b) {
  for (auto [regionA, regionB] :
       llvm::zip_equal(a->getRegions(), b->getRegions())) {
    if (!regionA.hasOneBlock() || !regionB.hasOneBlock())
      return false;
    Block &blockA = regionA.front(), &blockB = regionB.front();
    if (!llvm::equal(blockA.getArgumentTypes(), blockB.getArgumentTypes()))
      return false;
    Pairs pairs;
    // Most operands that are results are of the op before.
    Value lastA, lastB;
    auto itB = blockB.begin();
    for (Operation &opA : blockA) {
      if (itB == blockB.end() || pairs.first.size() == kMaxInner ||
          opA.getNumRegions() != 0 || opA.getNumSuccessors() != 0)
        return false;
      Operation &opB = *itB++;
      if (!ownEqual(&opA, &opB))
        return false;
      for (unsigned i = 0, e = opA.getNumOperands(); i < e; ++i) {
        Value a = opA.getOperand(i), b = opB.getOperand(i);
        if (!(lastA && a == lastA && b == lastB) &&
            !pairs.areEqual(a, b, &blockA, &blockB))
          return false;
      }
      pairs.first.push_back(&opA);
      pairs.second.push_back(&opB);
      if (opA.getNumResults() != 0) {
        lastA = opA.getResult(0);
        lastB = opB.getResult(0);
      }
    }
    if (itB != blockB.end())
      return false;
  }
  return true;
}

/// Whether two ops are of one kind, given that one has a kind.
bool areAlike(Operation *a, Operation *b) {
  if (a->getBlock() != b->getBlock() || !ownEqual(a, b))
    return false;
  for (unsigned i = 0, e = a->getNumOperands(); i < e; ++i)
    if (a->getOperand(i).getType() != b->getOperand(i).getType())
      return false;
  return a->getNumRegions() == 0 || regionsEqual(a, b);
}

} // namespace

class OpKinds::Builder {
public:
  explicit Builder(const BodyIndex &body) : body(body), slots(kFirstSize) {}
  uint32_t kindOf(uint32_t index);
  size_t numKinds() const { return examples.size(); }

private:
  static constexpr size_t kFirstSize = 256;
  struct Slot {
    uint64_t hash = 0;
    uint32_t kind = kNone;
  };
  /// The first op of a kind, and its words from `first` to the next one's.
  struct Example {
    Operation *op;
    size_t first;
  };
  void takeWords(Operation *op);
  bool isLike(uint32_t kind, Operation *op) const;
  void grow();

  const BodyIndex &body;
  /// Open addressing; a power of two, at most half full.
  std::vector<Slot> slots;
  std::vector<Example> examples;
  std::vector<uint64_t> exampleWords;
  /// All that the op at hand is, but for the edges in its regions.
  llvm::SmallVector<uint64_t, 32> words;
  struct OfName {
    /// How many kinds there are, and that of the last op.
    unsigned count = 0;
    uint32_t last = kNone;
  };
  OpNameMap<OfName> ofNames;
};

void OpKinds::Builder::takeWords(Operation *op) {
  words.clear();
  llvm::MutableArrayRef<OpOperand> operands = op->getOpOperands();
  uint64_t *next = addOwn(op, words, operands.size() + 1);
  *next++ = wordOf(op->getBlock());
  for (OpOperand &operand : operands)
    *next++ = wordOf(operand.get().getType().getAsOpaquePointer());
  for (unsigned r = 0, e = op->getNumRegions(); r < e; ++r)
    for (Block &block : op->getRegion(r)) {
      words.push_back(block.getNumArguments());
      for (BlockArgument argument : block.getArguments())
        words.push_back(wordOf(argument.getType().getAsOpaquePointer()));
      // An op that has a kind holds few.
      for (Operation &inner : block)
        if (words.size() < 1024)
          addOwn(&inner, words, 0);
    }
}

bool OpKinds::Builder::isLike(uint32_t kind, Operation *op) const {
  const size_t first = examples[kind].first;
  const size_t end = kind + 1 < examples.size() ? examples[kind + 1].first
                                                : exampleWords.size();
  return words.size() == end - first &&
         std::equal(words.begin(), words.end(), exampleWords.begin() + first) &&
         (op->getNumRegions() == 0 || regionsEqual(examples[kind].op, op));
}

void OpKinds::Builder::grow() {
  std::vector<Slot> old(slots.size() * 2);
  old.swap(slots);
  for (const Slot &slot : old) {
    if (slot.kind == kNone)
      continue;
    size_t at = slot.hash & (slots.size() - 1);
    while (slots[at].kind != kNone)
      at = (at + 1) & (slots.size() - 1);
    slots[at] = slot;
  }
}

uint32_t OpKinds::Builder::kindOf(uint32_t index) {
  Operation *op = body.op(index);
  if (op->getNumSuccessors() != 0)
    return kNone;
  OfName &ofName =
      ofNames.get(op->getName(), [](OperationName) { return OfName(); });
  if (ofName.last != kNone && areAlike(examples[ofName.last].op, op))
    return ofName.last;
  takeWords(op);
  const uint64_t hash = hashOf(words);
  size_t at = hash & (slots.size() - 1);
  for (; slots[at].kind != kNone; at = (at + 1) & (slots.size() - 1))
    if (slots[at].hash == hash && isLike(slots[at].kind, op))
      return ofName.last = slots[at].kind;
  if (ofName.count == kMaxOfName ||
      (op->getNumRegions() != 0 && !regionsEqual(op, op)))
    return kNone;
  ++ofName.count;
  const uint32_t kind = examples.size();
  ofName.last = kind;
  examples.push_back({op, exampleWords.size()});
  exampleWords.insert(exampleWords.end(), words.begin(), words.end());
  slots[at] = {hash, kind};
  if (examples.size() * 2 > slots.size())
    grow();
  return kind;
}

OpKinds::OpKinds(const BodyIndex &body) {
  kinds.assign(body.numOps(), kNone);
  // Ops around blocks of the body are told by those.
  std::vector<bool> isAround(body.numOps());
  for (const BodyIndex::BlockEntry &entry : body.blocks())
    if (entry.parent != kNoOp)
      isAround[entry.parent] = true;
  Builder builder(body);
  for (size_t b = 0; b < body.blocks().size(); ++b) {
    for (uint32_t op = body.blocks()[b].firstOp; op < body.endOp(b); ++op) {
      body.fetchAhead(op);
      if (!isAround[op])
        kinds[op] = builder.kindOf(op);
    }
  }
  numKinds = builder.numKinds();
}
