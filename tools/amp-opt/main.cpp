//===- main.cpp - amp-opt, the graph rewriter -----------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The form of amp-opt that holds MLIR itself and so starts at once. A plugin
// brings libMLIR.so, whose types and options are not those in here; with one,
// the twin that uses libMLIR.so runs in place of this process.
//===----------------------------------------------------------------------===//

#include "AmpOptMain.h"
#include "Options.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <cerrno>
#include <cstring>
#include <unistd.h>

static bool asksForPlugin(int argc, char **argv) {
  for (int i = 1; i < argc; ++i) {
    llvm::StringRef flag(argv[i]);
    if (flag == "--")
      return false;
    if (!flag.consume_front("-"))
      continue;
    flag.consume_front("-");
    flag = flag.split('=').first;
    if (flag == "load-pass-plugin" || flag == "load-dialect-plugin")
      return true;
  }
  return false;
}

int main(int argc, char **argv) {
  if (!asksForPlugin(argc, argv))
    return amp::opt::ampOptMain(argc, argv);
  std::string self =
      llvm::sys::fs::getMainExecutable(argv[0], reinterpret_cast<void *>(main));
  llvm::SmallString<256> twin(llvm::sys::path::parent_path(self));
  llvm::sys::path::append(twin, "amp-opt-shared");
  execv(twin.c_str(), argv);
  llvm::errs() << "amp-opt: error: plugins need the program '" << twin
               << "': " << std::strerror(errno) << "\n";
  return amp::opt::kUsage;
}
