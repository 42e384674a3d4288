//===- DifferentiableOpInterface.td - What an op's gradients are ----------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The op interface that amp-gradients asks. An interface rather than a switch
// over op names, so that a rule can be attached to an op from elsewhere.
//===----------------------------------------------------------------------===//

#ifndef AMP_DIALECT_GRAPH_TRANSFORMS_DIFFERENTIABLEOPINTERFACE_TD
#define AMP_DIALECT_GRAPH_TRANSFORMS_DIFFERENTIABLEOPINTERFACE_TD

include "mlir/IR/OpBase.td"

def DifferentiableOpInterface : OpInterface<"DifferentiableOpInterface"> {
  let cppNamespace = "::amp::graph";
  let description = [{
    Builds the gradients of an op's operands from those of its results.

    Not this: adding the gradients of a value that is used twice. The pass does
    that, and it asks a rule only when a gradient is needed.
  }];
  let methods = [
    InterfaceMethod<[{
        Sets `operandGradients[i]` for every operand `i` that the builder wants;
        the others are ignored. An entry has the type of its operand.
        `resultGradients` has one entry for each result, null where the loss
        does not depend on it; at least one is not null. Emits a diagnostic and
        fails when a wanted gradient has no rule.
      }],
      "::llvm::LogicalResult", "buildGradients",
      (ins "::amp::graph::GradientBuilder &":$builder,
           "::llvm::ArrayRef<::mlir::Value>":$resultGradients,
           "::llvm::MutableArrayRef<::mlir::Value>":$operandGradients)>,
  ];
}

#endif // AMP_DIALECT_GRAPH_TRANSFORMS_DIFFERENTIABLEOPINTERFACE_TD
