//===- LongLines.cpp - Messages at long lines -----------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// See the header. Nodes that stand in lines of their own are shown whole.
//===----------------------------------------------------------------------===//

#include "LongLines.h"

#include "amp/GraphFile/Diagnostics.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/raw_ostream.h"

static constexpr size_t kLongLine = 2000;

static llvm::StringRef kindOf(const llvm::SMDiagnostic &diagnostic) {
  switch (diagnostic.getKind()) {
  case llvm::SourceMgr::DK_Error:
    return "error";
  case llvm::SourceMgr::DK_Warning:
    return "warning";
  case llvm::SourceMgr::DK_Remark:
    return "remark";
  case llvm::SourceMgr::DK_Note:
    return "note";
  }
  return "note";
}

void amp::opt::cutLongLines(llvm::SourceMgr &sources) {
  sources.setDiagHandler([](const llvm::SMDiagnostic &diagnostic, void *) {
    llvm::StringRef line = diagnostic.getLineContents();
    if (line.size() <= kLongLine || diagnostic.getColumnNo() < 0) {
      diagnostic.print(nullptr, llvm::errs());
      return;
    }
    llvm::errs() << diagnostic.getFilename() << ":" << diagnostic.getLineNo()
                 << ":" << diagnostic.getColumnNo() + 1 << ": "
                 << kindOf(diagnostic) << ": " << diagnostic.getMessage()
                 << "\n"
                 << graphfile::showLine(line, size_t(diagnostic.getColumnNo()));
  });
}
