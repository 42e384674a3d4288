//===- ParseNode.cpp - Nodes and their attributes ------------------------
//-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A node, its attributes by the definitions of the op table, and the elements
// of constants.
//===----------------------------------------------------------------------===//

#include "Parse.h"
#include "amp/OpSet/Limits.h"
#include "amp/OpSet/Words.h"

#include <cmath>
#include <limits>
#include <unordered_set>

using namespace amp;
using namespace amp::graphfile;

std::optional<Node> ElementParser::parseNode(Json json) {
  static constexpr KeyDef keys[] = {{"name", true}, {"doc"},   {"op", true},
                                    {"inputs"},     {"attrs"}, {"precision"},
                                    {"origin"},     {"types"}};
  auto values = parseKeys(json, keys, "a node");
  if (values.empty())
    return std::nullopt;
  Node node;
  node.at = json.at();
  auto name = parseName(*values[0], "the name of a node");
  node.nameAt = values[0]->at();
  node.opAt = values[2]->at();
  if (!name || !expect(*values[2], TokenKind::String, "the name of an op"))
    return std::nullopt;
  node.name = *name;
  std::string_view op = values[2]->string();
  bool isOpaque = op.find('.') != std::string_view::npos;
  const OpDef *def = isOpaque ? nullptr : findOp(op);
  if (!isOpaque && !def) {
    std::string_view near = nearestOp(op);
    error(node.opAt,
          "unknown op " + quoted(op) + didYouMeanText(near) + versionNote());
    return std::nullopt;
  }
  if (isOpaque && !checkName(*values[2], "the name of an op"))
    return std::nullopt;
  node.op = def ? def->name : string(*values[2]);
  if (values[1] && !parseDoc(*values[1], node.doc, node.docIsString))
    return std::nullopt;
  if (values[3])
    node.inputs = parseValueNames(*values[3]);
  if (values[5]) {
    node.precisionAt = values[5]->at();
    node.precision = parseDTypeOf(*values[5]);
    if (node.precision && *node.precision != DType::Float32 &&
        !isLow(*node.precision)) {
      error(node.precisionAt, "expected float32, float16 or bfloat16, not " +
                                  std::string(dtypeName(*node.precision)));
      return std::nullopt;
    }
  }
  if (values[6]) {
    auto origin = parseName(*values[6], "the name of a node");
    if (!origin)
      return std::nullopt;
    node.origin = *origin;
  }
  if (values[7]) {
    node.typesAt = values[7]->at();
    node.types = parseTypes(*values[7]);
  }
  if (isOpaque) {
    if (!values[7]) {
      error(node.opAt, "op '" + std::string(op) +
                           "' is not in the op table: a node of it needs the "
                           "key 'types'");
      return std::nullopt;
    }
    if (values[4] && expect(*values[4], TokenKind::Object, "an object")) {
      checkDoubleKeys(*values[4]);
      node.opaqueAttrs = arena.intern(compactText(*values[4]));
    }
    return node;
  }
  if (values[4])
    parseAttrs(*values[4], *def, node);
  return node;
}

/// The source of an object without the white space between its tokens, so
/// that it stands on one line and is stable when written and read again.
std::string ElementParser::compactText(Json json) const {
  std::string_view text =
      source.text().substr(json.at(), json.endAt() + 1 - json.at());
  std::string out;
  bool inString = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (inString) {
      out += c;
      if (c == '\\')
        out += text[++i];
      else if (c == '"')
        inString = false;
      continue;
    }
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
      continue;
    inString = c == '"';
    out += c;
    if (c == ',' || c == ':')
      out += ' ';
  }
  return out;
}

