//===- BodyIndex.h - The ops and values of a body as numbers ----*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Numbers for the ops of a body, their operands and their values, so that what
// is known of them stands in arrays: a pointer is looked up once per operand,
// and never again.
//===----------------------------------------------------------------------===//

#ifndef AMP_ANALYSIS_BODYINDEX_H
#define AMP_ANALYSIS_BODYINDEX_H

#include "mlir/IR/Operation.h"
#include "mlir/IR/Region.h"
#include "llvm/Support/Compiler.h"

#include <vector>

namespace amp {

class ModelSet;

/// A block argument or result in the blocks of a body; arguments come first.
using ValueId = uint32_t;
inline constexpr ValueId kNoValue = ~ValueId(0);
inline constexpr uint32_t kNoOp = ~uint32_t(0);

/// A body as it was when the index was made: ops in block order, terminators
/// among them. Regions that control flows through (flowsThrough) are part of the
/// body, their blocks behind all those around them. What stands in other
/// regions of its ops has no numbers.
class BodyIndex {
public:
  BodyIndex() = default;
  BodyIndex(mlir::Region &body, const ModelSet &models)
      : BodyIndex(&body, {}, models) {}
  /// Several bodies as one. The owners, ops around some of these bodies, are
  /// ops of the index too, without operands and results, behind all others.
  BodyIndex(llvm::ArrayRef<mlir::Region *> bodies,
            llvm::ArrayRef<mlir::Operation *> owners, const ModelSet &models);

  size_t numOps() const { return ops.size(); }
  size_t numValues() const { return definition.size(); }
  size_t numOperands() const { return operands.size(); }

  mlir::Operation *op(uint32_t index) const { return ops[index]; }
  /// For loops over the ops of a large body, which wait for memory most of the
  /// time: asks for an op that stands a little behind this one, its fields and
  /// the operands behind them.
  void fetchAhead(uint32_t index) const {
    constexpr size_t kDistance = 12;
    if (index + kDistance >= ops.size())
      return;
    auto *op = reinterpret_cast<const char *>(ops[index + kDistance]);
    LLVM_PREFETCH(op, /*rw=*/0, /*locality=*/3);
    LLVM_PREFETCH(op + 64, /*rw=*/0, /*locality=*/3);
  }
  /// Operand `i` of the op, as a number among the operands of all ops.
  uint32_t operandIndex(uint32_t op, unsigned i) const {
    return firstOperand[op] + i;
  }
  unsigned numOperands(uint32_t op) const {
    return firstOperand[op + 1] - firstOperand[op];
  }
  /// The value that an operand reads; kNoValue for one from outside.
  ValueId operandValue(uint32_t operandIndex) const {
    return operands[operandIndex];
  }
  ValueId result(uint32_t op, unsigned i) const { return firstResult[op] + i; }
  unsigned numResults(uint32_t op) const {
    return firstResult[op + 1] - firstResult[op];
  }
  /// The op that makes a value; kNoOp for a block argument.
  uint32_t definingOp(ValueId value) const { return definition[value]; }

  struct BlockEntry {
    mlir::Block *block;
    /// Its ops are those from here to the first one of the next block.
    uint32_t firstOp;
    /// Its arguments follow each other.
    ValueId firstArgument;
    /// The op whose region holds it; kNoOp for a block of a body, unless its op
    /// is an owner.
    uint32_t parent;
    /// Which of the bodies it belongs to.
    uint32_t body;
    /// Stands in the region of an op of the body.
    bool isNested;
  };
  llvm::ArrayRef<BlockEntry> blocks() const { return blockEntries; }
  uint32_t endOp(size_t block) const {
    return block + 1 < blockEntries.size() ? blockEntries[block + 1].firstOp
                                           : numBlockOps;
  }
  /// Ops in blocks, all but the owners.
  uint32_t blockOps() const { return numBlockOps; }
  /// Which of the bodies an op belongs to; an owner is told by its region.
  uint32_t bodyOf(uint32_t op) const;
  /// Whether any block stands in the region of an op.
  bool hasNested() const {
    return !blockEntries.empty() && blockEntries.back().isNested;
  }
  /// Which block an op stands in, not for an owner.
  size_t blockOf(uint32_t op) const;
  /// Whether the op ends its block and is a terminator, or of an unknown kind
  /// and ends a region that control flows through.
  bool isTerminator(uint32_t op) const { return terminators[op]; }
  /// Every op stands behind those that it reads.
  bool isTopological() const { return topological; }

  /// A use of a value by an op of the body.
  struct Use {
    uint32_t op;
    unsigned operand;
  };
  /// The uses by ops of the body, ordered by op and operand.
  llvm::ArrayRef<Use> uses(ValueId value) const {
    return llvm::ArrayRef(useList).slice(useStart[value],
                                         useStart[value + 1] - useStart[value]);
  }
  /// Uses within regions of the body's ops.
  using NestedUse = std::pair<ValueId, mlir::OpOperand *>;
  llvm::ArrayRef<NestedUse> nestedUses(ValueId value) const;
  llvm::ArrayRef<NestedUse> nestedUses() const { return nested; }
  /// Makes the lists behind uses(), unless they are there, for who needs them.
  void indexUses();

private:
  class Builder;

  // These grow without being copied (by realloc) where they are large.
  llvm::SmallVector<mlir::Operation *, 0> ops;
  llvm::SmallVector<uint32_t, 0> firstOperand, firstResult;
  llvm::SmallVector<ValueId, 0> operands;
  llvm::SmallVector<uint32_t, 0> definition;
  std::vector<BlockEntry> blockEntries;
  std::vector<bool> terminators;
  bool topological = true;
  uint32_t numBlockOps = 0;
  std::vector<uint32_t> ownerBodies;
  std::vector<uint32_t> useStart;
  std::vector<Use> useList;
  /// Ordered by value.
  std::vector<NestedUse> nested;
};

} // namespace amp

#endif // AMP_ANALYSIS_BODYINDEX_H
