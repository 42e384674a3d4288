//===- Report.cpp - What mixed precision decided, and why -----------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Words for the rules, the summary, and the JSON of --report.
//===----------------------------------------------------------------------===//

#include "amp/Transforms/Report.h"

#include "amp/OpSet/Words.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/JSON.h"

using namespace amp;

/// Pinned by the expansion of a training section, not by the user.
static bool isOptimizerPart(const ReportNode &node) {
  return node.generated && node.origin.empty();
}

/// "softmax 'probabilities'".
static std::string opAndName(const ReportNode &node) {
  return node.op + " " + quoted(node.name);
}

std::string PrecisionReport::reasonText(const ReportNode &node) const {
  const ReportNode *first =
      node.because[0] == kNoNode ? nullptr : &nodes[node.because[0]];
  const ReportNode *second =
      node.because[1] == kNoNode ? nullptr : &nodes[node.because[1]];
  std::string a = first ? opAndName(*first) : std::string("another op");
  std::string b = second ? opAndName(*second) : std::string("another op");
  std::string list(listName(node.list));
  // What is written in several ops is called what it is.
  if (!node.partOf.empty() && (node.reason.rule == Rule::DenyList ||
                               node.reason.rule == Rule::KeepList))
    return "a part of a " + node.partOf + ", which is on the " + list + " list";
  switch (node.reason.rule) {
  case Rule::None:
    break;
  case Rule::AllowList:
    return "on the allow list";
  case Rule::DenyList:
    return "on the deny list";
  case Rule::DenySpreads:
    return "on the " + list + " list, follows the denied " + a;
  case Rule::Tied:
    // Its own witness is what the others of its cluster look at.
    return first == &node ? "shares its value with ops that are out of sight "
                            "or must not change"
                          : "shares its value with " + a;
  case Rule::Between:
    return "on the " + list + " list, between " + a + " and " + b;
  // What starts the lowering of others may turn out not to be able to.
  case Rule::Follows:
    return "on the infer list, follows " + a +
           (!first || first->lowered ? ", which is lowered"
                                     : ", which was to be lowered");
  case Rule::ClearNeighbour:
    return "on the clear list, takes the type " +
           (!first || first->lowered ? "of " + a
                                     : "that " + a + " was to have");
  case Rule::NotAllowed:
    return "on the allow list, but it cannot have type " + target;
  case Rule::Recurrence:
    return "a value of the next iteration, has the type of " + a;
  case Rule::CastRetargeted:
    return node.after == target
               ? "a cast to float32 all of whose users are lowered, casts to " +
                     target + " directly"
               : "a cast to float32 whose users read its " + target +
                     " source instead";
  case Rule::PinTarget:
    return "pinned to " + target;
  case Rule::PinFloat32:
    return isOptimizerPart(node) ? "a part of the optimizer's step, which "
                                   "computes in float32"
                                 : "pinned to float32";
  case Rule::PinOther:
    return "pinned to " + node.after;
  case Rule::NotFloat32:
    return node.before.empty()
               ? "has no type to lower"
               : "computes in " + node.before + ", only float32 is lowered";
  case Rule::Loss:
    return "a loss, always float32";
  case Rule::Preserved:
    return node.isPreserved
               ? "preserved: wanted, fed, with an effect, or on another device"
               : "a function output, which this policy preserves with its "
                 "node";
  case Rule::KeepList:
    return "on the keep list";
  case Rule::NotSupported:
    return "it cannot have type " + target;
  case Rule::NoAllowBefore:
    return "on the infer list, but no allow op leads to it through ops that "
           "may be lowered";
  case Rule::NoAllowBehind:
    return "on the infer list, behind " + a +
           ", but no allow op follows through ops that may be lowered";
  case Rule::InputDenied:
    return "on the infer list, but its input " + a + " is denied";
  case Rule::NoNeighbour:
    if (first == &node)
      return "on the clear list, but it reads a variable, which is handed on "
             "as it is";
    return "on the clear list, and no lowered op is next to it";
  case Rule::CastStays:
    return "a cast that " + a + " needs as it is";
  case Rule::UnknownOp:
    return "an op that nothing describes or no list has, so nothing is lowered "
           "through it";
  case Rule::Forced:
    return "lowered by force, whatever its list";
  }
  return "nothing to lower";
}

std::string PrecisionReport::suggestion(const ReportNode &node) const {
  const std::string &function = functions[node.function];
  std::string pin =
      "--pin=" + (functions.size() > 1 ? function + ":" : std::string()) +
      (node.origin.empty() ? node.name : node.origin);
  const ReportNode *first =
      node.because[0] == kNoNode ? nullptr : &nodes[node.because[0]];
  if (!node.partOf.empty() && (node.reason.rule == Rule::DenyList ||
                               node.reason.rule == Rule::KeepList))
    return "--infer=" + node.partOf + " leaves its ops to their own lists";
  switch (node.reason.rule) {
  case Rule::AllowList:
    return pin + " or --keep=" + node.op + " keeps it float32";
  case Rule::Between:
  case Rule::Follows:
  case Rule::ClearNeighbour:
  case Rule::Tied:
    return node.lowered ? pin + " or --keep=" + node.op + " keeps it float32"
                        : std::string();
  case Rule::DenyList:
    return "--infer=" + node.op +
           " lowers it between allow ops, --allow=" + node.op + " everywhere";
  case Rule::DenySpreads:
    return "--allow=" + node.op + " lowers it" +
           (first ? ", --keep=" + first->op + " stops the spread of " +
                        quoted(first->name)
                  : std::string());
  case Rule::InputDenied:
  case Rule::NoAllowBefore:
  case Rule::NoAllowBehind:
  case Rule::NoNeighbour:
    return "--allow=" + node.op + " or a \"precision\" of \"" + target +
           "\" on the node lowers it";
  case Rule::KeepList:
    return node.considered
               ? "--allow=" + node.op + " or a \"precision\" of \"" + target +
                     "\" on the node lowers it"
               : std::string();
  case Rule::PinTarget:
  case Rule::PinOther:
    return "without its \"precision\" the policy decides";
  case Rule::PinFloat32:
    if (isOptimizerPart(node))
      return {};
    return node.pinnedByFlag ? "without --pin the policy decides"
                             : "without its \"precision\" the policy decides";
  case Rule::Preserved:
    if (node.isPreserved)
      return {};
    return "a policy with \"outputs\": \"value\" may lower it and casts the "
           "output";
  default:
    return {};
  }
}

