//===- Loader.cpp - Reads policy files ------------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A policy file, and those it extends, to effective lists: base before file,
// lists before the section of the target, the command line last. Every message
// points at its place in the file.
//===----------------------------------------------------------------------===//

#include "PolicyFile.h"
#include "PolicyJson.h"
#include "amp/OpSet/OpSet.h"
#include "amp/OpSet/Types.h"
#include "amp/Policy/Policy.h"

#include <algorithm>
#include <cstring>
#include <iterator>

using namespace amp;
using policy::JsonError;
using policy::JsonValue;
using policy::kLists;
using policy::kMaxErrors;
using policy::suggest;

/// How many policies may extend each other.
static constexpr unsigned kMaxChain = 16;

std::string_view amp::nearestName(std::string_view name,
                                  const std::vector<std::string_view> &names) {
  // Where there is only one, it is what was meant, however far.
  return names.size() == 1 ? names[0] : didYouMean(name, names);
}

namespace {

class Loader {
public:
  Loader(const PolicyRequest &request,
         const std::vector<std::string_view> &names,
         std::vector<PolicyMessage> &messages)
      : request(request), names(names), sorted(names), messages(messages) {
    std::sort(sorted.begin(), sorted.end());
    hasPlainNames = std::any_of(
        names.begin(), names.end(), [](std::string_view name) {
          return name.find('.') == std::string_view::npos;
        });
    result.target = request.target;
  }

  std::optional<Policy> run();

private:
  struct Source {
    std::string name, text;
    JsonValue root;
    /// A preset may name ops that the caller does not have.
    bool isPreset = false;
  };

  void message(std::string text) {
    if (++errors <= kMaxErrors)
      messages.push_back({true, std::move(text), false});
  }
  void error(const Source &source, size_t at, const std::string &text) {
    message(locate(source, at, "error: " + text));
  }
  static std::string locate(const Source &source, size_t at,
                            const std::string &text) {
    return policy::locate(source.name, source.text, at, text);
  }
  /// A name with a dot is checked where the caller has names of that dialect,
  /// one without against those of the caller, or the op table where it has none.
  bool isKnown(std::string_view op) const {
    size_t dot = op.find('.');
    if (names.empty() || std::binary_search(sorted.begin(), sorted.end(), op))
      return true;
    if (dot == std::string_view::npos)
      return !hasPlainNames && findOp(op);
    auto next =
        std::lower_bound(sorted.begin(), sorted.end(), op.substr(0, dot + 1));
    return next == sorted.end() ||
           next->substr(0, dot + 1) != op.substr(0, dot + 1);
  }

  std::string unknown(const std::string &op) const {
    std::vector<std::string_view> table;
    if (!hasPlainNames && op.find('.') == std::string::npos)
      for (const OpDef &def : allOps())
        table.push_back(def.name);
    return "unknown op '" + op + "'" + suggest(op, table.empty() ? names : table);
  }

  bool open(const std::string &name, const Source *from, size_t at,
            Source &source);
  void apply(const Source &source);
  void applyLists(const Source &source, const JsonValue &lists,
                  std::string_view where, bool counts);
  void applyInferRule(const Source &source, const JsonValue &rule);
  void applyOutputs(const Source &source, const JsonValue &outputs);
  void applyMoves();
  void warnOfMissing();

  const PolicyRequest &request;
  const std::vector<std::string_view> &names;
  std::vector<std::string_view> sorted;
  std::vector<PolicyMessage> &messages;
  bool hasPlainNames = false;
  size_t errors = 0;
  Policy result;
};

} // namespace

/// Reads and parses a preset or file. `from` is the policy that extends it.
bool Loader::open(const std::string &name, const Source *from, size_t at,
                  Source &source) {
  auto fail = [&](const std::string &text) {
    if (from)
      error(*from, at, text);
    else
      message("error: " + text);
    return false;
  };
  if (std::string_view text = presetText(name); !text.empty()) {
    source.name = "<preset " + name + ">";
    source.text = text;
    source.isPreset = true;
  } else if (name.size() > 5 && name.substr(name.size() - 5) == ".json") {
    // A file that another one extends stands beside it.
    source.name = name;
    if (from && name[0] != '/') {
      size_t slash = from->name.rfind('/');
      if (slash != std::string::npos)
        source.name = from->name.substr(0, slash + 1) + name;
    }
    if (int reason = policy::readFile(source.name, source.text)) {
      fail("cannot read policy file '" + source.name +
           "': " + std::strerror(reason));
      if (errors <= kMaxErrors)
        messages.back().isIO = true;
      return false;
    }
    if (source.text.size() > policy::kMaxBytes)
      return fail("policy file '" + source.name + "' is larger than 16 MiB");
  } else {
    return fail("unknown policy '" + name + "'" +
                suggest(name, presetNames()) +
                (nearestName(name, presetNames()).empty()
                     ? "; presets are default, tensorflow, tensorflow-2.19, "
                       "minimal, none, linalg and tosa, and files end in .json"
                     : ""));
  }
  JsonError failure;
  std::optional<JsonValue> root = policy::parseJson(source.text, failure);
  if (!root) {
    error(source, failure.at, failure.message);
    return false;
  }
  if (root->kind != JsonValue::Object) {
    error(source, root->at,
          "a policy is an object, not " + std::string(root->kindName()));
    return false;
  }
  source.root = std::move(*root);
  return true;
}

