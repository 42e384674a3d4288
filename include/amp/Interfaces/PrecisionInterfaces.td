//===- PrecisionInterfaces.td - What mixed precision asks an op -----------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Op interfaces of the pass: type groups and how to retarget them, and updates
// of variables that a loss scale makes conditional. Interfaces rather than
// traits, since ops of foreign dialects join through external models.
//===----------------------------------------------------------------------===//

#ifndef AMP_INTERFACES_PRECISIONINTERFACES_TD
#define AMP_INTERFACES_PRECISIONINTERFACES_TD

include "mlir/IR/OpBase.td"

def PrecisionOpInterface : OpInterface<"PrecisionOpInterface"> {
  let cppNamespace = "::amp";
  let description = [{
    Says which operands, results and block arguments of an op share an element
    type that may be lowered (a *type group*), and how to retarget a group.

    Capability only: whether an op should run in 16 bits is an opinion and
    stands in a policy.

    The pass casts operands and then calls `retargetGroup`; the op changes what
    is its own: result types, attributes that name a type, constants out of
    range, the region that it computes with.

    Regions are of two kinds. Where an op implements RegionBranchOpInterface,
    control flows through its regions: their ops are painted like others, and
    the values that the op carries from operands to region arguments, from
    terminators to arguments and results, are its type groups without a word
    from here. Every other region (the body of linalg.generic) belongs to its
    op and is retyped by `retargetGroup`.

    Not this: returning statistics of a batch norm in the group of `x`. They
    stay float32 when `x` is lowered, so they are in no group.
  }];
  let methods = [
    InterfaceMethod<[{
        Appends the type groups of this op; none for an op that keeps its types.
        Not this: an operand in two groups, or groups that depend on the element
        types that the op happens to have.
      }],
      "void", "getTypeGroups",
      (ins "::llvm::SmallVectorImpl<::amp::TypeGroup> &":$groups)>,
    InterfaceMethod<[{
        Appends the type groups for a user who asks that sums stay float32, and
        returns true; false for an op that has no other groups then. The
        accumulator (the destination of a matrix product) is in no group, and
        the result in `wideResults`.
        Not this: another number of groups than getTypeGroups has, or another
        order.
      }],
      "bool", "getAccumulatingGroups",
      (ins "::llvm::SmallVectorImpl<::amp::TypeGroup> &":$groups), [{}], [{
        return false;
      }]>,
    InterfaceMethod<[{
        Whether group `group` can have element type `type`.
        Not this: true for bfloat16 of an op whose verifier knows float16 alone.
      }],
      "bool", "supportsElementType",
      (ins "unsigned":$group, "::mlir::FloatType":$type), [{}], [{
        return true;
      }]>,
    InterfaceMethod<[{
        Whether the op can also be executed with `group` in element type `type`:
        a kernel exists. Asked of ops that follow others, not of those that a
        policy allows by name.
      }],
      "bool", "canExecute",
      (ins "unsigned":$group, "::mlir::FloatType":$type), [{}], [{
        return true;
      }]>,
    InterfaceMethod<[{
        The element type of group `group`; null means that its members say it.
        For groups that an attribute types, which may have no members at all.
      }],
      "::mlir::Type", "getGroupType", (ins "unsigned":$group), [{}], [{
        return {};
      }]>,
    InterfaceMethod<[{
        Changes the results, attributes and regions of group `group` to `type`.
        The operands have that type already. On failure the op is unchanged.
        Not this: replacing the op, casting its operands again, or retyping only
        the result of linalg.matmul: its region yields the old type, and the op
        no longer verifies.
      }],
      "::llvm::LogicalResult", "retargetGroup",
      (ins "unsigned":$group, "::mlir::FloatType":$type)>,
    InterfaceMethod<[{
        Whether the op is a loss: it stays float32 under every policy.
        Not this: a mean over a batch that a loss happens to be made of.
      }],
      "bool", "isLoss", (ins), [{}], [{ return false; }]>,
    InterfaceMethod<[{
        The name that policies use for this op.
        Not this: a name made for the occasion. It must outlive the op.
      }],
      "::llvm::StringRef", "getPolicyName", (ins), [{}], [{
        return $_op->getName().getStringRef();
      }]>,
    InterfaceMethod<[{
        The name of Amp's own op table that says what this op is (`matmul` for
        `linalg.batch_matmul`), empty without one: it counts where a policy does
        not list the policy name, so that every policy has an opinion.
        Not this: `matmul` for an op that adds a bias and a softmax too.
      }],
      "::llvm::StringRef", "getPolicyFamily", (ins), [{}], [{
        return {};
      }]>,
  ];
}

def VariableUpdateOpInterface : OpInterface<"VariableUpdateOpInterface"> {
  let cppNamespace = "::amp";
  let description = [{
    An op that changes a variable: an optimizer step or an assignment. Loss
    scaling unscales its gradient and makes it conditional on all gradients
    being finite.

    Not this: an op that reads a variable, or one whose update cannot be made
    conditional any more, since it has happened when the gradients are known.
  }];
  let methods = [
    InterfaceMethod<
      "The operand that is a gradient, or null for an assignment.",
      "::mlir::OpOperand *", "getGradientOperand", (ins)>,
    InterfaceMethod<
      "Makes the update happen only where `condition` (a bool scalar) holds.",
      "void", "setUpdateCondition", (ins "::mlir::Value":$condition)>,
    InterfaceMethod<
      "The condition, or null.",
      "::mlir::Value", "getUpdateCondition", (ins)>,
  ];
}

#endif // AMP_INTERFACES_PRECISIONINTERFACES_TD
