//===- Driver.h - What amp-run does with its options ------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Reads the model, opens the session, and makes one call, trains, or prints
// the program.
//===----------------------------------------------------------------------===//

#ifndef AMP_TOOLS_AMP_RUN_DRIVER_H
#define AMP_TOOLS_AMP_RUN_DRIVER_H

#include "Options.h"

namespace amprun {

/// Does it all, prints what went wrong, and returns the exit code.
int runProgram(const Options &options);

} // namespace amprun

#endif // AMP_TOOLS_AMP_RUN_DRIVER_H
