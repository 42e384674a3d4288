//===- TensorFlowRewrite.h - Flags for GraphDefs, applied -------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// What GraphDefs and SavedModels share: flags and environment become settings,
// and settings rewrite a module.
//===----------------------------------------------------------------------===//

#ifndef AMP_TOOLS_AMP_OPT_TENSORFLOWREWRITE_H
#define AMP_TOOLS_AMP_OPT_TENSORFLOWREWRITE_H

#include "Options.h"
#include "amp/Dialect/TensorFlow/Transforms/Rewrite.h"
#include "amp/GraphDef/TrainingScale.h"
#include "amp/GraphFile/Diagnostics.h"
#include "amp/Transforms/Report.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/raw_ostream.h"

namespace amp::tensorflow {
class GraphDef;
} // namespace amp::tensorflow

namespace amp::opt {

class TensorFlowRewriter {
public:
  explicit TensorFlowRewriter(const Options &options) : options(options) {}

  /// Reads flags and environment. Returns an exit code after saying what is
  /// wrong, as the others do.
  int readSettings();
  /// Prints the effective lists: for `--print-policy` and a TensorFlow graph.
  int printLists();
  /// Adds loss scaling to a training graph, where the flags ask for it; warns
  /// where it is missing. Says what it found behind `where`. Where there is
  /// nothing to scale, `scale` says so, and it is an error if `isAlone`.
  int scaleLoss(tensorflow::GraphDef &graph, const std::string &where,
                bool isAlone, graphdef::TrainingScaleResult &scale);
  /// The nodes that it added stay as they are.
  void keepScale(const graphdef::TrainingScaleResult &scale);
  /// Rewrites one graph with the settings, whose names may be changed before.
  int rewrite(mlir::ModuleOp module);

  tf::RewriteSettings settings;
  /// The graph becomes a GraphDef again, and casts get their names there.
  bool namesLater = true;
  /// Of the last graph.
  PrecisionReport report;
  std::string summary;

private:
  /// The lists for a graph with these functions in its library; null after
  /// saying what is wrong.
  std::optional<Policy> loadLists(const std::vector<std::string> &functions,
                                  int &code);

  void preserveScale(mlir::ModuleOp module);

  const Options &options;
  /// Nodes of loss scaling in functions, by function.
  llvm::StringMap<llvm::StringSet<>> scaleNodes;
  /// The name of the policy: what the flags say, else TensorFlow's.
  std::string policy;
};

/// "amp-opt: error: ", to be continued.
llvm::raw_ostream &complainOfGraph();
/// Prints what a reader found, at its place, or at `name` for a binary file.
void printMessages(const graphfile::Diagnostics &diags,
                   const graphfile::SourceText &source, bool isBinary);

} // namespace amp::opt

#endif // AMP_TOOLS_AMP_OPT_TENSORFLOWREWRITE_H
