//===- Report.h - What mixed precision decided, and why ---------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The decisions of a run as data, worded on demand: JSON for --report, text
// for --explain, one line for the summary.
//===----------------------------------------------------------------------===//

#ifndef AMP_TRANSFORMS_REPORT_H
#define AMP_TRANSFORMS_REPORT_H

#include "amp/Analysis/PaintGraph.h"
#include "amp/Policy/Policy.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"

#include <optional>
#include <string>
#include <vector>

namespace amp {

inline constexpr uint32_t kNoNode = ~uint32_t(0);

/// The decision on one node.
struct ReportNode {
  uint32_t function = 0; ///< index into PrecisionReport::functions
  std::string name, op, origin;
  ListKind list = ListKind::Keep;
  /// Element types of the group (or of the first result) before and after.
  std::string before, after;
  PaintReason reason;                       ///< its vertices are not used here
  uint32_t because[2] = {kNoNode, kNoNode}; ///< indices into nodes
  /// Where the node stands in the input.
  std::string file;
  unsigned line = 0, column = 0;
  bool considered = false; ///< has a float32 group
  bool lowered = false;
  /// The op of the op table that it is a part of, where the function spells that
  /// out; empty for none.
  std::string partOf;
  bool generated = false; ///< made by a pass, or carries an origin
  bool pinnedByFlag = false;
  /// Marked to stay as it is: fetched, fed, on another device.
  bool isPreserved = false;
};

/// A cast that the pass inserted.
struct ReportCast {
  uint32_t function = 0;
  std::string name, source, from, to;
  std::vector<std::string> users; ///< nodes, and outputs that it serves
  /// Bytes read and written; none where a size is not known.
  std::optional<uint64_t> bytes;
};

/// How a gradient becomes an update: its last backward node, what divides by
/// the loss scale, accumulates and clips, and the update. Indices into nodes.
struct ReportUpdate {
  uint32_t function = 0;
  std::string variable;
  std::vector<uint32_t> nodes;
};

struct ReportCounts {
  uint64_t nodes = 0, considered = 0, lowered = 0;
};

struct PrecisionReport {
  std::string policy, target;
  /// The policy is `none`: lowering nothing is what it says.
  bool lowersNothing = false;
  std::vector<std::string> functions;
  std::vector<ReportNode> nodes;
  std::vector<ReportCast> casts;
  std::vector<ReportUpdate> updates;
  /// Nodes of the input, and those that passes made.
  ReportCounts input, generated;
  uint64_t castsToLow = 0, castsToFloat32 = 0;
  /// Converted constants need no cast.
  uint64_t convertedConstants = 0;

  /// Why this node has the type it has, as one sentence.
  std::string reasonText(const ReportNode &node) const;
  /// What would change the decision ("--pin=NAME"), or nothing.
  std::string suggestion(const ReportNode &node) const;
  /// "lowered 12 of 30 nodes to float16: …".
  std::string summary() const;
  /// Why nothing was lowered; empty when something was, or when that is what
  /// the policy says.
  std::string whyNothing() const;
};

/// One JSON object with `summary`, `nodes` and `casts`, one node per line.
void writeReportJson(const PrecisionReport &report, llvm::raw_ostream &os);

/// The reason of every node, or of the node or variable `[FUNCTION:]NODE` and
/// its gradients, with their way to the updates. False when nothing matches;
/// `nearest` is then the most similar name.
bool writeExplanation(const PrecisionReport &report, llvm::StringRef node,
                      llvm::raw_ostream &os, std::string &nearest);

} // namespace amp

#endif // AMP_TRANSFORMS_REPORT_H
