//===- ParseCommon.cpp - Keys, names, types and numbers -------------------
//-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// What all elements are made of.
//===----------------------------------------------------------------------===//

#include "Parse.h"
#include "amp/OpSet/Limits.h"
#include "amp/OpSet/Words.h"

#include <cassert>
#include <cmath>
#include <limits>

using namespace amp;
using namespace amp::graphfile;

std::string_view Json::describe() const {
  switch (kind()) {
  case TokenKind::Object:
    return "an object";
  case TokenKind::Array:
    return "a list";
  case TokenKind::String:
  case TokenKind::Key:
    return "a string";
  case TokenKind::Integer:
  case TokenKind::HugeInteger:
    return "an integer";
  case TokenKind::Real:
    return "a number";
  case TokenKind::Bool:
    return "true or false";
  case TokenKind::Null:
    return "null";
  case TokenKind::End:
    break;
  }
  return "nothing";
}

std::string graphfile::quoteList(Span<std::string_view> names) {
  std::string text;
  for (size_t i = 0; i < names.size(); ++i) {
    if (i)
      text += i + 1 == names.size() ? " or " : ", ";
    text += quoted(names[i]);
  }
  return text;
}

std::string graphfile::suggest(std::string_view word,
                               Span<std::string_view> candidates) {
  return didYouMeanText(didYouMean(word, candidates));
}

/// A user's text inside a message: short, and without control characters.
static std::string quote(std::string_view text) {
  std::string out = "'";
  for (char c : text.substr(0, 80))
    out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return out + (text.size() > 80 ? "…'" : "'");
}

bool ElementParser::expect(Json json, TokenKind kind, std::string_view what) {
  if (json.kind() == kind)
    return true;
  error(json.at(), "expected " + std::string(what) + ", not " +
                       std::string(json.describe()));
  return false;
}

std::string ElementParser::versionNote() const {
  if (version.empty() || version == "1.0")
    return "";
  return " (the file is of version " + std::string(version) +
         ", this program knows 1.0)";
}

void ElementParser::unknownKey(Json key, Span<KeyDef> keys,
                               std::string_view what) {
  std::vector<std::string_view> names;
  for (const KeyDef &def : keys)
    names.push_back(def.name);
  error(key.at(), "unknown key " + quote(key.string()) + " of " +
                      std::string(what) + suggest(key.string(), names) +
                      versionNote());
}

KeyValues ElementParser::parseKeys(Json json, Span<KeyDef> keys,
                                   std::string_view what) {
  assert(keys.size() <= KeyValues::most && "too many keys");
  KeyValues values(keys.size());
  if (!expect(json, TokenKind::Object, "an object"))
    return {};
  bool good = true;
  for (Json::Walk walk = json.walk(); !walk.done();) {
    Json key = walk.value();
    walk.next();
    Json value = walk.value();
    walk.next();
    size_t i = 0;
    while (i < keys.size() && keys[i].name != key.string())
      ++i;
    if (i == keys.size()) {
      unknownKey(key, keys, what);
      good = false;
    } else if (values[i]) {
      error(key.at(), "key " + quote(key.string()) + " stands twice");
      good = false;
    } else {
      values[i] = value;
    }
  }
  for (size_t i = 0; i < keys.size(); ++i)
    if (keys[i].required && !values[i]) {
      error(json.at(), std::string(what) + " has no key '" +
                           std::string(keys[i].name) + "'");
      good = false;
    }
  if (!good)
    return {};
  return values;
}

std::optional<std::string_view>
ElementParser::parseName(Json json, std::string_view what) {
  if (!expect(json, TokenKind::String, "a string"))
    return std::nullopt;
  if (!checkName(json, what))
    return std::nullopt;
  if (json.string().find(':') != std::string_view::npos) {
    error(json.at(), std::string(what) + " " + quote(json.string()) +
                         " holds ':', which separates a node from the number "
                         "of its result");
    return std::nullopt;
  }
  return string(json);
}

