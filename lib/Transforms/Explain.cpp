//===- Explain.cpp - Reasons as text --------------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The text of --explain: a decision per paragraph, at the node's line in the
// input, with what would change it.
//===----------------------------------------------------------------------===//

#include "amp/Policy/Policy.h"
#include "amp/Transforms/Report.h"
#include "llvm/ADT/STLExtras.h"

using namespace amp;

static void writeNode(const PrecisionReport &report, const ReportNode &node,
                      llvm::raw_ostream &os) {
  if (!node.file.empty())
    os << node.file << ":" << node.line << ":" << node.column << ": ";
  os << node.name << " (" << node.op << " in "
     << report.functions[node.function] << "): ";
  if (node.before != node.after)
    os << node.before << " -> " << node.after;
  else if (node.before.empty())
    os << "no result";
  else
    os << "stays " << node.before;
  os << "\n  " << ruleLabel(node.reason.rule) << ": "
     << report.reasonText(node);
  if (!node.origin.empty())
    os << "; from '" << node.origin << "'";
  os << "\n";
  for (uint32_t index : node.because)
    if (index != kNoNode) {
      const ReportNode &witness = report.nodes[index];
      if (!witness.file.empty())
        os << "  " << witness.file << ":" << witness.line << ":"
           << witness.column << ": '" << witness.name << "'\n";
    }
  std::string suggestion = report.suggestion(node);
  if (!suggestion.empty())
    os << "  to change it: " << suggestion << "\n";
}

bool amp::writeExplanation(const PrecisionReport &report, llvm::StringRef node,
                           llvm::raw_ostream &os, std::string &nearest) {
  if (node.empty()) {
    for (const ReportNode &entry : report.nodes)
      writeNode(report, entry, os);
    return true;
  }
  // A name holds no colon, so that the first one ends the function's.
  llvm::StringRef function, name = node;
  if (size_t colon = node.find(':'); colon != llvm::StringRef::npos) {
    function = node.take_front(colon);
    name = node.drop_front(colon + 1);
  }
  bool found = false;
  std::vector<std::string_view> names, functions;
  for (const std::string &entry : report.functions)
    functions.push_back(entry);
  for (const ReportNode &entry : report.nodes) {
    if (!function.empty() && report.functions[entry.function] != function)
      continue;
    names.push_back(entry.name);
    if (entry.name == name || entry.origin == name) {
      found |= entry.name == name;
      writeNode(report, entry, os);
    }
  }
  if (found)
    return true;
  auto nearestOf = [](llvm::StringRef text,
                      const std::vector<std::string_view> &candidates) {
    return std::string(
        nearestName(std::string_view(text.data(), text.size()), candidates));
  };
  // The part that is wrong: the function, or the node.
  bool isFunction =
      function.empty() || llvm::is_contained(report.functions, function.str());
  nearest =
      isFunction ? nearestOf(name, names) : nearestOf(function, functions);
  if (!nearest.empty() && !function.empty())
    nearest = isFunction ? function.str() + ":" + nearest
                         : nearest + ":" + name.str();
  return false;
}
