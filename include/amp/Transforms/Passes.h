//===- Passes.h - Passes that know no dialect -------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Constructors and registration of the passes of Passes.td.
//===----------------------------------------------------------------------===//

#ifndef AMP_TRANSFORMS_PASSES_H
#define AMP_TRANSFORMS_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

#include <memory>

namespace amp {

struct MixedPrecisionOptions;
struct PrecisionReport;
class ModelSet;

#define GEN_PASS_DECL
#include "amp/Transforms/Passes.h.inc"

/// amp-auto-mixed-precision with options that text cannot say (a loaded policy,
/// models of foreign ops). Fills `report` when there is one.
std::unique_ptr<mlir::Pass>
createAutoMixedPrecision(const MixedPrecisionOptions &options,
                         PrecisionReport *report);
/// amp-verify-contract with the models of a rewrite.
std::unique_ptr<mlir::Pass> createVerifyContract(const ModelSet &models);

#define GEN_PASS_REGISTRATION
#include "amp/Transforms/Passes.h.inc"

} // namespace amp

#endif // AMP_TRANSFORMS_PASSES_H