bool ElementParser::checkName(Json json, std::string_view what) {
  std::string_view name = json.string();
  auto bad = [&](const std::string &problem) {
    error(json.at(), std::string(what) + " " + problem);
    return false;
  };
  if (name.empty())
    return bad("is empty");
  if (name.size() > limits.nameBytes)
    return bad("is longer than " + std::to_string(limits.nameBytes) + " bytes");
  for (char c : name)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      return bad(quote(name) + " holds a control character");
  return true;
}

std::optional<ValueName> ElementParser::parseValueName(Json json) {
  if (!expect(json, TokenKind::String, "a name"))
    return std::nullopt;
  std::string_view text = json.string();
  ValueName value;
  value.at = json.at();
  size_t colon = text.rfind(':');
  std::string_view name = text.substr(0, colon);
  if (name.empty() || name.find(':') != std::string_view::npos ||
      name.size() > limits.nameBytes) {
    error(json.at(), quote(text) + " is no name of a value");
    return std::nullopt;
  }
  if (colon != std::string_view::npos) {
    std::string_view number = text.substr(colon + 1);
    bool good =
        !number.empty() && number.size() < 6 &&
        number.find_first_not_of("0123456789") == std::string_view::npos &&
        (number[0] != '0' || number.size() == 1);
    if (!good) {
      error(json.at(), quote(number) + " is no number of a result");
      return std::nullopt;
    }
    for (char c : number)
      value.result = value.result * 10 + (c - '0');
  }
  value.name = arena.intern(name);
  return value;
}

std::vector<ValueName> ElementParser::parseValueNames(Json json) {
  std::vector<ValueName> names;
  if (!expect(json, TokenKind::Array, "a list of names"))
    return names;
  names.reserve(json.numTokens());
  for (Json::Walk walk = json.walk(); !walk.done(); walk.next())
    if (auto name = parseValueName(walk.value()))
      names.push_back(*name);
  return names;
}

bool ElementParser::parseDoc(Json json, Doc &doc, bool &isString) {
  isString = json.isString();
  if (isString) {
    doc.push_back(string(json));
    return true;
  }
  if (!json.isArray()) {
    error(json.at(), "expected a string or a list of strings, not " +
                         std::string(json.describe()));
    return false;
  }
  for (Json::Walk walk = json.walk(); !walk.done(); walk.next()) {
    if (!expect(walk.value(), TokenKind::String, "a string"))
      return false;
    doc.push_back(string(walk.value()));
  }
  return true;
}

std::optional<DType> ElementParser::parseDTypeOf(Json json) {
  if (!expect(json, TokenKind::String, "the name of a dtype"))
    return std::nullopt;
  if (std::optional<DType> dtype = parseDType(json.string()))
    return dtype;
  std::string_view names[numDTypes];
  for (size_t i = 0; i < numDTypes; ++i)
    names[i] = dtypeName(static_cast<DType>(i));
  std::string hint = suggest(json.string(), names);
  if (json.string() == "float8_e4m3" || json.string() == "float8_e5m2")
    error(json.at(), "dtype " + quote(json.string()) +
                         " is not supported by this version");
  else
    error(json.at(), "unknown dtype " + quote(json.string()) + hint);
  return std::nullopt;
}

std::optional<Shape> ElementParser::parseShape(Json json) {
  if (!expect(json, TokenKind::Array, "a list of sizes"))
    return std::nullopt;
  Shape shape;
  for (Json::Walk walk = json.walk(); !walk.done(); walk.next()) {
    Json size = walk.value();
    if (size.isString()) {
      auto name = parseName(size, "the name of a size");
      if (!name)
        return std::nullopt;
      shape.push_back(Dim::named(*name));
    } else if (size.kind() == TokenKind::Integer) {
      if (size.integer() < 0) {
        error(size.at(), "a size is negative");
        return std::nullopt;
      }
      shape.push_back(Dim::fixed(size.integer()));
    } else if (size.kind() == TokenKind::HugeInteger) {
      error(size.at(), "this size does not fit int64");
      return std::nullopt;
    } else {
      error(size.at(), "a size is an integer or a name, not " +
                           std::string(size.describe()));
      return std::nullopt;
    }
  }
  if (shape.size() > kMaxRank) {
    error(json.at(),
          "a tensor of more than " + std::to_string(kMaxRank) + " dimensions");
    return std::nullopt;
  }
  // The bytes of a tensor are computed in many places; none may overflow.
  double elements = 1;
  for (const Dim &dim : shape)
    if (dim.isFixed() && dim.size() > 0)
      elements *= static_cast<double>(dim.size());
  if (elements > 1e17) {
    error(json.at(), "a tensor of this shape is too large");
    return std::nullopt;
  }
  return shape;
}

