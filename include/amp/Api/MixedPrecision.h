//===- MixedPrecision.h - Mixed precision in one call -----------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The whole rewrite as one function and as one pipeline: training sections are
// expanded, the loss is scaled, what tolerates it runs in 16 bits, and the
// result is checked.
//===----------------------------------------------------------------------===//

#ifndef AMP_API_MIXEDPRECISION_H
#define AMP_API_MIXEDPRECISION_H

#include "amp/Transforms/LossScale.h"
#include "amp/Transforms/MixedPrecision.h"
#include "mlir/Pass/PassManager.h"

namespace amp {

struct MixedPrecisionRewriteOptions {
  /// Policy, target type, pins, models of foreign ops. `request.policy` may
  /// also be one of Keras's names; see kPolicyAliases.
  MixedPrecisionOptions precision;
  /// How the loss is scaled where a training section stands. By default
  /// dynamically with preset tf1 for float16, not at all for bfloat16 and for
  /// policy none.
  std::optional<LossScaleConfig> lossScale;
};

/// A name of a Keras policy: one of ours with its target.
struct PolicyAlias {
  std::string_view name, policy;
  /// The target it implies; nothing for float32.
  std::optional<Target> target;
};
inline constexpr PolicyAlias kPolicyAliases[] = {
    {"mixed_float16", "default", Target::Float16},
    {"mixed_bfloat16", "default", Target::BFloat16},
    {"float32", "none", std::nullopt},
};

/// Replaces one of Keras's names by what it stands for; leaves other requests
/// alone.
void resolvePolicyAlias(PolicyRequest &request);

/// The loss scale that a rewrite without one of its own gets.
LossScaleConfig defaultLossScale(const MixedPrecisionOptions &options);

/// UnitAttr on a module that enableMixedPrecisionGraphRewrite has rewritten.
inline constexpr llvm::StringLiteral kRewrittenAttr = "amp.rewritten";

/// Rewrites every function of `module` in place, once: a second call on the
/// same module is an error that leaves it as it is, as TensorFlow's function
/// wraps an optimizer once, and so is a loss scale that means nothing. Other
/// problems are reported as diagnostics too; the module must then not be used
/// further. `report`, when given, tells every decision.
llvm::LogicalResult
enableMixedPrecisionGraphRewrite(mlir::ModuleOp module,
                                 const MixedPrecisionRewriteOptions &options,
                                 PrecisionReport *report = nullptr);

/// A loss scale as TensorFlow's function takes it: "dynamic", or a positive
/// number. Text may be all that --loss-scale takes.
struct LossScaleArgument {
  LossScaleArgument(llvm::StringRef text) : text(text) {}
  LossScaleArgument(const char *text) : text(text) {}
  LossScaleArgument(double number) : number(number) {}

  llvm::StringRef text;
  std::optional<double> number;
};

/// The same with `lossScale` in place of that of the options.
llvm::LogicalResult
enableMixedPrecisionGraphRewrite(mlir::ModuleOp module,
                                 const LossScaleArgument &lossScale,
                                 MixedPrecisionRewriteOptions options = {},
                                 PrecisionReport *report = nullptr);

/// The same as passes: amp-gradients, amp-loss-scale, amp-auto-mixed-precision,
/// amp-verify-contract.
void buildMixedPrecisionPipeline(mlir::OpPassManager &manager,
                                 const MixedPrecisionRewriteOptions &options,
                                 PrecisionReport *report = nullptr);

/// Registers the pipeline amp-enable-mixed-precision-graph-rewrite.
void registerMixedPrecisionPipeline();

} // namespace amp

#endif // AMP_API_MIXEDPRECISION_H
