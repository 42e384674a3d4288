//===- Module.cpp - Modules through the C API -----------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The handles of MLIR's C API, unwrapped.
//===----------------------------------------------------------------------===//

#include "amp-c/Module.h"

#include "Objects.h"
#include "amp/InitAll.h"
#include "mlir/CAPI/IR.h"
#include "mlir/CAPI/Pass.h"

using namespace amp;
using namespace amp::capi;
using namespace mlir;

void ampRegisterAllDialects(MlirDialectRegistry registry) {
  amp::registerAllDialects(*::unwrap(registry));
}

void ampRegisterAllPasses() { amp::registerAllPasses(); }

AmpError ampRewriteModule(MlirModule module, AmpOptions options,
                          AmpReport *report) {
  if (report)
    *report = nullptr;
  ModuleOp op = ::unwrap(module);
  Collector collector(op.getContext());
  PrecisionReport decisions;
  if (AmpError error = rewrite(op, *options, collector, decisions))
    return error;
  if (report)
    *report = makeReport(std::move(decisions), std::move(collector.warnings));
  return nullptr;
}

MlirPass ampCreateAutoMixedPrecisionPass(AmpOptions options) {
  return ::wrap(
      createAutoMixedPrecision(options->rewrite.precision, nullptr).release());
}

MlirPass ampCreateVerifyContractPass(AmpOptions options) {
  return ::wrap(
      createVerifyContract(options->rewrite.precision.models).release());
}

AmpError ampAddPipeline(MlirOpPassManager manager, AmpOptions options) {
  OpPassManager &passes = *::unwrap(manager);
  if (passes.getOpAnchorName() != ModuleOp::getOperationName())
    return makeError(AmpErrorBadOption,
                     "the pipeline runs on modules, and this pass manager on '" +
                         passes.getOpAnchorName().str() + "'");
  buildMixedPrecisionPipeline(passes, options->rewrite);
  return nullptr;
}
