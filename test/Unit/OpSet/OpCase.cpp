//===- OpCase.cpp - A node and its result types as text -------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Reads and writes the text of OpCase.h.
//===----------------------------------------------------------------------===//

#include "OpCase.h"

#include <cstdio>
#include <cstdlib>
#include <map>

namespace amp::test {

namespace {
constexpr std::pair<std::string_view, DType> shortNames[] = {
    {"f16", DType::Float16}, {"bf16", DType::BFloat16}, {"f32", DType::Float32},
    {"f64", DType::Float64}, {"i8", DType::Int8},       {"u8", DType::UInt8},
    {"i32", DType::Int32},   {"i64", DType::Int64},     {"b", DType::Bool}};

[[noreturn]] void wrong(std::string_view text) {
  std::fprintf(stderr, "the test case is wrong: '%.*s'\n", int(text.size()),
               text.data());
  std::abort();
}

DType parseShortDType(std::string_view text) {
  for (auto [name, dtype] : shortNames)
    if (name == text)
      return dtype;
  wrong(text);
}

std::vector<std::string_view> split(std::string_view text, char by) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    size_t end = text.find(by);
    if (end == 0) {
      text.remove_prefix(1);
      continue;
    }
    parts.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return parts;
}

int64_t parseInt(std::string_view text) {
  std::string copy(text);
  char *end;
  int64_t value = std::strtoll(copy.c_str(), &end, 10);
  if (*end || copy.empty())
    wrong(text);
  return value;
}

double parseFloat(std::string_view text) {
  std::string copy(text);
  char *end;
  double value = std::strtod(copy.c_str(), &end);
  if (*end || copy.empty())
    wrong(text);
  return value;
}

bool isNumber(std::string_view text) {
  return text.find_first_not_of("0123456789") == std::string_view::npos;
}

Dim parseDim(std::string_view text) {
  if (text == "?" || text == "-1")
    return Dim::unknown();
  return isNumber(text) ? Dim::fixed(parseInt(text)) : Dim::named(text);
}

Shape parseShape(std::string_view text) {
  Shape shape;
  for (std::string_view part : split(text, ','))
    shape.push_back(parseDim(part));
  return shape;
}

/// `3.5` for all elements, `1,2,3` a flat list, `[2,2]1,2,3,4` a nested one,
/// `@entry` of the weights, `~` nothing.
AttrValue parseLiteral(std::string_view text) {
  if (text == "~")
    return std::shared_ptr<const Literal>();
  Literal literal;
  if (text.front() == '@') {
    literal.weights = text.substr(1);
    return std::make_shared<const Literal>(std::move(literal));
  }
  if (text.front() == '[') {
    size_t close = text.find(']');
    for (std::string_view part : split(text.substr(1, close - 1), ','))
      literal.nesting.push_back(parseInt(part));
    text.remove_prefix(close + 1);
  }
  auto parts = split(text, ',');
  literal.splat = parts.size() == 1 && literal.nesting.empty();
  if (!literal.splat && literal.nesting.empty())
    literal.nesting = {int64_t(parts.size())};
  bool real = text.find_first_of(".enf") != std::string_view::npos;
  for (std::string_view part : parts) {
    if (real)
      literal.floats.push_back(parseFloat(part));
    else
      literal.ints.push_back(parseInt(part));
  }
  return std::make_shared<const Literal>(std::move(literal));
}

AttrValue parseValue(AttrKind kind, std::string_view text) {
  switch (kind) {
  case AttrKind::Bool:
    if (text != "true" && text != "false")
      wrong(text);
    return text == "true";
  case AttrKind::Int:
    return parseInt(text);
  case AttrKind::Float:
    return parseFloat(text);
  case AttrKind::DType:
    return parseShortDType(text);
  case AttrKind::Enum:
    return std::string(text);
  case AttrKind::Ints: {
    std::vector<int64_t> list;
    for (std::string_view part : split(text, ','))
      list.push_back(parseInt(part));
    return list;
  }
  case AttrKind::Dims:
    return parseShape(text);
  case AttrKind::Value:
    return parseLiteral(text);
  }
  wrong(text);
}

std::string print(const TensorType &type) {
  std::string text;
  for (auto [name, dtype] : shortNames)
    if (dtype == type.dtype)
      text = name;
  text += '[';
  for (size_t i = 0; i < type.shape.size(); ++i) {
    const Dim &dim = type.shape[i];
    if (i)
      text += ',';
    if (dim.isFixed())
      text += std::to_string(dim.size());
    else
      text += dim.isNamed() ? dim.name() : "?";
  }
  return text + ']';
}
} // namespace

std::vector<TensorType> parseTypes(std::string_view text) {
  std::vector<TensorType> types;
  for (std::string_view part : split(text, ' ')) {
    size_t open = part.find('[');
    if (open == std::string_view::npos || part.back() != ']')
      wrong(part);
    types.push_back(
        {parseShortDType(part.substr(0, open)),
         parseShape(part.substr(open + 1, part.size() - open - 2))});
  }
  return types;
}

std::vector<Attr> parseAttrs(const OpDef &def, std::string_view text) {
  std::vector<Attr> attrs;
  for (std::string_view part : split(text, ' ')) {
    size_t equals = part.find('=');
    if (equals == std::string_view::npos)
      wrong(part);
    std::string_view name = part.substr(0, equals);
    const AttrDef *attr = def.findAttr(name);
    attrs.push_back({name, parseValue(attr ? attr->kind : AttrKind::Enum,
                                      part.substr(equals + 1))});
  }
  return attrs;
}

std::string run(const OpCase &opCase) {
  const OpDef *def = findOp(opCase.op);
  if (!def)
    return "no such op";
  std::vector<TensorType> operands = parseTypes(opCase.operands);
  std::vector<Attr> attrs = parseAttrs(*def, opCase.attrs);
  std::vector<TensorType> results;
  if (auto error = inferTypes(*def, operands, attrs, results)) {
    std::string text = "error";
    if (error->operand >= 0)
      text += " at " + std::to_string(error->operand);
    else if (!error->attr.empty())
      text += " at " + std::string(error->attr);
    return text + ": " + error->message;
  }
  std::string text;
  for (const TensorType &type : results) {
    if (!text.empty())
      text += ' ';
    text += print(type);
  }
  return text;
}

} // namespace amp::test
