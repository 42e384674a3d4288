//===- Parse.h - From JSON tokens to structs ---------------*- C++ -* -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// What the parts of the parser share: reports, kinds of values, names.
//===----------------------------------------------------------------------===//

#ifndef AMP_LIB_GRAPHFILE_PARSE_H
#define AMP_LIB_GRAPHFILE_PARSE_H

#include "Tape.h"
#include "amp/GraphFile/Diagnostics.h"

#include <array>

namespace amp::graphfile {

/// A key that an object may have.
struct KeyDef {
  std::string_view name;
  bool required = false;
};

/// The values of an object's keys, in the order in which the keys are listed;
/// empty for an object with an error. On the stack: nodes are many.
class KeyValues {
public:
  KeyValues() = default;
  explicit KeyValues(size_t count) : count(count) {}
  bool empty() const { return count == 0; }
  std::optional<Json> &operator[](size_t i) { return values[i]; }
  /// No object has more keys.
  static constexpr size_t most = 16;

private:
  size_t count = 0;
  std::array<std::optional<Json>, most> values;
};

/// Turns tokens into structs. Every method that takes a Json reports what is
/// wrong with it and then returns nothing, so that the next element can still
/// be looked at.
class ElementParser {
public:
  ElementParser(const SourceText &source, Diagnostics &diags, NameArena &arena,
                const Limits &limits)
      : source(source), diags(diags), arena(arena), limits(limits) {}

  /// The text of `version`, once it is known: unknown keys and ops of a later
  /// version say so.
  std::string_view version;

  std::optional<Node> parseNode(Json json);
  std::optional<Input> parseInput(Json json);
  std::optional<Variable> parseVariable(Json json);
  /// All keys of a function but `inputs` and `nodes`.
  void parseFunctionKeys(Json json, Function &function);
  /// All keys of the file but `variables` and `functions`.
  void parseFileKeys(Json json, GraphFile &file);

  void error(Offset at, std::string message) {
    diags.error(at, std::move(message));
  }

private:
  bool expect(Json json, TokenKind kind, std::string_view what);
  std::optional<std::string_view> parseName(Json json, std::string_view what);
  /// Says so if a string is empty, too long or not fit to be printed.
  bool checkName(Json json, std::string_view what);
  std::optional<ValueName> parseValueName(Json json);
  std::vector<ValueName> parseValueNames(Json json);
  bool parseDoc(Json json, Doc &doc, bool &isString);
  std::optional<DType> parseDTypeOf(Json json);
  std::optional<Shape> parseShape(Json json);
  std::optional<TensorType> parseType(Json json);
  std::optional<std::vector<TensorType>> parseTypes(Json json);
  std::optional<double> parseReal(Json json, bool allowNonFinite);
  std::optional<int64_t> parseInteger(Json json, int64_t min, int64_t max);
  std::optional<bool> parseBool(Json json);
  std::string_view string(Json json) { return arena.intern(json.string()); }

  /// The values of the object's keys, parallel to `keys`; reports unknown,
  /// doubled and missing ones. `what` names the object in messages.
  KeyValues parseKeys(Json json, Span<KeyDef> keys, std::string_view what);
  void unknownKey(Json key, Span<KeyDef> keys, std::string_view what);
  std::string versionNote() const;

  void parseAttrs(Json json, const OpDef &def, Node &node);
  std::optional<AttrValue> parseAttr(Json json, const AttrDef &def,
                                     DType constantDType);
  std::optional<AttrValue> parseInts(Json json, const AttrDef &def);
  std::optional<AttrValue> parseDims(Json json, const AttrDef &def);
  std::optional<AttrValue> parseLiteral(Json json, DType dtype);
  bool parseElement(Json json, DType dtype, Literal &literal);
  std::string compactText(Json json) const;
  void checkDoubleKeys(Json json);

  std::optional<Setting> parseSetting(Json json, std::string_view what);
  void outOfRange(Json json, std::string_view name, std::string_view expected);
  bool parseInitParams(Json json, DType dtype, Setting &setting);
  bool parseOptimizerParams(Json json, Setting &setting);
  bool parseScheduleParams(Json json, Setting &setting);
  std::vector<Output> parseOutputs(Json json);
  std::optional<Training> parseTraining(Json json);

  const SourceText &source;
  Diagnostics &diags;
  NameArena &arena;
  const Limits &limits;
};

/// "'a' or 'b'", for messages.
std::string quoteList(Span<std::string_view> names);
/// "; did you mean 'x'?", or nothing.
std::string suggest(std::string_view word, Span<std::string_view> candidates);

} // namespace amp::graphfile

#endif // AMP_LIB_GRAPHFILE_PARSE_H
