//===- Mutate.cpp - Graph files with something wrong ----------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Changes of the document's tree (nodes, operands, attributes, types, any
// value or key) and of its bytes.
//===----------------------------------------------------------------------===//

#include "Mutate.h"

#include "amp/OpSet/OpSet.h"

#include <nlohmann/json.hpp>

using namespace amp;
using Json = nlohmann::ordered_json;

namespace {

class Mutator {
public:
  explicit Mutator(std::mt19937_64 &random) : random(random) {}
  std::string run(const std::string &text);

private:
  size_t pick(size_t count) { return count ? random() % count : 0; }
  template <typename T> const T &pickOf(const std::vector<T> &list) {
    return list[pick(list.size())];
  }

  void mutateTree(Json &document);
  bool mutateNodes(Json &function);
  void mutateNode(Json &node, const Json &function);
  void mutateAttrs(Json &node);
  void mutateType(Json &element);
  void mutateAnywhere(Json &document);
  Json attrValue(const AttrDef &def);
  Json anyValue();
  std::string anyOp() {
    return std::string(allOps()[pick(allOps().size())].name);
  }
  std::string anyDType() {
    return std::string(dtypeName(static_cast<DType>(pick(numDTypes))));
  }
  std::string valueIn(const Json &function);

  std::mt19937_64 &random;
};

} // namespace

/// Short texts that mean something to the reader.
static const std::vector<std::string> kFragments = {"\"",
                                                    "{",
                                                    "}",
                                                    "[",
                                                    "]",
                                                    ",",
                                                    ":",
                                                    "null",
                                                    "true",
                                                    "1e999",
                                                    "1e-999",
                                                    "-0",
                                                    "9223372036854775808",
                                                    "\\u0000",
                                                    "\\ud800",
                                                    "\xff",
                                                    "\xef\xbb\xbf",
                                                    "\"name\"",
                                                    "\"op\"",
                                                    "\"attrs\": {}",
                                                    "[[[[",
                                                    "]]]]",
                                                    ":1",
                                                    "e",
                                                    "."};

void amp::test::mutateBytes(std::string &text,
                            const std::vector<std::string> &fragments,
                            std::mt19937_64 &random) {
  if (text.empty())
    return;
  size_t at = random() % text.size();
  switch (random() % 6) {
  case 0:
    text.erase(at, 1 + random() % 8);
    break;
  case 1:
    text.insert(at, fragments[random() % fragments.size()]);
    break;
  case 2:
    text[at] = static_cast<char>(random());
    break;
  case 3:
    text.resize(at);
    break;
  case 4: { // a piece from elsewhere
    std::string piece = text.substr(random() % text.size(), 1 + random() % 40);
    text.insert(at, piece);
    break;
  }
  case 5: { // one digit for another
    size_t digit = text.find_first_of("0123456789", at);
    if (digit != std::string::npos)
      text[digit] = static_cast<char>('0' + random() % 10);
    break;
  }
  }
}

Json Mutator::anyValue() {
  switch (pick(14)) {
  case 0:
    return nullptr;
  case 1:
    return pick(2) == 0;
  case 2:
    return static_cast<int64_t>(pick(8)) - 3;
  case 3:
    return static_cast<int64_t>(random());
  case 4:
    return static_cast<double>(static_cast<int64_t>(random())) * 1e-19;
  case 5:
    return 1e300;
  case 6:
    return "";
  case 7:
    return "inf";
  case 8:
    return std::string(1 + pick(2000), 'n');
  case 9:
    return Json::array();
  case 10:
    return Json::object();
  case 11:
    return Json::array({1, 2});
  case 12:
    return anyDType();
  default:
    return anyOp();
  }
}

Json Mutator::attrValue(const AttrDef &def) {
  auto ints = [&](int64_t low, size_t span) {
    Json list = Json::array();
    for (size_t i = pick(5); i-- > 0;)
      list.push_back(low + static_cast<int64_t>(pick(span)));
    return list;
  };
  switch (def.kind) {
  case AttrKind::Bool:
    return pick(2) == 0;
  case AttrKind::Int:
    return static_cast<int64_t>(pick(7)) - 3;
  case AttrKind::Float:
    return static_cast<double>(pick(100)) / 64;
  case AttrKind::DType:
    return anyDType();
  case AttrKind::Enum:
    return std::string(pickOf(def.choices));
  case AttrKind::Ints: {
    Json list = ints(-2, 6);
    if (def.pairs) {
      Json pairs = Json::array();
      for (const Json &number : list)
        pairs.push_back({number, pick(3)});
      return pairs;
    }
    return def.allowScalar && pick(2) ? Json(pick(4)) : list;
  }
  case AttrKind::Dims: {
    Json list = ints(-1, 6);
    if (!list.empty() && pick(3) == 0)
      list[0] = pick(2) ? Json("batch") : Json(nullptr);
    return list;
  }
  case AttrKind::Value:
    switch (pick(5)) {
    case 0:
      return {{"weights", "entry"}};
    case 1:
      return "nan";
    case 2:
      return Json::array({Json::array({1, 2}), Json::array({3, 4})});
    case 3:
      return ints(-2, 6);
    default:
      return static_cast<double>(pick(100)) / 64;
    }
  }
  return nullptr;
}

/// The name of an input or a node, sometimes of a result that is not there.
std::string Mutator::valueIn(const Json &function) {
  std::vector<std::string> names = {"nothing"};
  for (const char *key : {"inputs", "nodes"})
    if (function.contains(key) && function[key].is_array())
      for (const Json &element : function[key])
        if (element.is_object() && element.contains("name") &&
            element["name"].is_string())
          names.push_back(element["name"].get<std::string>());
  std::string name = pickOf(names);
  return pick(6) == 0 ? name + ":" + std::to_string(pick(4)) : name;
}

