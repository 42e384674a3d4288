//===- ModelSet.h - What each op is, for mixed precision --------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// One place to ask about an op: its PrecisionOpInterface first, else a table
// by op name, since an interface cannot be attached to an unregistered op.
//===----------------------------------------------------------------------===//

#ifndef AMP_ANALYSIS_MODELSET_H
#define AMP_ANALYSIS_MODELSET_H

#include "amp/Interfaces/PrecisionInterfaces.h"
#include "amp/Policy/OpModels.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/StringMap.h"

#include <memory>
#include <optional>

namespace amp {

/// An op that implements no interface, as data.
struct OpModel {
  /// Operands and results that share an element type.
  struct Group {
    /// Every floating operand, every floating result.
    bool allOperands = false, allResults = false;
    llvm::SmallVector<unsigned, 4> operands;
    llvm::SmallVector<unsigned, 2> results;
    /// All operands from this one on, for a variadic op.
    std::optional<unsigned> operandsFrom;
    /// TypeAttr of the op that names the element type, if any.
    std::string typeAttr;
    bool supportsFloat16 = true, supportsBFloat16 = true;
  };
  llvm::SmallVector<Group, 1> groups;
  bool isLoss = false;
  /// Converts element types and does nothing else.
  bool isCast = false;
  /// Hands a loop's value to the next iteration (TensorFlow's NextIteration).
  bool isRecurrence = false;
  /// Its regions are retyped with it where they hold ops of `regionOps` alone;
  /// else an op with regions has no group.
  bool retypesRegions = false;
  const llvm::StringMap<OpModel> *regionOps = nullptr;
  /// How it hands values through its regions.
  RegionFlow flow = RegionFlow::None;
  /// The constant of its dialect: an attribute holds the elements.
  std::string constantAttr;
  /// What policies call the op when its first region holds one op and a
  /// terminator, by the name of that op, or the terminator alone.
  struct Body {
    std::string policyName, as;
  };
  llvm::StringMap<Body> bodies;
  /// The op of the op table that it is; empty for none.
  std::string as;
};

using OpModelTable = llvm::StringMap<OpModel>;

class ForeignModels;

/// What answers for an op; the same for all ops of one name.
struct OpKind {
  const PrecisionDialectInterface *dialect = nullptr;
  PrecisionOpInterface::Concept *interface = nullptr;
  /// Asked only where there is no interface.
  const OpModel *model = nullptr;
  /// Sums of the op stay float32 when it is lowered, where it can do that.
  bool accumulatesFloat32 = false;

  bool isDescribed() const { return interface || model; }
};

/// Interfaces and tables together. Cheap to copy; tables must outlive it.
class ModelSet {
public:
  /// Asked when an op implements no interface, in the order added.
  void addTable(const OpModelTable &table) { tables.push_back(&table); }
  /// A models file (amp/Analysis/ForeignModels.h): a table, and how its
  /// dialects cast.
  void addForeign(std::shared_ptr<const ForeignModels> models);
  llvm::ArrayRef<std::shared_ptr<const ForeignModels>> foreign() const {
    return foreignModels;
  }

  /// Whether the sums of lowered ops stay float32
  /// (PrecisionOpInterface::getAccumulatingGroups).
  void accumulateFloat32(bool yes) { accumulatesFloat32 = yes; }

  OpKind kindOf(mlir::OperationName name) const;

  /// Whether an interface or a table describes the op.
  bool describes(mlir::Operation *op) const {
    return kindOf(op->getName()).isDescribed();
  }
  void getTypeGroups(mlir::Operation *op,
                     llvm::SmallVectorImpl<TypeGroup> &groups) const {
    getTypeGroups(op, kindOf(op->getName()), groups);
  }
  bool isCast(mlir::Operation *op) const {
    return isCast(op, kindOf(op->getName()));
  }
  /// The name that policies use.
  llvm::StringRef getPolicyName(mlir::Operation *op) const {
    return getPolicyName(op, kindOf(op->getName()));
  }

  // The same questions where the kind is known already: a walk over many ops
  // looks it up once per name (OpNameMap).
  static void getTypeGroups(mlir::Operation *op, const OpKind &kind,
                            llvm::SmallVectorImpl<TypeGroup> &groups);
  static bool supportsElementType(mlir::Operation *op, const OpKind &kind,
                                  unsigned group, mlir::FloatType type);
  static bool canExecute(mlir::Operation *op, const OpKind &kind,
                         unsigned group, mlir::FloatType type);
  /// What an attribute says of a group's element type; null when only its
  /// members say it.
  static mlir::Type getGroupType(mlir::Operation *op, const OpKind &kind,
                                 unsigned group);
  static llvm::LogicalResult retargetGroup(mlir::Operation *op,
                                           const OpKind &kind, unsigned group,
                                           mlir::FloatType type);
  static bool isLoss(mlir::Operation *op, const OpKind &kind);
  static bool isRecurrence(mlir::Operation *op, const OpKind &kind);
  static bool isCast(mlir::Operation *op, const OpKind &kind);
  /// A cast that reads whatever there is, and is in no group itself.
  static bool isTransparentCast(mlir::Operation *op, const OpKind &kind);
  static llvm::StringRef getPolicyName(mlir::Operation *op, const OpKind &kind);
  /// The op of Amp's op table whose list counts where the name is on none.
  static llvm::StringRef getPolicyFamily(mlir::Operation *op,
                                         const OpKind &kind);
  /// The op of the op table that an op of a models file is; empty for none.
  static llvm::StringRef getMeaning(mlir::Operation *op, const OpKind &kind);

  /// How the dialect of an op builds and recognises casts, or null.
  static const PrecisionDialectInterface *
  getDialectInterface(mlir::Operation *op);
  /// The same for a function: that of the first op of its body with a dialect
  /// of a models file, else of the first op that has one, else its own.
  const PrecisionDialectInterface *
  getBodyInterface(mlir::FunctionOpInterface function) const;

private:
  bool accumulatesFloat32 = false;
  llvm::SmallVector<const OpModelTable *, 1> tables;
  llvm::SmallVector<std::shared_ptr<const ForeignModels>, 1> foreignModels;
};

} // namespace amp

#endif // AMP_ANALYSIS_MODELSET_H
