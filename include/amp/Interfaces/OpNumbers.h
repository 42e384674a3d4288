//===- OpNumbers.h - Numbers of ops by their addresses ----------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A map from ops to numbers that copies the layout of memory: ops that stand
// together were mostly made together, and so do their numbers here. Nothing is
// hashed but the address of a piece of memory, and nothing moves when it grows.
//===----------------------------------------------------------------------===//

#ifndef AMP_INTERFACES_OPNUMBERS_H
#define AMP_INTERFACES_OPNUMBERS_H

#include "mlir/IR/Operation.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/Support/Allocator.h"

#include <algorithm>
#include <array>

namespace amp {

class OpNumbers {
public:
  static constexpr uint32_t kNone = ~uint32_t(0);

  void set(mlir::Operation *op, uint32_t number) {
    auto address = reinterpret_cast<uintptr_t>(op);
    Recent &recent = recentOf(address);
    if (recent.piece != address >> kPieceShift || !recent.numbers) {
      uint32_t *&numbers = pieces[address >> kPieceShift];
      if (!numbers) {
        numbers = allocator.Allocate<uint32_t>(kPieceSize);
        std::fill_n(numbers, kPieceSize, kNone);
      }
      recent = {address >> kPieceShift, numbers};
    }
    recent.numbers[slotOf(address)] = number;
  }
  /// kNone for an op that has no number. It must be alive.
  uint32_t find(mlir::Operation *op) const {
    auto address = reinterpret_cast<uintptr_t>(op);
    Recent &recent = recentOf(address);
    if (recent.piece != address >> kPieceShift || !recent.numbers) {
      uint32_t *numbers = pieces.lookup(address >> kPieceShift);
      if (!numbers)
        return kNone;
      recent = {address >> kPieceShift, numbers};
    }
    return recent.numbers[slotOf(address)];
  }

private:
  /// No two ops start in the same 64 bytes.
  static constexpr unsigned kOpShift = 6, kPieceShift = 16;
  static constexpr size_t kPieceSize = size_t(1) << (kPieceShift - kOpShift);
  static_assert(sizeof(mlir::Operation) >= size_t(1) << kOpShift,
                "two ops could share a number");

  struct Recent {
    uintptr_t piece = 0;
    uint32_t *numbers = nullptr;
  };
  static size_t slotOf(uintptr_t address) {
    return (address >> kOpShift) % kPieceSize;
  }
  Recent &recentOf(uintptr_t address) const {
    return recents[(address >> kPieceShift) % recents.size()];
  }

  mutable std::array<Recent, 16> recents;
  llvm::DenseMap<uintptr_t, uint32_t *> pieces;
  llvm::BumpPtrAllocator allocator;
};

} // namespace amp

#endif // AMP_INTERFACES_OPNUMBERS_H