void Mutator::mutateAttrs(Json &node) {
  const OpDef *def = nullptr;
  if (node.contains("op") && node["op"].is_string())
    def = findOp(node["op"].get<std::string>());
  if (!node.contains("attrs") || !node["attrs"].is_object())
    node["attrs"] = Json::object();
  Json &attrs = node["attrs"];
  if (!def || def->attrs.empty()) {
    attrs["axis"] = anyValue();
    return;
  }
  const AttrDef &attr = def->attrs[pick(def->attrs.size())];
  std::string name(attr.name);
  switch (pick(5)) {
  case 0:
    attrs.erase(name);
    break;
  case 1:
    attrs[name] = anyValue();
    break;
  default:
    attrs[name] = attrValue(attr);
    break;
  }
}

/// The dtype or shape of an input, a variable or a result.
void Mutator::mutateType(Json &element) {
  if (pick(3) == 0 || !element.contains("shape") ||
      !element["shape"].is_array()) {
    element["dtype"] = anyDType();
    return;
  }
  Json &shape = element["shape"];
  if (shape.empty() || pick(4) == 0) {
    shape.push_back(pick(2) ? Json("batch") : Json(pick(6)));
  } else if (pick(3) == 0) {
    shape.erase(shape.begin() + pick(shape.size()));
  } else {
    static const std::vector<Json> sizes = {
        0, 1, 2, 3, 784, "batch", "rows", -1, nullptr, 4294967296};
    shape[pick(shape.size())] = pickOf(sizes);
  }
}

void Mutator::mutateNode(Json &node, const Json &function) {
  if (!node.is_object())
    return;
  switch (pick(9)) {
  case 0:
    node["name"] = "renamed";
    break;
  case 1:
    node["name"] = valueIn(function);
    break;
  case 2:
    node["op"] = anyOp();
    break;
  case 3:
    node["precision"] = anyDType();
    break;
  case 4:
    node["op"] = "mylib.fancy";
    node["types"] = Json::array(
        {{{"dtype", anyDType()}, {"shape", Json::array({"batch", pick(4)})}}});
    break;
  case 5:
    mutateAttrs(node);
    break;
  default: {
    Json &inputs = node["inputs"];
    if (!inputs.is_array())
      inputs = Json::array();
    size_t choice = pick(5);
    if (choice == 0 || inputs.empty())
      inputs.push_back(valueIn(function));
    else if (choice == 1)
      inputs.erase(inputs.begin() + pick(inputs.size()));
    else
      inputs[pick(inputs.size())] = valueIn(function);
    break;
  }
  }
}

bool Mutator::mutateNodes(Json &function) {
  if (!function.is_object() || !function.contains("nodes") ||
      !function["nodes"].is_array() || function["nodes"].empty())
    return false;
  Json &nodes = function["nodes"];
  size_t index = pick(nodes.size());
  switch (pick(6)) {
  case 0:
    nodes.erase(nodes.begin() + index);
    break;
  case 1: {
    Json copy = nodes[index];
    if (copy.is_object() && pick(3))
      copy["name"] = "copy";
    nodes.insert(nodes.begin() + pick(nodes.size()), copy);
    break;
  }
  case 2:
    std::swap(nodes[index], nodes[pick(nodes.size())]);
    break;
  default:
    mutateNode(nodes[index], function);
    break;
  }
  return true;
}

/// Any value or key of the tree, found by walking down at random.
void Mutator::mutateAnywhere(Json &document) {
  Json *at = &document;
  for (size_t depth = 1 + pick(6);
       depth-- > 0 && at->is_structured() && !at->empty();) {
    auto child = at->begin();
    std::advance(child, pick(at->size()));
    if (depth == 0 || !child->is_structured() || child->empty()) {
      switch (pick(4)) {
      case 0:
        at->erase(child);
        return;
      case 1:
        if (at->is_object()) {
          Json value = *child;
          (*at)[child.key() + "s"] = value;
          return;
        }
        at->push_back(*child);
        return;
      default:
        *child = anyValue();
        return;
      }
    }
    at = &*child;
  }
}

void Mutator::mutateTree(Json &document) {
  bool hasFunctions = document.is_object() && document.contains("functions") &&
                      document["functions"].is_array() &&
                      !document["functions"].empty();
  size_t choice = pick(10);
  if (hasFunctions && choice < 6) {
    Json &functions = document["functions"];
    if (mutateNodes(functions[pick(functions.size())]))
      return;
  }
  if (choice < 8) {
    std::vector<Json *> typed;
    if (document.is_object() && document.contains("variables") &&
        document["variables"].is_array())
      for (Json &variable : document["variables"])
        typed.push_back(&variable);
    if (hasFunctions)
      for (Json &function : document["functions"])
        if (function.is_object() && function.contains("inputs") &&
            function["inputs"].is_array())
          for (Json &input : function["inputs"])
            typed.push_back(&input);
    if (!typed.empty()) {
      Json &element = *pickOf(typed);
      if (element.is_object())
        return mutateType(element);
    }
  }
  mutateAnywhere(document);
}

std::string Mutator::run(const std::string &text) {
  std::string out = text;
  size_t changes = 1 + pick(3);
  if (pick(3) != 0) {
    Json document = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (!document.is_discarded()) {
      for (size_t i = 0; i < changes; ++i)
        mutateTree(document);
      return document.dump(pick(2) ? 2 : -1, ' ', false,
                           Json::error_handler_t::replace);
    }
  }
  for (size_t i = 0; i < changes; ++i)
    amp::test::mutateBytes(out, kFragments, random);
  return out;
}

std::string amp::test::mutateGraphFile(const std::string &text,
                                       std::mt19937_64 &random) {
  return Mutator(random).run(text);
}
