//===- Scf.cpp - Control flow of scf --------------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Loops and branches say themselves what they carry (RegionBranchOpInterface);
// only casts of what comes out of them have to be made.
//===----------------------------------------------------------------------===//

#include "Models.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace amp;

void amp::registerScfModels(DialectRegistry &registry) {
  registry.insert<scf::SCFDialect>();
  registry.addExtension(+[](MLIRContext *, scf::SCFDialect *dialect) {
    addArithCasts(dialect);
  });
}
