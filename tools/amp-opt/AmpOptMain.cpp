//===- AmpOptMain.cpp - The program amp-opt -------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Registers dialects and passes, then hands over to the driver.
//===----------------------------------------------------------------------===//

#include "AmpOptMain.h"

#include "Driver.h"

#include "amp/InitAll.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/PrettyStackTrace.h"

#include <csignal>

int amp::opt::ampOptMain(int argc, char **argv) {
  llvm::setBugReportMsg("amp-opt crashed: please report it with the input file "
                        "and this trace\n");
  llvm::InitLLVM init(argc, argv);
  // A file size that the system does not allow is an error like a full disk.
  std::signal(SIGXFSZ, SIG_IGN);
  mlir::DialectRegistry registry;
  amp::registerAllDialects(registry);
  amp::registerAllPasses();
  mlir::registerTransformsPasses();
  std::optional<amp::opt::Options> options =
      amp::opt::parseCommandLine(argc, argv, registry);
  if (!options)
    return amp::opt::kUsage;
  return amp::opt::run(*options, registry);
}
