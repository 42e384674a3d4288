//===- TensorFlowSavedModel.h - SavedModel folders --------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Rewrites every meta graph of a SavedModel; variables and assets go along
// untouched.
//===----------------------------------------------------------------------===//

#ifndef AMP_TOOLS_AMP_OPT_TENSORFLOWSAVEDMODEL_H
#define AMP_TOOLS_AMP_OPT_TENSORFLOWSAVEDMODEL_H

#include "Options.h"

namespace amp::opt {

/// Whether the input is a folder, or the file of a SavedModel in one.
bool isSavedModel(const Options &options);

/// Runs the program on it. Returns the exit code.
int runSavedModel(const Options &options, mlir::DialectRegistry &registry);

} // namespace amp::opt

#endif // AMP_TOOLS_AMP_OPT_TENSORFLOWSAVEDMODEL_H
