//===- Policy.h - Which ops run in which precision --------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Lists of op names, read from JSON: presets embedded at build time and files
// of the user's. Knows neither MLIR nor any op class.
//===----------------------------------------------------------------------===//

#ifndef AMP_POLICY_POLICY_H
#define AMP_POLICY_POLICY_H

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace amp {

enum class ListKind : uint8_t { Allow, Infer, Clear, Deny, Keep };
std::string_view listName(ListKind list);

/// The element type that mixed precision lowers to.
enum class Target : uint8_t { Float16, BFloat16 };
std::string_view targetName(Target target);

/// When infer ops are lowered: only between allow ops, or also when they
/// follow one.
enum class InferRule : uint8_t { Between, Follow };
/// What keeps a function output float32: its value, or its whole node.
enum class OutputRule : uint8_t { Value, Node };

/// The effective lists for one target type.
class Policy {
public:
  /// The list of an op; Keep for an op in none.
  ListKind list(std::string_view op) const;
  /// Whether the op stands in a list (Keep included).
  bool lists(std::string_view op) const;
  /// Moves an op to a list, whatever it was on.
  void move(std::string_view op, ListKind to);
  /// Whether the request itself moved the op by this name.
  bool isAsked(std::string_view op) const {
    return asked.count(std::string(op)) != 0;
  }
  void setAsked(std::string_view op) { asked.emplace(op); }
  /// Names of one list in alphabetical order.
  std::vector<std::string> members(ListKind list) const;

  std::string name;
  Target target = Target::Float16;
  InferRule inferRule = InferRule::Between;
  OutputRule outputs = OutputRule::Value;

private:
  std::unordered_map<std::string, ListKind> table;
  std::unordered_set<std::string> asked;
};

/// A message about a policy: text as `file:line:col: error: …` where there is
/// a file.
struct PolicyMessage {
  bool isError = true;
  std::string text;
  /// A file could not be read.
  bool isIO = false;
};

/// What makes a policy: a preset or file, the target, list edits.
struct PolicyRequest {
  std::string policy = "default"; ///< a preset's name or a file ending in .json
  Target target = Target::Float16;
  /// Edits in the order of the command line.
  std::vector<std::pair<ListKind, std::string>> moves;
};

/// Loads a preset or file, applies `extends`, the section of the target, and
/// the moves. `names` are those that policies may use (none: any), and those of
/// the op table where all have a dot; another with a dot passes, as an op of a
/// dialect, unless `names` has others of that dialect. Unknown names (with the
/// nearest name), an op in two lists, bad JSON and unknown keys are errors; an
/// op of `names` without a dot in no list is a warning. Nothing on error.
std::optional<Policy> loadPolicy(const PolicyRequest &request,
                                 const std::vector<std::string_view> &names,
                                 std::vector<PolicyMessage> &messages);

/// The lists as `amp-opt --print-policy` shows them: name, dtypes, then one
/// list per line.
std::string printPolicy(const Policy &policy);

/// The name of `names` nearest to `name`, or empty when none is near.
std::string_view nearestName(std::string_view name,
                             const std::vector<std::string_view> &names);

/// Names of the presets, in the order of the documentation.
std::vector<std::string_view> presetNames();
/// JSON text of a preset; empty for an unknown name.
std::string_view presetText(std::string_view name);

} // namespace amp

#endif // AMP_POLICY_POLICY_H
