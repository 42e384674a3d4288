//===- TensorFlowSummary.cpp - What became of a GraphDef ----------------- -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Counted from the report.
//===----------------------------------------------------------------------===//

#include "TensorFlowSummary.h"

#include <algorithm>
#include <map>

using namespace amp;
using namespace amp::opt;

/// How many ops "blocked by" names.
static constexpr size_t kMostBlocking = 5;

void opt::printGraphSummary(const PrecisionReport &report,
                            const std::vector<tf::ConversionCounts> &functions,
                            llvm::raw_ostream &os) {
  uint64_t processable = 0, recognised = 0, converted = 0, allowed = 0,
           denying = 0, blocked = 0, casts = 0;
  std::map<uint32_t, uint64_t> blocking;
  for (const ReportNode &node : report.nodes) {
    if (node.generated)
      continue;
    processable += !node.isPreserved;
    recognised += !node.isPreserved && node.considered &&
                  node.list != ListKind::Keep;
    converted += node.lowered;
    allowed += node.lowered && node.list == ListKind::Allow;
    denying += node.considered && node.list == ListKind::Deny;
    Rule rule = node.reason.rule;
    if (!node.considered || node.lowered ||
        (rule != Rule::DenySpreads && rule != Rule::InputDenied))
      continue;
    ++blocked;
    if (node.because[0] != kNoNode)
      ++blocking[node.because[0]];
  }
  for (const tf::ConversionCounts &counts : functions)
    casts += counts.casts;
  os << "Automatic mixed precision summary:\n"
     << "  Total processable nodes: " << processable << "\n"
     << "  Recognised nodes available for conversion: " << recognised << "\n"
     << "  Total nodes converted: " << converted << "\n"
     << "  Total " << report.target
     << " cast ops used (excluding Const and Variable casts): " << casts << "\n"
     << "  Allow-list nodes converted: " << allowed << "\n"
     << "  Deny-list nodes blocking conversion: " << denying << "\n"
     << "  Nodes blocked from conversion by deny-list nodes: " << blocked
     << "\n";
  std::vector<std::pair<uint64_t, uint32_t>> most;
  for (auto [node, count] : blocking)
    most.push_back({count, node});
  std::stable_sort(most.begin(), most.end(),
                   [](auto &a, auto &b) { return a.first > b.first; });
  most.resize(std::min(most.size(), kMostBlocking));
  for (auto [count, index] : most) {
    const ReportNode &node = report.nodes[index];
    os << "    blocked by " << node.op << " '" << node.name << "': " << count
       << (count == 1 ? " node\n" : " nodes\n");
  }
  for (const tf::ConversionCounts &counts : functions) {
    os << "  ";
    if (!counts.function.empty())
      os << "Function " << counts.function << ": ";
    os << "Converted " << counts.converted << "/" << counts.nodes
       << " nodes to " << report.target << " precision using " << counts.casts
       << " cast(s) to " << report.target
       << " (excluding Const and Variable casts)\n";
  }
}
