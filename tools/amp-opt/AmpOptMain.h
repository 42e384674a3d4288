//===- AmpOptMain.h - The program amp-opt -----------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// What both forms of the program do: amp-opt, and its twin that loads plugins.
//===----------------------------------------------------------------------===//

#ifndef AMP_TOOLS_AMP_OPT_AMPOPTMAIN_H
#define AMP_TOOLS_AMP_OPT_AMPOPTMAIN_H

namespace amp::opt {

/// Runs the program; the exit code.
int ampOptMain(int argc, char **argv);

} // namespace amp::opt

#endif // AMP_TOOLS_AMP_OPT_AMPOPTMAIN_H
