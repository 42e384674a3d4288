//===- Models.h - Shared by the models of dialects --------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// What ops of many dialects have in common, so that a dialect's file is a table
// of names and what is its own. Private to this library.
//===----------------------------------------------------------------------===//

#ifndef AMP_LIB_MODELS_MODELS_H
#define AMP_LIB_MODELS_MODELS_H

#include "amp/Interfaces/PrecisionInterfaces.h"
#include "amp/Models/RegisterModels.h"

namespace amp {

/// How the operands and results of an op belong together.
enum class OpShape : uint8_t {
  None,    ///< no group: the op keeps its types
  Tensors, ///< all floating tensors
  Values,  ///< all floating tensors and scalars
  Own      ///< a model of its own, attached by its file
};

/// An op of another dialect: what belongs together in it, and the op of Amp's
/// op table whose place in a policy it takes, unless the policy lists it.
struct OpEntry {
  llvm::StringLiteral name;
  OpShape shape;
  llvm::StringLiteral family;
};

/// The tables, one per dialect.
llvm::ArrayRef<OpEntry> arithOps();
llvm::ArrayRef<OpEntry> mathOps();
llvm::ArrayRef<OpEntry> linalgOps();
llvm::ArrayRef<OpEntry> tensorOps();
llvm::ArrayRef<OpEntry> tosaOps();

/// The family of an op by its full name; empty for one in no table.
llvm::StringRef familyOf(llvm::StringRef name);

/// Attaches models to all ops of a table but those of shape Own.
void attachModels(mlir::MLIRContext *context, llvm::ArrayRef<OpEntry> ops);

/// Attaches one model to the ops of a table with shape Own.
template <typename Model>
void attachOwnModel(mlir::MLIRContext *context, llvm::ArrayRef<OpEntry> ops) {
  for (const OpEntry &entry : ops)
    if (entry.shape == OpShape::Own)
      if (auto op = mlir::RegisteredOperationName::lookup(entry.name, context))
        op->attachInterface<Model>();
}

/// Appends one group with all floating tensors among operands and results, and
/// scalars where asked. No group without a result of that kind but for ops that
/// only look at their operand.
void getFloatGroup(mlir::Operation *op, bool scalars,
                   llvm::SmallVectorImpl<TypeGroup> &groups);
/// Gives the floating results of an op another element type.
void retypeFloatResults(mlir::Operation *op, bool scalars,
                        mlir::FloatType type);

/// What models answer when there is nothing to say.
template <typename Model>
struct ModelBase : PrecisionOpInterface::FallbackModel<Model> {
  static bool classof(mlir::Operation *) { return true; }
  bool getAccumulatingGroups(mlir::Operation *,
                             llvm::SmallVectorImpl<TypeGroup> &) const {
    return false;
  }
  bool supportsElementType(mlir::Operation *, unsigned, mlir::FloatType) const {
    return true;
  }
  bool canExecute(mlir::Operation *, unsigned, mlir::FloatType) const {
    return true;
  }
  mlir::Type getGroupType(mlir::Operation *, unsigned) const { return {}; }
  bool isLoss(mlir::Operation *) const { return false; }
  llvm::StringRef getPolicyName(mlir::Operation *op) const {
    return op->getName().getStringRef();
  }
  llvm::StringRef getPolicyFamily(mlir::Operation *op) const {
    return familyOf(op->getName().getStringRef());
  }
};

/// The region in which an op computes scalars, for operands that have their new
/// types: `arguments` are the types of the block's arguments, `yields` those of
/// what it yields. Computes in `type` where all floating arguments have it and
/// each op can, else in float32 between casts.
void retypeScalarBody(mlir::Block &body, llvm::ArrayRef<mlir::Type> arguments,
                      llvm::ArrayRef<mlir::Type> yields, mlir::FloatType type);

/// Casts by arith, for functions on tensors of whatever dialect.
struct ArithCasts : PrecisionDialectInterface {
  using PrecisionDialectInterface::PrecisionDialectInterface;
  mlir::Value buildCast(mlir::OpBuilder &builder, mlir::Location loc,
                        mlir::Value value, mlir::FloatType type) const override;
  bool isCast(mlir::Operation *op) const override;
  bool canRetargetCast(mlir::Operation *cast,
                       mlir::FloatType type) const override;
  void retargetCast(mlir::Operation *cast, mlir::FloatType type) const override;
  bool isConvertibleConstant(mlir::Operation *op) const override;
  mlir::Operation *buildConvertedConstant(mlir::OpBuilder &builder,
                                          mlir::Operation *constant,
                                          mlir::FloatType type) const override;
  bool isVariableRead(mlir::Operation *) const override { return false; }
  /// Every op of the dialect.
  void getPolicyNames(
      llvm::SmallVectorImpl<llvm::StringRef> &names) const override;
};

/// A twin of a constant whose elements are attribute `name`, behind it.
mlir::Operation *convertConstant(mlir::OpBuilder &builder,
                                 mlir::Operation *constant,
                                 llvm::StringRef name, mlir::FloatType type);

/// Lets a dialect's functions be cast with arith, which is loaded with it.
template <typename Casts = ArithCasts>
void addArithCasts(mlir::Dialect *dialect);

} // namespace amp

#include "mlir/Dialect/Arith/IR/Arith.h"

template <typename Casts> void amp::addArithCasts(mlir::Dialect *dialect) {
  dialect->getContext()->getOrLoadDialect<mlir::arith::ArithDialect>();
  dialect->addInterface(std::make_unique<Casts>(dialect));
}

#endif // AMP_LIB_MODELS_MODELS_H