std::optional<TensorType> ElementParser::parseType(Json json) {
  static constexpr KeyDef keys[] = {{"dtype", true}, {"shape", true}};
  auto values = parseKeys(json, keys, "a type");
  if (values.empty())
    return std::nullopt;
  std::optional<DType> dtype = parseDTypeOf(*values[0]);
  // Unlike elsewhere, an unknown size may be null here.
  if (!dtype || !expect(*values[1], TokenKind::Array, "a list of sizes"))
    return std::nullopt;
  TensorType type;
  type.dtype = *dtype;
  for (Json::Walk walk = values[1]->walk(); !walk.done(); walk.next()) {
    Json size = walk.value();
    if (size.kind() == TokenKind::Null) {
      type.shape.push_back(Dim::unknown());
    } else if (size.isString()) {
      auto name = parseName(size, "the name of a size");
      if (!name)
        return std::nullopt;
      type.shape.push_back(Dim::named(*name));
    } else if (size.kind() == TokenKind::Integer && size.integer() >= 0) {
      type.shape.push_back(Dim::fixed(size.integer()));
    } else {
      error(size.at(),
            "a size is an integer of 0 or more, a name or null, not " +
                (size.kind() == TokenKind::Integer
                     ? std::to_string(size.integer())
                     : std::string(size.describe())));
      return std::nullopt;
    }
  }
  return type;
}

std::optional<std::vector<TensorType>> ElementParser::parseTypes(Json json) {
  if (!expect(json, TokenKind::Array, "a list of types"))
    return std::nullopt;
  std::vector<TensorType> types;
  for (Json::Walk walk = json.walk(); !walk.done(); walk.next()) {
    std::optional<TensorType> type = parseType(walk.value());
    if (!type)
      return std::nullopt;
    types.push_back(std::move(*type));
  }
  return types;
}

std::optional<double> ElementParser::parseReal(Json json, bool allowNonFinite) {
  if (json.isNumber())
    return json.real();
  if (allowNonFinite && json.isString()) {
    if (json.string() == "inf")
      return std::numeric_limits<double>::infinity();
    if (json.string() == "-inf")
      return -std::numeric_limits<double>::infinity();
    if (json.string() == "nan")
      return std::numeric_limits<double>::quiet_NaN();
  }
  bool isNonFinite =
      json.isString() && (json.string() == "inf" || json.string() == "-inf" ||
                          json.string() == "nan");
  error(json.at(),
        std::string(isNonFinite ? "expected a finite number"
                                : "expected a number") +
            (allowNonFinite ? ", \"inf\", \"-inf\" or \"nan\"" : "") +
            ", not " +
            (json.isString() ? quote(json.string())
                             : std::string(json.describe())));
  return std::nullopt;
}

std::optional<int64_t> ElementParser::parseInteger(Json json, int64_t min,
                                                   int64_t max) {
  if (json.kind() == TokenKind::HugeInteger) {
    error(json.at(), "this integer does not fit int64");
    return std::nullopt;
  }
  if (!expect(json, TokenKind::Integer, "an integer"))
    return std::nullopt;
  if (json.integer() < min || json.integer() > max) {
    std::string range =
        max == std::numeric_limits<int64_t>::max()
            ? "at least " + std::to_string(min)
            : "from " + std::to_string(min) + " to " + std::to_string(max);
    error(json.at(), "expected an integer " + range + ", not " +
                         std::to_string(json.integer()));
    return std::nullopt;
  }
  return json.integer();
}

std::optional<bool> ElementParser::parseBool(Json json) {
  if (!expect(json, TokenKind::Bool, "true or false"))
    return std::nullopt;
  return json.boolean();
}
