//===- InitAll.h - Registers everything --------------------------*- C++ -* -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Dialects and passes of Amp, for tools and for compilers that embed it.
//===----------------------------------------------------------------------===//

#ifndef AMP_INITALL_H
#define AMP_INITALL_H

#include "amp/Api/MixedPrecision.h"
#include "amp/Dialect/Graph/IR/GraphDialect.h"
#include "amp/Dialect/Graph/Transforms/Passes.h"
#include "amp/Models/RegisterModels.h"
#include "amp/Transforms/Passes.h"

namespace amp {

/// The dialects that Amp's own files need, and models of foreign ones, which
/// are attached when a foreign dialect loads.
inline void registerAllDialects(mlir::DialectRegistry &registry) {
  registry.insert<graph::GraphDialect>();
  registerAllModels(registry);
}

/// All passes and pipelines; their names begin with `amp-`.
inline void registerAllPasses() {
  registerAmpPasses();
  graph::registerAmpGraphPasses();
  registerMixedPrecisionPipeline();
}

} // namespace amp

#endif // AMP_INITALL_H
