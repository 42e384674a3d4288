//===- Passes.td - Passes on the graph dialect ----------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Expansion of training functions: gradients and optimizer steps.
//===----------------------------------------------------------------------===//

#ifndef AMP_DIALECT_GRAPH_TRANSFORMS_PASSES_TD
#define AMP_DIALECT_GRAPH_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

def Gradients : Pass<"amp-gradients", "::mlir::ModuleOp"> {
  let summary = "Expands the training section of functions into nodes";
  let description = [{
    For every `graph.func` with the attribute `training`: adds the backward part
    of the loss by reverse-mode differentiation, one optimizer step for each
    trained variable, and the step counter; then removes the attribute. Optimizer
    state becomes variables of the module.

    The seed of the backward part is a constant 1.0 marked `amp.loss_gradient`.
    Every node that is made carries `amp.generated`, and backward nodes carry
    `amp.origin`, the name of their forward node.

    Restrictions: an op between a trained variable and the loss needs a gradient
    rule (DifferentiableOpInterface), and only one training function may use the
    optimizer state of a module. docs/Training.md describes names and formulas.

    ```mlir
    %y = graph.relu %x
    %loss = graph.mean_squared_error %y, %target
    ```
    ==>
    ```mlir
    %seed = graph.constant {value = dense<1.0> : tensor<f32>, amp.loss_gradient}
    %g1 = graph.mean_squared_error_grad %seed, %y, %target {amp.origin = "loss"}
    %g0 = graph.relu_grad %g1, %x {amp.origin = "y"}
    ```
  }];
}

#endif // AMP_DIALECT_GRAPH_TRANSFORMS_PASSES_TD
