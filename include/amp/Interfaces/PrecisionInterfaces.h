//===- PrecisionInterfaces.h - What mixed precision asks --------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The only door between the pass and a dialect: op interfaces for type groups
// and updates, and dialect interfaces for what must be built or recognised
// (casts, constants, boundaries, loss-scale ops).
//===----------------------------------------------------------------------===//

#ifndef AMP_INTERFACES_PRECISIONINTERFACES_H
#define AMP_INTERFACES_PRECISIONINTERFACES_H

#include "amp/OpSet/LossScaleRule.h"

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/DialectInterface.h"
#include "mlir/IR/OpDefinition.h"

namespace amp {

/// Operands, results and block arguments of one op that share an element type
/// and are lowered together.
struct TypeGroup {
  llvm::SmallVector<unsigned, 4> operands;
  llvm::SmallVector<unsigned, 2> results;
  llvm::SmallVector<mlir::BlockArgument, 0> blockArguments;
};

/// The name in a location (NameLoc, also inside a FusedLoc); empty without one.
llvm::StringRef getNodeName(mlir::Location loc);

/// Takes relations between type groups that no value shows: elements of a list,
/// say, whose handle is the only value between who writes and who reads them.
class GroupRelations {
public:
  virtual ~GroupRelations() = default;
  /// What `from` makes reaches `to`.
  virtual void addEdge(mlir::Operation *from, unsigned fromGroup,
                       mlir::Operation *to, unsigned toGroup) = 0;
  /// Both are lowered or none is.
  virtual void tie(mlir::Operation *a, unsigned aGroup, mlir::Operation *b,
                   unsigned bGroup) = 0;
  /// The group stays float32.
  virtual void keepFloat32(mlir::Operation *op, unsigned group) = 0;
};

/// How a dialect makes and recognises what the pass needs in its functions.
/// Attached to the dialect that owns the ops of a function body.
class PrecisionDialectInterface
    : public mlir::DialectInterface::Base<PrecisionDialectInterface> {
public:
  PrecisionDialectInterface(mlir::Dialect *dialect) : Base(dialect) {}

  /// A cast of `value` to the same shape with element type `type`, at the
  /// builder's insertion point.
  virtual mlir::Value buildCast(mlir::OpBuilder &builder, mlir::Location loc,
                                mlir::Value value,
                                mlir::FloatType type) const = 0;
  /// Whether the op converts element types and does nothing else.
  virtual bool isCast(mlir::Operation *op) const = 0;
  /// Makes an existing cast produce `type`.
  virtual void retargetCast(mlir::Operation *cast,
                            mlir::FloatType type) const = 0;
  /// Whether the op is a constant whose elements the compiler can see.
  virtual bool isConvertibleConstant(mlir::Operation *op) const = 0;
  /// A twin of the constant in `type`, right behind it: finite overflow
  /// saturates, infinities, NaN and signs stay, nonzero never becomes zero.
  virtual mlir::Operation *
  buildConvertedConstant(mlir::OpBuilder &builder, mlir::Operation *constant,
                         mlir::FloatType type) const = 0;
  /// Whether the op reads a variable, whose dtype never changes.
  virtual bool isVariableRead(mlir::Operation *op) const = 0;
  /// Existing casts are nodes as others are: their operand and their result are
  /// groups, and what they read is cast as for any user. Else a cast is
  /// transparent: it reads whatever there is.
  virtual bool castsAreNodes() const { return false; }
  /// Where casts are nodes: whether the group is the result of a cast to
  /// float32, which may produce the target type instead.
  virtual bool isCastResult(mlir::Operation *op, unsigned group) const {
    return false;
  }
  /// Reads a variable by reference: nothing is lowered into it just because a
  /// neighbour is.
  virtual bool readsReference(mlir::Operation *op) const { return false; }
  /// Hands a loop's value to the next iteration.
  virtual bool isRecurrence(mlir::Operation *op) const { return false; }
  /// What the values of a function do not show.
  virtual void getGroupRelations(mlir::Operation *function,
                                 GroupRelations &relations) const {}
  /// Called when a pass has finished a function: gives the ops that it made
  /// names that clash with no other.
  virtual void nameGenerated(mlir::Operation *function) const {}
  /// Appends the names that policies may use for ops of this dialect; none
  /// means that a policy's names are not checked.
  virtual void
  getPolicyNames(llvm::SmallVectorImpl<llvm::StringRef> &names) const {}
  /// The name of a function's input or of a variable that is read, for
  /// reports; empty when it has none.
  virtual std::string getInputName(mlir::Value value) const { return {}; }
  /// The name of a function's output; empty when outputs have none.
  virtual llvm::StringRef getOutputName(mlir::Operation *function,
                                        unsigned index) const {
    return {};
  }
};

/// How a dialect makes the ops of loss scaling.
class LossScaleDialectInterface
    : public mlir::DialectInterface::Base<LossScaleDialectInterface> {
public:
  LossScaleDialectInterface(mlir::Dialect *dialect) : Base(dialect) {}

  /// State variables of a dynamic scale, made once per module: scale
  /// (float32), good_steps and bad_steps (int32).
  struct State {
    mlir::Value scale, goodSteps, badSteps;
  };
  /// Reads of the state in `function`, whose variables are made if missing.
  virtual mlir::FailureOr<State>
  buildState(mlir::OpBuilder &builder, mlir::Operation *function,
             const LossScaleParams &params) const = 0;
  /// A float32 scalar constant named `loss_scale/scale`, for a fixed scale.
  virtual mlir::Value buildFixedScale(mlir::OpBuilder &builder,
                                      mlir::Location loc,
                                      float scale) const = 0;
  /// Whether the op is the one that buildScaleLoss makes: its function has a
  /// loss scale already.
  virtual bool isScaleLoss(mlir::Operation *op) const = 0;
  virtual mlir::Value buildScaleLoss(mlir::OpBuilder &builder,
                                     mlir::Location loc,
                                     mlir::Value lossGradient,
                                     mlir::Value scale) const = 0;
  virtual mlir::Value buildUnscale(mlir::OpBuilder &builder, mlir::Location loc,
                                   mlir::Value gradient,
                                   mlir::Value scale) const = 0;
  virtual mlir::Value buildAllFinite(mlir::OpBuilder &builder,
                                     mlir::Location loc,
                                     mlir::ValueRange gradients) const = 0;
  /// Whether two bool scalars both hold.
  virtual mlir::Value buildAnd(mlir::OpBuilder &builder, mlir::Location loc,
                               mlir::Value a, mlir::Value b) const = 0;
  /// Computes the new state and assigns it, where `condition` holds; at every
  /// call when it is null.
  virtual void buildUpdate(mlir::OpBuilder &builder, mlir::Location loc,
                           const State &state, mlir::Value finite,
                           mlir::Value condition,
                           const LossScaleParams &params) const = 0;
};

/// Discardable attributes that mean something to the passes on any op.
/// A user's pin: TypeAttr f32, f16 or bf16.
inline constexpr llvm::StringLiteral kPrecisionAttr = "amp.precision";
/// StringAttr: node of the input that a generated node comes from.
inline constexpr llvm::StringLiteral kOriginAttr = "amp.origin";
/// UnitAttr: the op is as its user wants it, and no group of it changes.
inline constexpr llvm::StringLiteral kPreserveAttr = "amp.preserve";
/// UnitAttr: this op was made by a pass (backward, update, loss scale, cast).
inline constexpr llvm::StringLiteral kGeneratedAttr = "amp.generated";
/// UnitAttr on the op whose result 0 seeds the backward part.
inline constexpr llvm::StringLiteral kLossGradientAttr = "amp.loss_gradient";
/// DenseI64ArrayAttr: those operands of this op that are gradients as the
/// backward part made them, which loss scaling divides by the scale. On ops
/// that accumulate or clip gradients, and empty on the updates behind them; an
/// update without it takes such a gradient itself.
inline constexpr llvm::StringLiteral kGradientOperandsAttr =
    "amp.gradient_operands";
/// UnitAttr: a step happens only where result 0 is finite. It is not finite
/// where a gradient operand of this op is not, so that those are not checked
/// apart.
inline constexpr llvm::StringLiteral kCheckedAttr = "amp.checked";
/// UnitAttr on the op whose result 0, a bool scalar, says that this call is the
/// one that updates. Generated updates that do not take it as condition happen
/// at every call.
inline constexpr llvm::StringLiteral kStepConditionAttr = "amp.step_condition";

} // namespace amp

#include "amp/Interfaces/PrecisionInterfaces.h.inc"

#endif // AMP_INTERFACES_PRECISIONINTERFACES_H
