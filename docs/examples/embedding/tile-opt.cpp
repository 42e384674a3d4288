//===- tile-opt.cpp - A compiler of one's own -----------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// mlir-opt with the dialect, Amp's passes, and a pipeline that holds them:
// clean-up, mixed precision by a policy of one's own, the contract, clean-up.
//===----------------------------------------------------------------------===//

#include "TileDialect.h"
#include "amp/InitAll.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"

namespace {

struct TileOptions : mlir::PassPipelineOptions<TileOptions> {
  Option<std::string> policy{*this, "policy",
                             llvm::cl::desc("a preset or a policy file"),
                             llvm::cl::init("default")};
};

void buildTilePipeline(mlir::OpPassManager &manager,
                       const TileOptions &options) {
  amp::MixedPrecisionRewriteOptions rewrite;
  rewrite.precision.request.policy = options.policy;
  rewrite.precision.request.target = amp::Target::BFloat16;
  manager.addPass(mlir::createCSEPass());
  amp::buildMixedPrecisionPipeline(manager, rewrite);
  manager.addPass(mlir::createCanonicalizerPass());
}

} // namespace

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  registry.insert<mlir::func::FuncDialect, tile::TileDialect>();
  amp::registerAllDialects(registry);
  amp::registerAllPasses();
  mlir::registerTransformsPasses();
  mlir::PassPipelineRegistration<TileOptions>(
      "tile-pipeline", "Clean-up and mixed precision.", buildTilePipeline);
  return failed(mlir::MlirOptMain(argc, argv, "tile-opt\n", registry));
}
