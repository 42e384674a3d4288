//===- Plugin.cpp - Amp inside the stock mlir-opt --------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Entry points that mlir-opt's --load-dialect-plugin and --load-pass-plugin
// look for. The first also brings the models of foreign ops.
//===----------------------------------------------------------------------===//

#include "amp/InitAll.h"
#include "mlir/Tools/Plugins/DialectPlugin.h"
#include "mlir/Tools/Plugins/PassPlugin.h"

extern "C" LLVM_ATTRIBUTE_WEAK mlir::DialectPluginLibraryInfo
mlirGetDialectPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "Amp", "1.0",
          [](mlir::DialectRegistry *registry) {
            // A tool that holds Amp already has its own.
            if (!registry->getDialectAllocator("graph"))
              amp::registerAllDialects(*registry);
          }};
}

extern "C" LLVM_ATTRIBUTE_WEAK mlir::PassPluginLibraryInfo
mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "Amp", "1.0",
          [] {
            if (!mlir::PassInfo::lookup("amp-auto-mixed-precision"))
              amp::registerAllPasses();
          }};
}
