//===- TestPlugin.cpp - A plugin of somebody else's -----------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// One pass that says how many functions a module has, to show that amp-opt
// loads passes which it does not know.
//===----------------------------------------------------------------------===//

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Tools/Plugins/PassPlugin.h"

namespace {
struct CountFunctions
    : mlir::PassWrapper<CountFunctions, mlir::OperationPass<mlir::ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(CountFunctions)
  llvm::StringRef getArgument() const override {
    return "test-count-functions";
  }
  llvm::StringRef getDescription() const override {
    return "says how many functions a module has";
  }
  void runOnOperation() override {
    auto functions = getOperation().getOps<mlir::FunctionOpInterface>();
    getOperation().emitRemark()
        << "functions: " << std::distance(functions.begin(), functions.end());
  }
};
} // namespace

extern "C" LLVM_ATTRIBUTE_WEAK mlir::PassPluginLibraryInfo
mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "AmpTest", "1.0",
          [] { mlir::PassRegistration<CountFunctions>(); }};
}
