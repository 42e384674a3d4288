//===- Retyping.h - What retargeting makes of an op -------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Internal to Transforms: the types and attributes that a model gave to one op,
// for the others of its kind. A model works them out anew each time, and makes
// the same for all ops that are alike (PrecisionOpInterface::retargetGroup).
//===----------------------------------------------------------------------===//

#ifndef AMP_LIB_TRANSFORMS_RETYPING_H
#define AMP_LIB_TRANSFORMS_RETYPING_H

#include "mlir/IR/Operation.h"

namespace amp {

/// Of ops without regions, or with regions of one block whose ops have none, as
/// those with a kind are.
class Retyping {
public:
  /// Whether the op, of the kind of the one that this was made from, becomes
  /// what that one became: the same groups are lowered, and the operands have
  /// the same types by now.
  bool fits(mlir::Operation *op, uint64_t lowered) const;
  void apply(mlir::Operation *op) const;

  /// Whether it is of no use to take anything down for this kind.
  bool isHopeless() const { return isFinished && !isPlain; }
  /// Before an op is retargeted: takes down what it is.
  void start(mlir::Operation *op, uint64_t lowered);
  /// Behind that: takes down what it has become. Nothing fits where more has
  /// changed than types and discardable attributes.
  void finish(mlir::Operation *op);

private:
  /// Types of results and arguments, and attributes, of the op and of those in
  /// its regions, in their order.
  struct Parts {
    llvm::SmallVector<mlir::Type, 4> types;
    llvm::SmallVector<mlir::DictionaryAttr, 1> attributes;
    void take(mlir::Operation *op);
  };
  /// All else that an op is.
  struct Rest {
    llvm::SmallVector<const void *, 16> words;
    void take(mlir::Operation *op);
  };

  uint64_t lowered = 0;
  bool isFinished = false, isPlain = false;
  llvm::SmallVector<mlir::Type, 4> operandTypes;
  Parts after;
  Rest before;
};

} // namespace amp

#endif // AMP_LIB_TRANSFORMS_RETYPING_H
