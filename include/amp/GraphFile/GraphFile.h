//===- GraphFile.h - A graph file in memory ---------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Plain structs that mirror the JSON of a graph file, key for key, with the
// byte offset of everything an error may have to point at. docs/GraphFile.md
// describes the format. Names are views into the arena of the GraphFile.
//===----------------------------------------------------------------------===//

#ifndef AMP_GRAPHFILE_GRAPHFILE_H
#define AMP_GRAPHFILE_GRAPHFILE_H

#include "amp/OpSet/OpSet.h"

#include <deque>

namespace amp::graphfile {

/// Byte offset in the source text; kNowhere for what has none.
using Offset = uint64_t;
inline constexpr Offset kNowhere = ~Offset(0);

/// Owns the characters of all names of a file. Views stay valid for its life.
class NameArena {
public:
  std::string_view intern(std::string_view text);
  /// Takes over the names of another arena; views of them stay valid.
  void adopt(NameArena &&other);

private:
  std::deque<std::string> chunks;
};

/// "n" (result 0) or "n:1": the value that an input, output or loss names.
struct ValueName {
  std::string_view name;
  uint32_t result = 0;
  Offset at = kNowhere;

  friend bool operator==(const ValueName &a, const ValueName &b) {
    return a.name == b.name && a.result == b.result;
  }
};
/// "n", or "n:1" when the result is not the first.
std::string toString(const ValueName &value);

using Doc = std::vector<std::string_view>;

struct Node {
  std::string_view name;
  std::string_view op;
  std::vector<ValueName> inputs;
  std::vector<Attr> attrs;
  /// The user's pin.
  std::optional<DType> precision;
  /// Node of the input file that a generated node comes from; may be empty.
  std::string_view origin;
  /// One per result, if the file has the key `types`.
  std::optional<std::vector<TensorType>> types;
  Doc doc;
  /// "doc" was written as one string, not as a list.
  bool docIsString = true;
  /// For an op with a dot (kept verbatim): the text of the `attrs` object.
  std::string_view opaqueAttrs;
  Offset at = kNowhere, nameAt = kNowhere, opAt = kNowhere,
         precisionAt = kNowhere, typesAt = kNowhere;
  /// Parallel to attrs: where each value stands.
  std::vector<Offset> attrsAt;
};

struct Input {
  std::string_view name;
  TensorType type;
  Offset at = kNowhere;
};

struct Output {
  std::string_view name;
  ValueName value;
  Offset at = kNowhere;
};

/// `{"glorot_uniform": {"seed": 1}}` and the optimizers and schedules, which
/// have the same form: a kind and its numbers. Defaults are not filled in.
struct Setting {
  std::string_view kind;
  std::vector<Attr> params;
  std::vector<Offset> paramsAt;
  Offset at = kNowhere;
};

struct Variable {
  std::string_view name;
  Doc doc;
  bool docIsString = true;
  TensorType type;
  /// Exactly one of init and weights is set.
  std::optional<Setting> init;
  std::string_view weights;
  bool trainable = true;
  Offset at = kNowhere, weightsAt = kNowhere;
};

struct Gradient {
  std::string_view variable;
  ValueName value;
  Offset at = kNowhere;
};

struct Training {
  ValueName loss;
  std::optional<Setting> optimizer;
  /// Names to train; nothing means all trainable ones.
  std::optional<std::vector<ValueName>> variables;
  std::optional<double> clipNorm;
  std::optional<int64_t> accumulateSteps;
  std::optional<Setting> schedule;
  std::vector<ValueName> noDecay;
  /// A graph that holds its own backward part.
  std::vector<Gradient> gradients;
  std::optional<ValueName> lossGradient;
  Offset at = kNowhere, clipNormAt = kNowhere, accumulateStepsAt = kNowhere,
         noDecayAt = kNowhere, gradientsAt = kNowhere;
};

struct Function {
  std::string_view name;
  Doc doc;
  bool docIsString = true;
  std::vector<Input> inputs;
  std::vector<Node> nodes;
  std::vector<Output> outputs;
  std::optional<Training> training;
  Offset at = kNowhere;
};

/// A whole graph file. Move-only: views point into `names`.
struct GraphFile {
  std::string_view schema;  ///< "$schema", may be empty
  std::string_view version; ///< "1.0"
  std::string_view name;
  Doc doc;
  bool docIsString = true;
  std::string_view weights; ///< path of the safetensors file, may be empty
  Offset weightsAt = kNowhere;
  std::vector<Variable> variables;
  std::vector<Function> functions;
  std::unique_ptr<NameArena> names = std::make_unique<NameArena>();
};

/// Limits of the reader, each a documented constant of the format.
struct Limits {
  size_t fileBytes = size_t(4) << 30;
  size_t nodes = 20'000'000;
  size_t nameBytes = 1024;
  size_t depth = 64;
  size_t errors = 20;
};

} // namespace amp::graphfile

#endif // AMP_GRAPHFILE_GRAPHFILE_H
