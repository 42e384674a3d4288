//===- Passes.td - Passes that know no dialect ----------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Mixed precision, its contract, and loss scaling, on any dialect that
// implements the interfaces of amp/Interfaces.
//===----------------------------------------------------------------------===//

#ifndef AMP_TRANSFORMS_PASSES_TD
#define AMP_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

def AutoMixedPrecision
    : Pass<"amp-auto-mixed-precision"> {
  let summary = "Lowers the parts of functions that tolerate it to 16 bits";
  let description = [{
    Decides for each op, by the lists of a policy and the rules R1 to R24 of
    docs/Algorithm.md, whether it runs in float32 or in a 16-bit type, retypes
    the ops in place and inserts casts where the types meet: at most one for a
    value and a type, next to the value's definition. Constants are converted
    and keep their float32 original for their other users.

    Function signatures, variables, losses and whatever the policy denies stay
    float32. An op that no interface and no table describes is a barrier.
    A pin (`amp.precision` on the op) beats the lists.

    Why not a pattern driver: a decision depends on the whole graph, so it is
    made before anything changes, and applied in one walk.

    ```mlir
    %y = graph.matmul %x, %w : (tensor<?x8xf32>, tensor<8x4xf32>) -> tensor<?x4xf32>
    ```
    ==>
    ```mlir
    %x16 = graph.cast %x {to = f16} : (tensor<?x8xf32>) -> tensor<?x8xf16>
    %w16 = graph.cast %w {to = f16} : (tensor<8x4xf32>) -> tensor<8x4xf16>
    %y = graph.matmul %x16, %w16 : (tensor<?x8xf16>, tensor<8x4xf16>) -> tensor<?x4xf16>
    %y32 = graph.cast %y {to = f32} : (tensor<?x4xf16>) -> tensor<?x4xf32>
    ```

    Each function gets the attribute `amp.contract`, which
    `amp-verify-contract` checks and removes.

    Runs on a module or nested on functions. Nested on a function it sees that
    one alone, so that no signature changes: private functions are retyped with
    their calls only where the pass runs on the module.
  }];
  let options = [
    Option<"policy", "policy", "std::string", "\"default\"",
           "Preset (default, tensorflow, tensorflow-2.19, minimal, none, linalg, tosa) or a policy file ending in .json.">,
    Option<"target", "target", "std::string", "\"float16\"",
           "Type to lower to: float16 (f16) or bfloat16 (bf16).">,
    Option<"inferRule", "infer-rule", "std::string", "\"\"",
           "When infer ops are lowered: between or follow. The policy's rule by default.">,
    ListOption<"allowOps", "allow", "std::string",
               "Ops to move to the allow list.">,
    ListOption<"inferOps", "infer", "std::string",
               "Ops to move to the infer list.">,
    ListOption<"clearOps", "clear", "std::string",
               "Ops to move to the clear list.">,
    ListOption<"denyOps", "deny", "std::string",
               "Ops to move to the deny list.">,
    ListOption<"keepOps", "keep", "std::string",
               "Ops to move to the keep list.">,
    ListOption<"pins", "pin", "std::string",
               "Nodes to keep float32, each [FUNCTION:]GLOB.">,
    Option<"unknownOps", "unknown-ops", "std::string", "\"warn\"",
           "What to do with an op that nothing describes: error, warn or ignore.">,
    Option<"accumulate", "accumulate", "std::string", "\"\"",
           "float32 (f32) keeps the sums of lowered products and reductions float32, where an op can; by default they have the op's type.">,
    Option<"explain", "explain", "std::string", "\"\"",
           "Tells the reason for every node (all) or for one, [FUNCTION:]NODE, on standard error.">,
    Option<"report", "report", "std::string", "\"\"",
           "File for all decisions as JSON; - for standard output.">,
    ListOption<"opModels", "op-models", "std::string",
               "Models of ops of dialects that are not linked in: a name that ships (stablehlo) or a file ending in .json.">,
    Option<"keepBlockOrder", "keep-block-order", "bool", "false",
           "Sweep in block order, as TensorFlow does, not in topological order.">,
  ];
  // No statistics: Debian's MLIR is built without them, and its constructor
  // would leave the fields of ours uninitialised. The report counts.
}

def VerifyContract : Pass<"amp-verify-contract"> {
  let summary = "Checks what mixed precision promises";
  let description = [{
    For each function with the attribute `amp.contract`, which
    `amp-auto-mixed-precision` leaves:
    - its signature is as before, and what it returns has the types it says;
    - no loss, and no op that the effective policy denies or keeps, has become
      16-bit, but for what the user pinned;
    - a value has at most one inserted cast to a type;
    - the graph modulo casts (ops, attributes, edges, shapes) is as before, by a
      128-bit fingerprint.

    Removes the attribute when all of it holds. Functions without it are left
    alone. Takes linear time.
  }];
  let options = [
    ListOption<"opModels", "op-models", "std::string",
               "Models of foreign ops, as amp-auto-mixed-precision had them.">,
  ];
}

def LossScale : Pass<"amp-loss-scale"> {
  let summary = "Scales the loss gradient and guards updates against overflow";
  let description = [{
    In every function with an op marked `amp.loss_gradient`: multiplies the loss
    gradient by a scale, divides the gradients by it again in float32, checks
    that all of them are finite, makes every update of a variable conditional on
    that, and (dynamic) updates the scale. A function that scales its loss
    already is left alone.

    Runs on a module: the scale is a variable beside the function.

    Updates that stand in a function without such a mark are not touched; if
    there is no scale at all, a warning says so.
  }];
  let options = [
    Option<"mode", "mode", "std::string", "\"dynamic\"",
           "What --loss-scale takes: dynamic[:key=value,...], none, or a number.">,
  ];
}

#endif // AMP_TRANSFORMS_PASSES_TD
