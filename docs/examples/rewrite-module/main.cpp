//===- main.cpp - Mixed precision in a compiler of one's own --------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Reads a module of func, linalg and arith, rewrites it to bfloat16, prints it,
// and says on standard error why each op has the type it has.
//===----------------------------------------------------------------------===//

#include "amp/Api/MixedPrecision.h"
#include "amp/Models/RegisterModels.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/SourceMgr.h"

int main(int argc, char **argv) {
  if (argc != 2) {
    llvm::errs() << "usage: rewrite-module MODEL.mlir\n";
    return 2;
  }

  // The dialects of the compiler, and what Amp knows about their ops.
  mlir::DialectRegistry registry;
  registry.insert<mlir::arith::ArithDialect, mlir::func::FuncDialect,
                  mlir::linalg::LinalgDialect, mlir::tensor::TensorDialect>();
  amp::registerAllModels(registry);
  mlir::MLIRContext context(registry);

  llvm::SourceMgr sources;
  mlir::SourceMgrDiagnosticHandler handler(sources, &context);
  mlir::OwningOpRef<mlir::ModuleOp> module =
      mlir::parseSourceFile<mlir::ModuleOp>(argv[1], sources, &context);
  if (!module)
    return 1;

  amp::MixedPrecisionRewriteOptions options;
  options.precision.request.policy = "default";
  options.precision.request.target = amp::Target::BFloat16;
  // tensor.empty and linalg.fill are nobody's business here.
  options.precision.unknownOps = amp::UnknownOps::Ignore;
  amp::PrecisionReport report;
  if (failed(amp::enableMixedPrecisionGraphRewrite(*module, options, &report)))
    return 1;

  for (const amp::ReportNode &node : report.nodes)
    llvm::errs() << node.line << ": " << node.op << ": "
                 << report.reasonText(node) << "\n";
  llvm::errs() << report.summary() << "\n";
  module->print(llvm::outs());
  return 0;
}
