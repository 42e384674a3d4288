//===- main.cpp - amp-run: executes and trains graph files ----------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Flags in, exit code out; the work is in Driver.cpp.
//===----------------------------------------------------------------------===//

#include "Conflicts.h"
#include "Driver.h"
#include "amprt/Threads.h"

#include <csignal>
#include <cstdio>
#include <new>

int main(int argc, char **argv) {
  amprt::limitIdleSpinning(argv);
  // A file size that the system does not allow is an error like a full disk.
  std::signal(SIGXFSZ, SIG_IGN);
  amprun::Options options;
  std::string error;
  if (!amprun::parseOptions(argc, argv, options, error)) {
    std::fprintf(stderr,
                 "amp-run: error: %s\n"
                 "amp-run: 'amp-run --help' lists the flags\n",
                 error.c_str());
    return amprun::kUsage;
  }
  if (options.help) {
    std::fputs(amprun::helpText(), stdout);
    return amprun::kOk;
  }
  if (options.version) {
    std::puts("amp-run " AMP_VERSION);
    return amprun::kOk;
  }
  if (error = amprun::findConflict(options); !error.empty()) {
    std::fprintf(stderr, "amp-run: error: %s\n", error.c_str());
    return amprun::kUsage;
  }
  try {
    return amprun::Driver(options).run();
  } catch (const std::bad_alloc &) {
    std::fputs("amp-run: error: no memory left\n", stderr);
    return amprun::kDevice;
  }
}
