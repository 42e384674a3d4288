//===- mainShared.cpp - amp-opt with MLIR as a shared library -------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The form of amp-opt that can load plugins.
//===----------------------------------------------------------------------===//

#include "AmpOptMain.h"

int main(int argc, char **argv) { return amp::opt::ampOptMain(argc, argv); }