/// Reports keys that stand twice in the object or in one below it. Nesting is
/// limited, so a list of the open ones is short.
void ElementParser::checkDoubleKeys(Json json) {
  struct Level {
    Json::Walk walk;
    bool isObject;
    std::unordered_set<std::string_view> keys;
  };
  std::vector<Level> open;
  open.push_back({json.walk(), true, {}});
  while (!open.empty()) {
    Level &level = open.back();
    if (level.walk.done()) {
      open.pop_back();
      continue;
    }
    if (level.isObject) {
      Json key = level.walk.value();
      level.walk.next();
      if (!level.keys.insert(key.string()).second)
        error(key.at(), "key '" + std::string(key.string()) + "' stands twice");
    }
    Json value = level.walk.value();
    level.walk.next();
    if (value.isObject() || value.isArray())
      open.push_back({value.walk(), value.isObject(), {}});
  }
}

void ElementParser::parseAttrs(Json json, const OpDef &def, Node &node) {
  if (!expect(json, TokenKind::Object, "an object"))
    return;
  // How a constant's value is read depends on its dtype, wherever that stands.
  DType constantDType = DType::Float32;
  for (Json::Walk walk = json.walk(); !walk.done();) {
    Json key = walk.value();
    walk.next();
    if (def.name == "constant" && key.string() == "dtype" &&
        walk.value().isString())
      if (auto dtype = parseDType(walk.value().string()))
        constantDType = *dtype;
    walk.next();
  }
  for (Json::Walk walk = json.walk(); !walk.done();) {
    Json key = walk.value();
    walk.next();
    Json value = walk.value();
    walk.next();
    const AttrDef *attr = def.findAttr(key.string());
    if (!attr) {
      std::vector<std::string_view> names;
      for (const AttrDef &known : def.attrs)
        names.push_back(known.name);
      error(key.at(), "op '" + std::string(def.name) + "' has no attribute '" +
                          std::string(key.string()) + "'" +
                          suggest(key.string(), names) + versionNote());
      continue;
    }
    bool isDouble = false;
    for (const Attr &other : node.attrs)
      isDouble |= other.name == attr->name;
    if (isDouble) {
      error(key.at(), "key '" + std::string(attr->name) + "' stands twice");
      continue;
    }
    std::optional<AttrValue> parsed = parseAttr(value, *attr, constantDType);
    if (!parsed)
      continue;
    node.attrs.push_back({attr->name, std::move(*parsed)});
    node.attrsAt.push_back(value.at());
  }
}

std::optional<AttrValue> ElementParser::parseAttr(Json json, const AttrDef &def,
                                                  DType constantDType) {
  switch (def.kind) {
  case AttrKind::Bool:
    if (auto flag = parseBool(json))
      return AttrValue(*flag);
    return std::nullopt;
  case AttrKind::Int:
    if (auto number = parseInteger(json, std::numeric_limits<int64_t>::min(),
                                   std::numeric_limits<int64_t>::max()))
      return AttrValue(*number);
    return std::nullopt;
  case AttrKind::Float:
    if (auto real = parseReal(json, def.allowNonFinite))
      return AttrValue(*real);
    return std::nullopt;
  case AttrKind::DType:
    if (auto dtype = parseDTypeOf(json))
      return AttrValue(*dtype);
    return std::nullopt;
  case AttrKind::Enum: {
    if (!expect(json, TokenKind::String, quoteList(def.choices)))
      return std::nullopt;
    for (std::string_view choice : def.choices)
      if (choice == json.string())
        return AttrValue(std::string(choice));
    error(json.at(), "expected " + quoteList(def.choices) + ", not '" +
                         std::string(json.string()) + "'");
    return std::nullopt;
  }
  case AttrKind::Ints:
    return parseInts(json, def);
  case AttrKind::Dims:
    return parseDims(json, def);
  case AttrKind::Value:
    return parseLiteral(json, constantDType);
  }
  return std::nullopt;
}

