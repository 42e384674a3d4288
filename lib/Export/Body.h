//===- Body.h - The nodes of a function as numbers --------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// What is known of nodes and values stands in arrays; a pointer is looked up
// once per operand.
//===----------------------------------------------------------------------===//

#ifndef AMP_LIB_EXPORT_BODY_H
#define AMP_LIB_EXPORT_BODY_H

#include "amp/Dialect/Graph/IR/GraphOps.h"

#include <vector>

namespace amp {

inline constexpr uint32_t kNone = ~uint32_t(0);

/// Pointers in the order in which they are added, and their numbers.
class PointerIndex {
public:
  /// Room for `count` of them. No two start in the same 2^shift bytes, or few.
  PointerIndex(size_t count, unsigned shift);
  /// Gives the next number; false for a pointer that has one.
  bool add(const void *pointer);
  uint32_t find(const void *pointer) const;
  size_t size() const { return pointers.size(); }
  std::vector<const void *> takePointers() { return std::move(pointers); }

private:
  /// Neighbours in memory stay neighbours: what stands together was mostly
  /// made together. Far regions are shifted against each other.
  size_t hash(const void *pointer) const {
    auto address = reinterpret_cast<uintptr_t>(pointer) >> shift;
    return (address ^ (address >> 20)) & mask;
  }
  std::vector<const void *> pointers;
  std::vector<uint32_t> slots;
  size_t mask;
  unsigned shift;
};

/// The nodes and reads of a function in block order, without its terminator,
/// and their values: arguments first, then results.
class Body {
public:
  explicit Body(graph::FuncOp function);

  size_t numOps() const { return ops.size(); }
  size_t numValues() const { return definition.size(); }
  mlir::Operation *op(uint32_t index) const {
    return static_cast<mlir::Operation *>(const_cast<void *>(ops[index]));
  }
  unsigned numOperands(uint32_t op) const {
    return firstOperand[op + 1] - firstOperand[op];
  }
  uint32_t operand(uint32_t op, unsigned i) const {
    return operands[firstOperand[op] + i];
  }
  uint32_t result(uint32_t op, unsigned i) const { return firstResult[op] + i; }
  /// The op that makes a value; kNone for an argument.
  uint32_t definingOp(uint32_t value) const { return definition[value]; }
  unsigned resultNumber(uint32_t value) const {
    return value - firstResult[definition[value]];
  }
  /// The values that the function returns.
  const std::vector<uint32_t> &outputs() const { return returned; }
  /// Every op stands behind those that it reads.
  bool isTopological() const { return topological; }

private:
  std::vector<const void *> ops;
  std::vector<uint32_t> firstOperand, firstResult, operands, definition,
      returned;
  bool topological = true;
};

} // namespace amp

#endif // AMP_LIB_EXPORT_BODY_H
