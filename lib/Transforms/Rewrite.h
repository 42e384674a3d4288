//===- Rewrite.h - Applies a painting ---------------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Internal to Transforms: from colours to casts and types.
//===----------------------------------------------------------------------===//

#ifndef AMP_LIB_TRANSFORMS_REWRITE_H
#define AMP_LIB_TRANSFORMS_REWRITE_H

#include "amp/Analysis/FunctionPainting.h"

namespace amp {

/// A cast that the rewrite inserted.
struct InsertedCast {
  mlir::Operation *op = nullptr;
  mlir::Value source;
  mlir::Type from, to;
  /// Ops that read it, each once; terminators with each operand that does.
  struct User {
    mlir::Operation *op;
    /// Its number in the body; kNoOp within a region of an op.
    uint32_t index;
    unsigned operand;
  };
  llvm::SmallVector<User, 2> users;
};

struct RewriteResult {
  /// Every cast, where a report wants them.
  bool wantsCasts = true;
  std::vector<InsertedCast> casts;
  /// The names of generated ops are made at once.
  bool wantsNames = true;
  /// How many there are.
  uint64_t castsToLow = 0, castsToFloat32 = 0;
  /// Converted twins of constants.
  unsigned convertedConstants = 0;
};

/// The type of a function of the unit after the rewrite; null for one whose type
/// is no FunctionType, and that does not change.
mlir::FunctionType signatureAfter(const FunctionPainting &painting,
                                  mlir::FunctionOpInterface function);

/// Whether the op, without what its regions hold, is as its verifier wants it;
/// nobody hears of it where it is not.
bool isValid(mlir::Operation *op);

/// Tries what rewriteFunction would do to each kind of op on a copy; what cannot
/// be done is an error at the op. Nothing has changed afterwards.
llvm::LogicalResult rehearse(const FunctionPainting &painting,
                             const ModelSet &models);

/// Retypes the lowered groups in place and inserts what the other side of each
/// edge needs: one cast for a value and a type, behind the value's definition.
/// Linear in ops and uses.
llvm::LogicalResult rewriteFunction(FunctionPainting &painting,
                                    const ModelSet &models,
                                    RewriteResult &result);

} // namespace amp

#endif // AMP_LIB_TRANSFORMS_REWRITE_H
