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
///
/// Not this: the index operand of a gather, which keeps its type; the moving
/// mean of a batch norm, which stays float32 when x is lowered; the arguments
/// of a region that the op computes with (the body of linalg.generic), which
/// are retargetGroup's own business.
struct TypeGroup {
  llvm::SmallVector<unsigned, 4> operands;
  llvm::SmallVector<unsigned, 2> results;
  llvm::SmallVector<mlir::BlockArgument, 0> blockArguments = {};
  /// Results that belong to the group and stay float32 all the same, since the
  /// op accumulates wider than it reads: lowered users cast them, the others
  /// read them as they are.
  ///
  /// Not this: a result that has nothing to do with the group. What stands here
  /// carries the group's colour to its users.
  llvm::SmallVector<unsigned, 0> wideResults = {};
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

/// How a dialect makes and recognises what the pass needs in its functions:
/// casts, constants, reads of variables, and the boundary of a function. Each
/// method is a contract; "not this" shows what breaks it.
///
/// Attached to every dialect whose ops stand in function bodies. The dialect of
/// the op that makes a value says how the value is cast; for a block argument
/// it is that of the function's body.
class PrecisionDialectInterface
    : public mlir::DialectInterface::Base<PrecisionDialectInterface> {
public:
  PrecisionDialectInterface(mlir::Dialect *dialect) : Base(dialect) {}

  //===--------------------------------------------------------------------===//
  // Casts
  //===--------------------------------------------------------------------===//

  /// A cast of `value` to the same shape with element type `type`, at the
  /// builder's insertion point. The last op made is the one that makes the
  /// result. Null where the value cannot be cast; nothing has been built then.
  ///
  /// Not this: returning `value` when the types agree (the pass marks the op
  /// behind the result as its own), or rounding twice on the way (float32 to
  /// float16 over bfloat16).
  virtual mlir::Value buildCast(mlir::OpBuilder &builder, mlir::Location loc,
                                mlir::Value value,
                                mlir::FloatType type) const = 0;
  /// Whether the op converts element types and does nothing else.
  ///
  /// Not this: true for an op that reshapes or rescales as well (tosa.rescale,
  /// a bitcast): the pass sees through casts, and the rest would be lost from
  /// the fingerprint.
  virtual bool isCast(mlir::Operation *op) const = 0;
  /// Whether an existing cast to float32 can produce `type` instead.
  ///
  /// Not this: true for `arith.extf` from bfloat16 and `type` float16, which
  /// the op's verifier rejects.
  virtual bool canRetargetCast(mlir::Operation *cast,
                               mlir::FloatType type) const {
    return true;
  }
  /// Makes an existing cast produce `type`; called where canRetargetCast holds.
  ///
  /// Not this: replacing the op. Its result keeps its uses.
  virtual void retargetCast(mlir::Operation *cast,
                            mlir::FloatType type) const = 0;
  /// Existing casts are nodes as others are: their operand and their result are
  /// groups, and what they read is cast as for any user. Else a cast is
  /// transparent: it reads whatever there is.
  virtual bool castsAreNodes() const { return false; }
  /// Where casts are nodes: whether the group is the result of a cast to
  /// float32, which may produce the target type instead.
  virtual bool isCastResult(mlir::Operation *op, unsigned group) const {
    return false;
  }

  //===--------------------------------------------------------------------===//
  // Constants and variables
  //===--------------------------------------------------------------------===//

  /// Whether the op is a constant whose elements the compiler can see.
  ///
  /// Not this: true for a constant in a resource or a file that is not loaded.
  /// Such a value is cast when it is used, like any other.
  virtual bool isConvertibleConstant(mlir::Operation *op) const = 0;
  /// A twin of the constant in `type`, right behind it: finite overflow
  /// saturates, infinities, NaN and signs stay, nonzero never becomes zero. The
  /// original is left for its float32 users.
  ///
  /// Not this: APFloat::convert alone, which turns 70000 into infinity.
  virtual mlir::Operation *
  buildConvertedConstant(mlir::OpBuilder &builder, mlir::Operation *constant,
                         mlir::FloatType type) const = 0;
  /// Whether the op reads a variable, whose dtype never changes.
  ///
  /// Not this: an op that reads a variable and computes with it; the variable
  /// would be lowered with the op's group.
  virtual bool isVariableRead(mlir::Operation *op) const = 0;
  /// Reads a variable by reference: nothing is lowered into it just because a
  /// neighbour is.
  virtual bool readsReference(mlir::Operation *op) const { return false; }
  /// Hands a loop's value to the next iteration.
  virtual bool isRecurrence(mlir::Operation *op) const { return false; }

  //===--------------------------------------------------------------------===//
  // Functions
  //===--------------------------------------------------------------------===//

  /// Whether somebody whom the module does not show knows the signature of
  /// `function`, so that it never changes. Asked of the dialect of the function.
  /// Where it is no boundary, arguments and results are retyped with the calls,
  /// through FunctionOpInterface and CallOpInterface; the pass looks itself
  /// whether every use of the symbol is a call.
  ///
  /// Not this: false for a public function, or for a declaration.
  virtual bool isBoundary(mlir::Operation *function) const { return true; }
  /// What the values of a function do not show.
  virtual void getGroupRelations(mlir::Operation *function,
                                 GroupRelations &relations) const {}
  /// Called when a pass has finished a function: gives the ops that it made
  /// names that clash with no other.
  virtual void nameGenerated(mlir::Operation *function) const {}

  //===--------------------------------------------------------------------===//
  // The pass and its reports
  //===--------------------------------------------------------------------===//

  /// Whether the pass tries each kind of lowered op on a copy before it changes
  /// anything, retargetGroup and the op's verifier, so that a model that
  /// contradicts its op is an error that leaves the module as it was.
  ///
  /// Not this: false to save the time. Only where one description is behind the
  /// model and the verifier can they not contradict each other.
  virtual bool needsRehearsal() const { return true; }
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