std::optional<AttrValue> ElementParser::parseInts(Json json,
                                                  const AttrDef &def) {
  constexpr int64_t lowest = std::numeric_limits<int64_t>::min();
  constexpr int64_t highest = std::numeric_limits<int64_t>::max();
  std::vector<int64_t> ints;
  if (def.allowScalar && !json.isArray()) {
    auto number = parseInteger(json, lowest, highest);
    if (!number)
      return std::nullopt;
    ints.push_back(*number);
    return AttrValue(std::move(ints));
  }
  if (!expect(json, TokenKind::Array,
              def.pairs ? "a list of pairs" : "a list of integers"))
    return std::nullopt;
  for (Json::Walk walk = json.walk(); !walk.done(); walk.next()) {
    Json element = walk.value();
    if (!def.pairs) {
      auto number = parseInteger(element, lowest, highest);
      if (!number)
        return std::nullopt;
      ints.push_back(*number);
      continue;
    }
    if (!expect(element, TokenKind::Array, "a pair of integers"))
      return std::nullopt;
    size_t before = ints.size();
    for (Json::Walk pair = element.walk(); !pair.done(); pair.next()) {
      auto number = parseInteger(pair.value(), lowest, highest);
      if (!number)
        return std::nullopt;
      ints.push_back(*number);
    }
    if (ints.size() != before + 2) {
      error(element.at(), "expected a pair of integers");
      return std::nullopt;
    }
  }
  return AttrValue(std::move(ints));
}

std::optional<AttrValue> ElementParser::parseDims(Json json,
                                                  const AttrDef &def) {
  if (!expect(json, TokenKind::Array, "a list of sizes"))
    return std::nullopt;
  Shape shape;
  for (Json::Walk walk = json.walk(); !walk.done(); walk.next()) {
    Json size = walk.value();
    if (size.kind() == TokenKind::Null && def.allowNull) {
      shape.push_back(Dim::unknown());
    } else if (size.isString() && def.allowNames) {
      auto name = parseName(size, "the name of a size");
      if (!name)
        return std::nullopt;
      shape.push_back(Dim::named(*name));
    } else if (size.kind() == TokenKind::Integer && size.integer() >= 0) {
      shape.push_back(Dim::fixed(size.integer()));
    } else if (size.kind() == TokenKind::Integer && size.integer() == -1 &&
               def.allowMinusOne) {
      shape.push_back(Dim::unknown());
    } else {
      std::string expected = "expected an integer of 0 or more";
      if (def.allowMinusOne)
        expected += ", -1";
      if (def.allowNames)
        expected += ", a name";
      if (def.allowNull)
        expected += ", null";
      error(size.at(), expected + ", not " +
                           (size.kind() == TokenKind::Integer
                                ? std::to_string(size.integer())
                                : std::string(size.describe())));
      return std::nullopt;
    }
  }
  double elements = 1;
  for (const Dim &dim : shape)
    if (dim.isFixed() && dim.size() > 0)
      elements *= static_cast<double>(dim.size());
  if (elements > 1e17 && def.name == "shape") {
    error(json.at(), "a tensor of this shape is too large");
    return std::nullopt;
  }
  return AttrValue(std::move(shape));
}

/// Smallest and largest value of an integer dtype.
static std::pair<int64_t, int64_t> integerRange(DType dtype) {
  switch (dtype) {
  case DType::Int8:
    return {-128, 127};
  case DType::UInt8:
    return {0, 255};
  case DType::Int32:
    return {std::numeric_limits<int32_t>::min(),
            std::numeric_limits<int32_t>::max()};
  case DType::Bool:
    return {0, 1};
  default:
    return {std::numeric_limits<int64_t>::min(),
            std::numeric_limits<int64_t>::max()};
  }
}

/// The greatest magnitude that rounds to zero, half to even: half of the
/// smallest subnormal number. A number below that of float64 is no number at
/// all to the lexer.
static double underflowLimit(DType dtype) {
  switch (dtype) {
  case DType::Float16:
    return 0x1p-25;
  case DType::BFloat16:
    return 0x1p-134;
  case DType::Float32:
    return 0x1p-150;
  default:
    return 0;
  }
}

