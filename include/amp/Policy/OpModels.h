//===- OpModels.h - Ops of foreign dialects as data -------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A models file describes ops of dialects that no code of ours knows: which of
// their operands and results share a type, on which list they are, and how the
// dialect casts. Read from JSON; knows no MLIR. The format is in
// docs/OpModels.md.
//===----------------------------------------------------------------------===//

#ifndef AMP_POLICY_OPMODELS_H
#define AMP_POLICY_OPMODELS_H

#include "amp/Policy/Policy.h"

#include <memory>

namespace amp {

/// On which list an op is: by its own word, or as an op of the op table is.
struct OpListing {
  /// An op of the op table; empty for none.
  std::string as;
  /// Beats `as`.
  std::optional<ListKind> list;
};

/// How control flows through the regions of an op. A loop's operands are the
/// arguments of its regions, and what the last one hands over comes back; a
/// branch has the results of one of its regions.
enum class RegionFlow : uint8_t { None, Loop, Branch };

struct OpDescription {
  struct Group {
    /// Every floating operand, every floating result.
    bool allOperands = false, allResults = false;
    std::vector<unsigned> operands, results;
    /// All operands from this one on.
    std::optional<unsigned> operandsFrom;
    /// The attribute that names the element type; empty for none.
    std::string attribute;
    bool float16 = true, bfloat16 = true;
  };
  /// With its dialect: "stablehlo.add".
  std::string name;
  OpListing listing;
  std::vector<Group> groups;
  /// The ops of its regions are retyped with it. Else an op with regions is
  /// left as it is.
  bool retypesRegions = false;
  bool isLoss = false;
  RegionFlow flow = RegionFlow::None;
  /// What the op is when its region holds this one op, by the op's name.
  std::vector<std::pair<std::string, OpListing>> bodies;
  /// Byte in the file, for messages.
  size_t at = 0;

  /// The name that policies use for the op with the region `body`.
  std::string variantName(std::string_view body) const {
    return name + "(" + std::string(body) + ")";
  }
};

struct DialectDescription {
  std::string name;
  /// The op that casts, with its dialect; empty for none.
  std::string cast;
  /// The op that is a constant and its attribute; empty for none.
  std::string constant, constantAttribute;
  size_t at = 0;
  /// Where the cast and the constant are named.
  size_t castAt = 0, constantAt = 0;
};

/// A models file that has been read.
struct OpModelsFile {
  std::string name;
  std::vector<DialectDescription> dialects;
  std::vector<OpDescription> ops;
  /// What messages call the file, and its text.
  std::string fileName, text;

  /// `file:line:col: error: …` at a byte of the file.
  std::string locate(size_t at, const std::string &message) const;
  /// The names that policies may use for its ops.
  std::vector<std::string> policyNames() const;
};

/// Reads the models that ship under this name, or a file ending in .json.
/// Nothing on error.
std::shared_ptr<const OpModelsFile>
loadOpModels(const std::string &nameOrFile,
             std::vector<PolicyMessage> &messages);

/// Puts the ops of `models` on the lists of a policy that does not name them
/// itself: on that of `as`, or on their own where the policy has any op on that
/// list, so that `none` and `minimal` keep what they say.
void addOpModels(Policy &policy, const OpModelsFile &models);

/// Names of the models that ship.
std::vector<std::string_view> opModelsNames();
/// JSON text of models that ship; empty for an unknown name.
std::string_view opModelsText(std::string_view name);

} // namespace amp

#endif // AMP_POLICY_OPMODELS_H
