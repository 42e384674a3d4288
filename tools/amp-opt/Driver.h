//===- Driver.h - What amp-opt does with a file -----------------*- C++ -* -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Reads a graph file or MLIR, runs the rewrite or the passes of the command
// line, writes the result, the report and the explanation.
//===----------------------------------------------------------------------===//

#ifndef AMP_TOOLS_AMP_OPT_DRIVER_H
#define AMP_TOOLS_AMP_OPT_DRIVER_H

#include "Options.h"

namespace amp::opt {

/// Runs the program; the exit code.
int run(const Options &options, mlir::DialectRegistry &registry);

} // namespace amp::opt

#endif // AMP_TOOLS_AMP_OPT_DRIVER_H
