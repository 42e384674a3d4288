//===- ReportOutput.cpp - What a rewrite tells --------------------------- -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The explanation goes to standard output unless the graph goes there.
//===----------------------------------------------------------------------===//

#include "ReportOutput.h"

#include "amp/Transforms/Report.h"
#include "llvm/Support/raw_ostream.h"

using namespace amp;
using namespace amp::opt;

static llvm::raw_ostream &complain() {
  return llvm::errs() << "amp-opt: error: ";
}

UnknownOps opt::unknownOps(const Options &options) {
  return options.unknownOps == "error"    ? UnknownOps::Error
         : options.unknownOps == "ignore" ? UnknownOps::Ignore
                                          : UnknownOps::Warn;
}

int ReportOutput::explain() {
  std::string text, nearest;
  llvm::raw_string_ostream stream(text);
  if (!writeExplanation(report, options.explainNode, stream, nearest)) {
    complain() << "--explain: no node '" << options.explainNode << "'";
    if (!nearest.empty())
      llvm::errs() << "; did you mean '" << nearest << "'?";
    llvm::errs() << "\n";
    return kBadInput;
  }
  (options.output == "-" ? llvm::errs() : llvm::outs()) << text;
  return kOk;
}

int ReportOutput::prepare() {
  if (options.explain)
    if (int code = explain())
      return code;
  if (options.report.empty())
    return kOk;
  std::string text;
  llvm::raw_string_ostream stream(text);
  writeReportJson(report, stream);
  std::optional<std::string> error = file.open(options.report);
  if (error || (error = file.write(text))) {
    complain() << *error << "\n";
    return kIO;
  }
  return kOk;
}

int ReportOutput::commit() {
  if (options.report.empty())
    return kOk;
  if (std::optional<std::string> error = file.commit()) {
    complain() << *error << "\n";
    return kIO;
  }
  return kOk;
}