/// Lists of one section. `counts` is false for the section of another target,
/// which is checked all the same.
void Loader::applyLists(const Source &source, const JsonValue &lists,
                        std::string_view where, bool counts) {
  if (lists.kind != JsonValue::Object)
    return error(source, lists.at,
                 "'" + std::string(where) + "' is " +
                     std::string(lists.kindName()) +
                     ", not an object of lists");
  std::unordered_map<std::string, std::string> seen;
  for (size_t i = 0; i < lists.keys.size(); ++i) {
    const std::string &key = lists.keys[i];
    const JsonValue &list = lists.items[i];
    auto kind = std::find_if(std::begin(kLists), std::end(kLists),
                             [&](ListKind k) { return listName(k) == key; });
    if (kind == std::end(kLists)) {
      error(source, lists.keysAt[i],
            "unknown list '" + key + "'" +
                suggest(key, {"allow", "infer", "clear", "deny", "keep"}));
      continue;
    }
    if (list.kind != JsonValue::List) {
      error(source, list.at,
            "list '" + key + "' is " + std::string(list.kindName()) +
                ", not a list of op names");
      continue;
    }
    for (const JsonValue &op : list.items) {
      if (op.kind != JsonValue::String) {
        error(source, op.at,
              "an op name is a string, not " + std::string(op.kindName()));
        continue;
      }
      if (!source.isPreset && !isKnown(op.text)) {
        error(source, op.at, unknown(op.text));
        continue;
      }
      auto [entry, isNew] = seen.emplace(op.text, key);
      if (!isNew) {
        error(source, op.at,
              entry->second == key
                  ? "op '" + op.text + "' stands twice in list '" + key + "'"
                  : "op '" + op.text + "' is in two lists, '" + entry->second +
                        "' and '" + key + "'");
        continue;
      }
      if (counts)
        result.move(op.text, *kind);
    }
  }
}

void Loader::applyInferRule(const Source &source, const JsonValue &rule) {
  if (rule.kind != JsonValue::Object)
    return error(source, rule.at,
                 "'infer_rule' is " + std::string(rule.kindName()) +
                     ", not an object with a rule for float16 and bfloat16");
  for (size_t i = 0; i < rule.keys.size(); ++i) {
    const std::string &key = rule.keys[i];
    const JsonValue &value = rule.items[i];
    if (key != "float16" && key != "bfloat16") {
      error(source, rule.keysAt[i],
            "unknown target '" + key + "'" +
                suggest(key, {"float16", "bfloat16"}));
      continue;
    }
    if (value.kind != JsonValue::String ||
        (value.text != "between" && value.text != "follow")) {
      error(source, value.at, "an infer rule is 'between' or 'follow'");
      continue;
    }
    if (key == targetName(request.target))
      result.inferRule =
          value.text == "between" ? InferRule::Between : InferRule::Follow;
  }
}

void Loader::applyOutputs(const Source &source, const JsonValue &outputs) {
  if (outputs.kind != JsonValue::String ||
      (outputs.text != "value" && outputs.text != "node"))
    return error(source, outputs.at, "'outputs' is 'value' or 'node'");
  result.outputs =
      outputs.text == "value" ? OutputRule::Value : OutputRule::Node;
}