std::string PrecisionReport::summary() const {
  auto casts = [](uint64_t count) {
    return std::to_string(count) + (count == 1 ? " cast" : " casts");
  };
  std::string text = "lowered " + std::to_string(input.lowered) + " of " +
                     std::to_string(input.nodes) + " nodes";
  if (generated.nodes != 0)
    text += " and " + std::to_string(generated.lowered) + " of " +
            std::to_string(generated.nodes) + " generated ones";
  text += " to " + target + " (policy " + policy + "), " + casts(castsToLow) +
          " to 16 bits, " + casts(castsToFloat32) + " to float32";
  if (convertedConstants != 0)
    text += ", " + std::to_string(convertedConstants) +
            (convertedConstants == 1 ? " constant" : " constants") +
            " converted";
  return text;
}

std::string PrecisionReport::whyNothing() const {
  if (lowersNothing || input.lowered + generated.lowered != 0)
    return {};
  const ReportNode *allowed = nullptr;
  bool anyLow = false;
  for (const ReportNode &node : nodes) {
    if (node.list == ListKind::Allow && node.considered && !allowed)
      allowed = &node;
    anyLow |= node.list == ListKind::Allow && node.before == target;
  }
  if (nodes.empty())
    return "there is no node";
  if (allowed)
    return "its allow op " + quoted(allowed->name) +
           " stays float32: " + reasonText(*allowed);
  if (anyLow)
    return "its allow ops are " + target + " already";
  if (input.considered + generated.considered == 0)
    return "no node computes in float32";
  return "no op of the allow list is in it";
}

void amp::writeReportJson(const PrecisionReport &report,
                          llvm::raw_ostream &os) {
  using llvm::json::Array;
  using llvm::json::Object;
  using llvm::json::Value;
  auto text = [](const std::string &s) {
    return Value(llvm::json::fixUTF8(s));
  };
  auto counts = [](const ReportCounts &c, Object object) {
    object["nodes"] = int64_t(c.nodes);
    object["considered"] = int64_t(c.considered);
    object["lowered"] = int64_t(c.lowered);
    return object;
  };
  uint64_t bytes = 0;
  bool allKnown = true;
  for (const ReportCast &cast : report.casts) {
    allKnown &= cast.bytes.has_value();
    bytes += cast.bytes.value_or(0);
  }
  Object summary = counts(report.input, {});
  summary["generated"] = counts(report.generated, {});
  summary["casts_to_low"] = int64_t(report.castsToLow);
  summary["casts_to_float32"] = int64_t(report.castsToFloat32);
  summary["cast_bytes"] = allKnown ? Value(int64_t(bytes)) : Value(nullptr);
  summary["policy"] = text(report.policy);
  summary["target"] = text(report.target);

  auto dtype = [&](const std::string &s) {
    return s.empty() ? Value(nullptr) : text(s);
  };
  os << "{\n\"summary\": " << Value(std::move(summary)) << ",\n\"nodes\": [";
  bool isFirst = true;
  auto separate = [&] {
    os << (isFirst ? "\n  " : ",\n  ");
    isFirst = false;
  };
  for (const ReportNode &node : report.nodes) {
    separate();
    Array because;
    for (uint32_t witness : node.because)
      if (witness != kNoNode && &report.nodes[witness] != &node)
        because.push_back(text(report.nodes[witness].name));
    Object object{{"function", text(report.functions[node.function])},
                  {"name", text(node.name)},
                  {"op", text(node.op)},
                  {"list", llvm::StringRef(listName(node.list))},
                  {"before", dtype(node.before)},
                  {"after", dtype(node.after)},
                  {"rule", ruleLabel(node.reason.rule)},
                  {"reason", text(report.reasonText(node))},
                  {"because", std::move(because)}};
    if (!node.partOf.empty())
      object["part_of"] = text(node.partOf);
    if (node.generated)
      object["origin"] = text(node.origin);
    os << Value(std::move(object));
  }
  os << "\n],\n\"casts\": [";
  isFirst = true;
  for (const ReportCast &cast : report.casts) {
    separate();
    Array users;
    for (const std::string &user : cast.users)
      users.push_back(text(user));
    os << Value(Object{{"function", text(report.functions[cast.function])},
                       {"name", text(cast.name)},
                       {"source", text(cast.source)},
                       {"from", text(cast.from)},
                       {"to", text(cast.to)},
                       {"users", std::move(users)}});
  }
  os << "\n]\n}\n";
}
