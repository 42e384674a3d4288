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
    range, regions.

    Not this: returning statistics of a batch norm in the group of `x`. They
    stay float32 when `x` is lowered, so they are in no group.
  }];
  let methods = [
    InterfaceMethod<
      "Appends the type groups of this op; none for an op that keeps its types.",
      "void", "getTypeGroups",
      (ins "::llvm::SmallVectorImpl<::amp::TypeGroup> &":$groups)>,
    InterfaceMethod<[{
        Whether group `group` can have element type `type`.
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
      }],
      "::llvm::LogicalResult", "retargetGroup",
      (ins "unsigned":$group, "::mlir::FloatType":$type)>,
    InterfaceMethod<[{
        Whether the op is a loss: it stays float32 under every policy.
      }],
      "bool", "isLoss", (ins), [{}], [{ return false; }]>,
    InterfaceMethod<[{
        The name that policies use for this op.
      }],
      "::llvm::StringRef", "getPolicyName", (ins), [{}], [{
        return $_op->getName().getStringRef();
      }]>,
  ];
}

def VariableUpdateOpInterface : OpInterface<"VariableUpdateOpInterface"> {
  let cppNamespace = "::amp";
  let description = [{
    An op that changes a variable: an optimizer step or an assignment. Loss
    scaling unscales its gradient and makes it conditional on all gradients
    being finite.

    Not this: an op that reads a variable.
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
