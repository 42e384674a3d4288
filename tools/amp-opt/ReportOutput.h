//===- ReportOutput.h - What a rewrite tells -------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// --explain and --report, the same for graph files and GraphDefs.
//===----------------------------------------------------------------------===//

#ifndef AMP_TOOLS_AMP_OPT_REPORTOUTPUT_H
#define AMP_TOOLS_AMP_OPT_REPORTOUTPUT_H

#include "Options.h"
#include "amp/GraphFile/FileIO.h"
#include "amp/Transforms/MixedPrecision.h"

namespace amp::opt {

/// What --unknown-ops says.
UnknownOps unknownOps(const Options &options);

/// Writes what the options ask to know of a rewrite. Each returns an exit code,
/// after saying what is wrong.
class ReportOutput {
public:
  ReportOutput(const Options &options, const PrecisionReport &report)
      : options(options), report(report) {}

  /// Before the output is touched, so that a wrong name leaves no file behind:
  /// prints the explanation and gets the report's file ready.
  int prepare();
  /// After the output is written: both files appear, or none.
  int commit();

private:
  int explain();

  const Options &options;
  const PrecisionReport &report;
  graphfile::AtomicFile file;
};

} // namespace amp::opt

#endif // AMP_TOOLS_AMP_OPT_REPORTOUTPUT_H
