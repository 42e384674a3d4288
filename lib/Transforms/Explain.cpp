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

/// "y/grad_b (matmul, float16)".
static std::string described(const ReportNode &node) {
  return node.name + " (" + node.op +
         (node.after.empty() ? "" : ", " + node.after) + ")";
}

/// The cast that the pass put between two nodes of a function, or null.
static const ReportCast *castBetween(const PrecisionReport &report,
                                     const ReportNode &source,
                                     const ReportNode &user) {
  for (const ReportCast &cast : report.casts) {
    llvm::StringRef from = cast.source;
    if (cast.function == source.function && from.consume_front(source.name) &&
        (from.empty() || from.starts_with(":")) &&
        llvm::is_contained(cast.users, user.name))
      return &cast;
  }
  return nullptr;
}

/// "  gradient of variable 'w': y/grad_b (matmul, float16) -> …".
static void writeWay(const PrecisionReport &report, const ReportUpdate &update,
                     llvm::raw_ostream &os) {
  os << "  gradient of variable '" << update.variable << "': ";
  const ReportNode *last = nullptr;
  for (uint32_t index : update.nodes) {
    const ReportNode &node = report.nodes[index];
    if (last) {
      os << " -> ";
      if (const ReportCast *cast = castBetween(report, *last, node))
        os << cast->name << " (cast, " << cast->to << ") -> ";
    }
    os << described(node);
    last = &node;
  }
  os << "\n";
}

/// What a backward node is, from its name.
static void writeOrigin(const ReportNode &node, llvm::raw_ostream &os) {
  os << "; in the backward part of '" << node.origin << "'";
  llvm::StringRef rest = node.name;
  if (!rest.consume_front(node.origin))
    return;
  if (rest.consume_front("/grad_") && rest != "sum")
    os << ", for its operand "
       << rest.take_until([](char c) { return c == '/'; });
  else if (rest.ends_with("/seed"))
    os << ", where it starts";
  else if (rest == "sum")
    os << ", what all its uses hand back";
}

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
    writeOrigin(node, os);
  os << "\n";
  for (uint32_t index : node.because)
    if (index != kNoNode && &report.nodes[index] != &node) {
      const ReportNode &witness = report.nodes[index];
      if (!witness.file.empty())
        os << "  " << witness.file << ":" << witness.line << ":"
           << witness.column << ": '" << witness.name << "'\n";
    }
  std::string suggestion = report.suggestion(node);
  if (!suggestion.empty())
    os << "  to change it: " << suggestion << "\n";
}

/// A variable: who reads it in 16 bits, and its gradient.
static void writeVariable(const PrecisionReport &report,
                          const ReportUpdate &update, llvm::raw_ostream &os) {
  os << update.variable << " (variable, trained by "
     << report.functions[update.function] << "): stays as it is\n";
  for (const ReportCast &cast : report.casts) {
    if (cast.function != update.function || cast.source != update.variable)
      continue;
    os << "  read as " << cast.to << " through '" << cast.name << "' by ";
    llvm::interleaveComma(cast.users, os,
                          [&](const std::string &user) { os << user; });
    os << "\n";
  }
  writeWay(report, update, os);
  writeNode(report, report.nodes[update.nodes.front()], os);
}

bool amp::writeExplanation(const PrecisionReport &report, llvm::StringRef node,
                           llvm::raw_ostream &os, std::string &nearest) {
  if (node.empty()) {
    for (const ReportNode &entry : report.nodes)
      writeNode(report, entry, os);
    for (const ReportUpdate &update : report.updates)
      writeWay(report, update, os);
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
  auto isAsked = [&](uint32_t index) {
    return function.empty() || report.functions[index] == function;
  };
  for (uint32_t i = 0; i < report.nodes.size(); ++i) {
    const ReportNode &entry = report.nodes[i];
    if (!isAsked(entry.function))
      continue;
    names.push_back(entry.name);
    if (entry.name != name && entry.origin != name)
      continue;
    found |= entry.name == name;
    writeNode(report, entry, os);
    for (const ReportUpdate &update : report.updates)
      if (llvm::is_contained(update.nodes, i))
        writeWay(report, update, os);
  }
  for (const ReportUpdate &update : report.updates) {
    if (!isAsked(update.function))
      continue;
    names.push_back(update.variable);
    if (update.variable != name)
      continue;
    found = true;
    writeVariable(report, update, os);
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
