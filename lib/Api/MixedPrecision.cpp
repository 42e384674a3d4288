//===- MixedPrecision.cpp - Mixed precision in one call -------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The pipeline, its textual options, and the function that runs it.
//===----------------------------------------------------------------------===//

#include "amp/Api/MixedPrecision.h"

#include "amp/Dialect/Graph/Transforms/Passes.h"
#include "amp/Transforms/Passes.h"
#include "mlir/Pass/PassOptions.h"
#include "mlir/Pass/PassRegistry.h"

#include <cmath>

using namespace amp;
using namespace mlir;

void amp::resolvePolicyAlias(PolicyRequest &request) {
  for (const PolicyAlias &alias : kPolicyAliases) {
    if (alias.name != request.policy)
      continue;
    request.policy = alias.policy;
    request.target = alias.target.value_or(request.target);
    return;
  }
}

LossScaleConfig amp::defaultLossScale(const MixedPrecisionOptions &options) {
  Target target =
      options.policy ? options.policy->target : options.request.target;
  llvm::StringRef policy =
      options.policy ? options.policy->name : options.request.policy;
  if (policy == "none" || target != Target::Float16)
    return LossScaleConfig::none();
  return LossScaleConfig::dynamic();
}

void amp::buildMixedPrecisionPipeline(
    OpPassManager &manager, const MixedPrecisionRewriteOptions &options,
    PrecisionReport *report) {
  MixedPrecisionOptions precision = options.precision;
  resolvePolicyAlias(precision.request);
  LossScaleConfig lossScale =
      options.lossScale.value_or(defaultLossScale(precision));
  manager.addPass(graph::createGradients());
  manager.addPass(createLossScale({toString(lossScale)}));
  manager.addPass(createAutoMixedPrecision(precision, report));
  manager.addPass(createVerifyContract(precision.models));
}

/// Why a loss scale cannot be used; empty when it can.
static std::string whatIsWrong(const LossScaleConfig &config) {
  if (config.mode == LossScaleConfig::Mode::Fixed &&
      (!(config.value > 0) || !std::isfinite(config.value)))
    return "the loss scale must be a positive, finite float32, not " +
           std::to_string(config.value);
  std::string error;
  return parseLossScale(toString(config), error) ? std::string() : error;
}

LogicalResult amp::enableMixedPrecisionGraphRewrite(
    ModuleOp module, const MixedPrecisionRewriteOptions &options,
    PrecisionReport *report) {
  if (module->hasAttr(kRewrittenAttr))
    return module.emitError("this module has mixed precision already: it is "
                            "rewritten once");
  if (options.lossScale)
    if (std::string error = whatIsWrong(*options.lossScale); !error.empty())
      return module.emitError(error);
  PassManager manager(module.getContext(), ModuleOp::getOperationName());
  buildMixedPrecisionPipeline(manager, options, report);
  if (failed(manager.run(module)))
    return failure();
  module->setAttr(kRewrittenAttr, UnitAttr::get(module.getContext()));
  return success();
}

LogicalResult amp::enableMixedPrecisionGraphRewrite(
    ModuleOp module, const LossScaleArgument &lossScale,
    MixedPrecisionRewriteOptions options, PrecisionReport *report) {
  if (lossScale.number) {
    options.lossScale =
        LossScaleConfig::fixed(static_cast<float>(*lossScale.number));
  } else {
    std::string error;
    options.lossScale = parseLossScale(
        std::string_view(lossScale.text.data(), lossScale.text.size()), error);
    if (!options.lossScale)
      return module.emitError(error);
  }
  return enableMixedPrecisionGraphRewrite(module, options, report);
}

namespace {

/// What the pipeline takes as text, after the flags of amp-opt.
struct PipelineOptions : PassPipelineOptions<PipelineOptions> {
  Option<std::string> policy{
      *this, "policy",
      llvm::cl::desc("Preset, one of Keras's names, or a policy file ending in "
                     ".json."),
      llvm::cl::init("default")};
  Option<std::string> target{
      *this, "target", llvm::cl::desc("Type to lower to: float16 or bfloat16."),
      llvm::cl::init("float16")};
  Option<std::string> lossScale{
      *this, "loss-scale",
      llvm::cl::desc("dynamic[:key=value,...], none, or a number; by default "
                     "dynamic for float16 and none for bfloat16."),
      llvm::cl::init("")};
  ListOption<std::string> pins{
      *this, "pin",
      llvm::cl::desc("Nodes to keep float32, each [FUNCTION:]GLOB.")};
};

using ErrorHandler = llvm::function_ref<LogicalResult(const Twine &)>;

LogicalResult buildFromText(OpPassManager &manager, StringRef text,
                            ErrorHandler fail) {
  PipelineOptions given;
  if (failed(given.parseFromString(text)))
    return failure();
  MixedPrecisionRewriteOptions options;
  PolicyRequest &request = options.precision.request;
  request.policy = given.policy;
  if (given.target == "bfloat16" || given.target == "bf16")
    request.target = Target::BFloat16;
  else if (given.target != "float16" && given.target != "f16")
    return fail("target is float16 or bfloat16, not '" + given.target + "'");
  options.precision.pins.assign(given.pins.begin(), given.pins.end());
  if (!given.lossScale.empty()) {
    std::string error;
    options.lossScale = parseLossScale(given.lossScale, error);
    if (!options.lossScale)
      return fail(error);
  }
  buildMixedPrecisionPipeline(manager, options);
  return success();
}

} // namespace

void amp::registerMixedPrecisionPipeline() {
  registerPassPipeline(
      "amp-enable-mixed-precision-graph-rewrite",
      "Expands training sections, scales the loss, and rewrites to mixed "
      "precision, as TensorFlow's function of that name does.",
      buildFromText,
      [](llvm::function_ref<void(const mlir::detail::PassOptions &)> handle) {
        handle(PipelineOptions());
      });
}
