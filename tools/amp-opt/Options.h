//===- Options.h - Command line of amp-opt ------------------*- C++ -* -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The flags of amp-opt as one struct. Parsed by LLVM's command-line library,
// beside every flag of mlir-opt.
//===----------------------------------------------------------------------===//

#ifndef AMP_TOOLS_AMP_OPT_OPTIONS_H
#define AMP_TOOLS_AMP_OPT_OPTIONS_H

#include "amp/Policy/Policy.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace amp::opt {

/// Exit codes of the programs, as documented in the README.
enum ExitCode : int {
  kOk = 0,
  kBadInput = 1,
  kUsage = 2,
  kVerification = 3,
  kIO = 4,
  kInternal = 70,
};

/// Kinds of files that amp-opt reads and writes.
enum class FileKind { Graph, MLIR, Dot };

/// Flags for GraphDefs.
struct TensorFlowOptions {
  std::string version, mode, gpu;
  bool hasGpu = false;
  std::vector<std::string> fetches, feeds, keep;
  bool dropUnknown = false;
  bool summary = false;
  /// A folder at the output's place may be replaced.
  bool overwrite = false;
  /// The node of the loss, of a training graph.
  std::string loss;

  /// A flag that was given and means nothing for other files; null without one.
  const char *givenFlag() const {
    return !fetches.empty()   ? "--fetch"
           : !feeds.empty()   ? "--feed"
           : !keep.empty()    ? "--tf-keep"
           : !loss.empty()    ? "--loss"
           : !version.empty() ? "--tf-version"
           : !mode.empty()    ? "--tf-mode"
           : hasGpu           ? "--tf-gpu"
           : summary          ? "--summary"
           : dropUnknown      ? "--drop-unknown"
           : overwrite        ? "--overwrite"
                              : nullptr;
  }
};

struct Options {
  std::string input = "-", output = "-";
  std::optional<FileKind> importKind, exportKind;

  std::string policy = "default";
  bool policyGiven = false;
  Target target = Target::Float16;
  /// The target was named, by --target or by one of Keras's policy names.
  bool targetGiven = false;
  std::vector<std::pair<ListKind, std::string>> moves;
  /// Text of --loss-scale; empty when it was not given.
  std::string lossScale;
  std::vector<std::string> pins;
  std::string unknownOps = "warn";
  /// Models of ops of dialects that are not linked in: names or files.
  std::vector<std::string> opModels;

  bool noAmp = false;
  bool printPolicy = false;
  bool copyWeights = false;
  /// --explain was given; `explainNode` is empty for all nodes.
  bool explain = false;
  std::string explainNode;
  std::string report;
  bool advice = false;
  TensorFlowOptions tensorflow;
  /// Some flag that only means something for the rewrite was given.
  bool anyRewriteFlag = false;
};

/// Registers Amp's flags and those of mlir-opt, and parses the command line.
/// Prints what is wrong and returns nothing on a usage error.
std::optional<Options> parseCommandLine(int argc, char **argv,
                                        mlir::DialectRegistry &registry);

} // namespace amp::opt

#endif // AMP_TOOLS_AMP_OPT_OPTIONS_H
