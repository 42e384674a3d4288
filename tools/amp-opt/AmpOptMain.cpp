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
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/PrettyStackTrace.h"

#include <csignal>
#include <unistd.h>

/// No memory is left to say more with, and no mistake to report.
static void outOfMemory(void *, const char *, bool) {
  static constexpr char text[] = "amp-opt: error: no memory left\n";
  if (write(STDERR_FILENO, text, sizeof text - 1) < 0)
    _exit(amp::opt::kIO);
  _exit(amp::opt::kInternal);
}

int amp::opt::ampOptMain(int argc, char **argv) {
  llvm::setBugReportMsg("amp-opt crashed: please report it with the input file "
                        "and this trace\n");
  llvm::InitLLVM init(argc, argv);
  // A file size that the system does not allow is an error like a full disk.
  std::signal(SIGXFSZ, SIG_IGN);
  llvm::install_bad_alloc_error_handler(outOfMemory);
  llvm::cl::SetVersionPrinter([](llvm::raw_ostream &out) {
    out << "amp-opt " AMP_VERSION ", with LLVM " LLVM_VERSION_STRING "\n";
  });
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