void Loader::apply(const Source &source) {
  const JsonValue &root = source.root;
  if (root.find("format"))
    return error(source, root.at, "this is a graph file, not a policy");
  for (size_t i = 0; i < root.keys.size(); ++i) {
    const std::string &key = root.keys[i];
    const JsonValue &value = root.items[i];
    if (key == "name") {
      if (value.kind != JsonValue::String || value.text.empty())
        error(source, value.at, "'name' is a string that is not empty");
      else if (std::any_of(value.text.begin(), value.text.end(),
                           [](unsigned char c) { return c < 0x20; }))
        error(source, value.at, "'name' holds a control character");
      else
        result.name = value.text;
    } else if (key == "infer_rule") {
      applyInferRule(source, value);
    } else if (key == "outputs") {
      applyOutputs(source, value);
    } else if (key != "lists" && key != "bfloat16" && key != "extends" &&
               key != "doc" && key != "$schema") {
      error(source, root.keysAt[i],
            "unknown key '" + key + "'" +
                suggest(key, {"name", "doc", "extends", "lists", "bfloat16",
                                 "infer_rule", "outputs"}));
    }
  }
  // The section of a target beats the lists, wherever it stands in the file.
  if (const JsonValue *lists = root.find("lists"))
    applyLists(source, *lists, "lists", true);
  if (const JsonValue *lists = root.find("bfloat16"))
    applyLists(source, *lists, "bfloat16", request.target == Target::BFloat16);
}

void Loader::applyMoves() {
  std::unordered_map<std::string, ListKind> moved;
  for (const auto &[list, op] : request.moves) {
    std::string flag = "--" + std::string(listName(list));
    if (op.empty()) {
      message("error: " + flag + ": an op name is missing");
      continue;
    }
    if (!isKnown(op)) {
      message("error: " + flag + ": " + unknown(op));
      continue;
    }
    auto [entry, isNew] = moved.emplace(op, list);
    if (!isNew && entry->second != list) {
      message("error: " + flag + ": op '" + op + "' is in two lists, --" +
              std::string(listName(entry->second)) + " has it too");
      continue;
    }
    result.move(op, list);
    result.setAsked(op);
  }
}

void Loader::warnOfMissing() {
  std::string missing;
  size_t count = 0;
  for (std::string_view op : names) {
    if (op.find('.') != std::string_view::npos || result.lists(op))
      continue;
    if (++count <= 10)
      missing += (count == 1 ? "" : ", ") + std::string(op);
  }
  if (count > 10)
    missing += ", …";
  if (count != 0)
    messages.push_back({false,
                        "warning: policy '" + result.name +
                            "': " + std::to_string(count) +
                            (count == 1 ? " op is" : " ops are") +
                            " in no list and kept float32: " + missing,
                        false});
}

std::optional<Policy> Loader::run() {
  // From the policy that is asked for down to the one that extends nothing.
  std::vector<Source> chain;
  std::string name = request.policy;
  size_t at = 0;
  while (true) {
    Source source;
    if (!open(name, chain.empty() ? nullptr : &chain.back(), at, source))
      return std::nullopt;
    for (const Source &other : chain)
      if (other.name == source.name) {
        error(chain.back(), at, "policy '" + name + "' extends itself");
        return std::nullopt;
      }
    chain.push_back(std::move(source));
    const JsonValue *base = chain.back().root.find("extends");
    if (!base)
      break;
    at = base->at;
    if (base->kind != JsonValue::String) {
      error(chain.back(), at,
            "'extends' is a string, not " + std::string(base->kindName()));
      return std::nullopt;
    }
    if (chain.size() == kMaxChain) {
      error(chain.back(), at,
            "more than " + std::to_string(kMaxChain) +
                " policies extend each other");
      return std::nullopt;
    }
    name = base->text;
  }
  for (auto source = chain.rbegin(); source != chain.rend(); ++source) {
    result.name = request.policy;
    apply(*source);
  }
  applyMoves();
  if (errors > kMaxErrors)
    messages.push_back({true, "error: " + std::to_string(errors - kMaxErrors) +
                                  " more errors"});
  if (errors != 0)
    return std::nullopt;
  warnOfMissing();
  return std::move(result);
}

std::optional<Policy>
amp::loadPolicy(const PolicyRequest &request,
                const std::vector<std::string_view> &names,
                std::vector<PolicyMessage> &messages) {
  return Loader(request, names, messages).run();
}

std::string amp::printPolicy(const Policy &policy) {
  std::string text =
      "policy " + policy.name + "\ncompute dtype " +
      std::string(policy.name == "none" ? "float32"
                                        : targetName(policy.target)) +
      "\nvariable dtype float32\n";
  for (ListKind list : kLists) {
    text += std::string(listName(list)) + ":";
    for (const std::string &op : policy.members(list))
      text += " " + op;
    text += "\n";
  }
  return text;
}