bool ElementParser::parseElement(Json json, DType dtype, Literal &literal) {
  auto name = [&] { return std::string(dtypeName(dtype)); };
  if (isFloating(dtype)) {
    std::optional<double> real = parseReal(json, /*allowNonFinite=*/true);
    if (!real)
      return false;
    if (std::isfinite(*real) && std::abs(*real) >= overflowLimit(dtype)) {
      error(json.at(), "this number does not fit " + name());
      return false;
    }
    if (*real != 0 && std::abs(*real) <= underflowLimit(dtype)) {
      error(json.at(), "this number is too small for " + name() +
                           ": it would become 0");
      return false;
    }
    literal.floats.push_back(*real);
    return true;
  }
  if (dtype == DType::Bool && json.kind() == TokenKind::Bool) {
    literal.ints.push_back(json.boolean());
    return true;
  }
  auto [low, high] = integerRange(dtype);
  if (json.kind() == TokenKind::HugeInteger ||
      (json.kind() == TokenKind::Integer &&
       (json.integer() < low || json.integer() > high))) {
    error(json.at(), "this integer does not fit " + name());
    return false;
  }
  if (json.kind() != TokenKind::Integer)
    return expect(json, TokenKind::Integer, "an integer for dtype " + name());
  literal.ints.push_back(json.integer());
  return true;
}

std::optional<AttrValue> ElementParser::parseLiteral(Json json, DType dtype) {
  auto literal = std::make_shared<Literal>();
  if (json.isObject()) {
    static constexpr KeyDef keys[] = {{"weights", true}};
    auto values = parseKeys(json, keys, "a constant's value");
    if (values.empty() ||
        !expect(*values[0], TokenKind::String, "the name of an entry"))
      return std::nullopt;
    literal->weights = std::string(values[0]->string());
    if (literal->weights.empty()) {
      error(values[0]->at(), "the name of an entry is empty");
      return std::nullopt;
    }
    return AttrValue(std::shared_ptr<const Literal>(std::move(literal)));
  }
  if (!json.isArray()) {
    literal->splat = true;
    if (!parseElement(json, dtype, *literal))
      return std::nullopt;
    return AttrValue(std::shared_ptr<const Literal>(std::move(literal)));
  }
  // One open list per level; the first list that closes on a level says how
  // long all of that level are.
  constexpr int64_t unknown = -1;
  struct Level {
    Json::Walk walk;
    Json list;
    int64_t count;
  };
  std::vector<Level> open = {{json.walk(), json, 0}};
  std::vector<int64_t> sizes = {unknown};
  bool depthKnown = false;
  while (!open.empty()) {
    Level &level = open.back();
    if (level.walk.done()) {
      int64_t &size = sizes[open.size() - 1];
      if (size == unknown)
        size = level.count;
      if (size != level.count) {
        error(level.list.at(),
              "this list has " + std::to_string(level.count) +
                  (level.count == 1 ? " element" : " elements") +
                  ", the one before it has " + std::to_string(size));
        return std::nullopt;
      }
      depthKnown |= open.size() == sizes.size();
      open.pop_back();
      continue;
    }
    Json element = level.walk.value();
    level.walk.next();
    ++level.count;
    bool isLeafLevel = open.size() == sizes.size();
    if (element.isArray()) {
      if (isLeafLevel && (depthKnown || level.count > 1)) {
        error(element.at(), "the lists of this constant are nested unevenly");
        return std::nullopt;
      }
      if (isLeafLevel)
        sizes.push_back(unknown);
      open.push_back({element.walk(), element, 0});
      continue;
    }
    if (!isLeafLevel) {
      error(element.at(), "the lists of this constant are nested unevenly");
      return std::nullopt;
    }
    if (!parseElement(element, dtype, *literal))
      return std::nullopt;
  }
  literal->nesting = std::move(sizes);
  return AttrValue(std::shared_ptr<const Literal>(std::move(literal)));
}
