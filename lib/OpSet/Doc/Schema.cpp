//===- Schema.cpp - JSON Schema of the graph file -------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The schema that editors complete and check graph files with: keys, types,
// and for each op the number of inputs and its attributes with defaults and
// ranges. Names, shapes and element types are beyond it; the reader checks
// them.
//===----------------------------------------------------------------------===//

#include "Doc.h"

#include "../Rules.h"
#include "amp/OpSet/Optimizers.h"

#include <nlohmann/json.hpp>

#include <cmath>

namespace amp::opset {

namespace {

using Json = nlohmann::ordered_json;

Json ref(std::string_view name) { return {{"$ref", cat("#/$defs/", name)}}; }

Json listOf(Json items) { return {{"type", "array"}, {"items", items}}; }

/// An object with these keys and no others.
Json object(const Json &properties,
            const std::vector<std::string> &required = {}) {
  Json json = {{"type", "object"},
               {"additionalProperties", false},
               {"properties", properties}};
  if (!required.empty())
    json["required"] = required;
  return json;
}

/// An object with exactly one key, which names the kind.
Json oneOfKinds(Json kinds) {
  Json json = object(std::move(kinds));
  json["minProperties"] = 1;
  json["maxProperties"] = 1;
  return json;
}

Json described(std::string_view text, Json json) {
  json["description"] = text;
  return json;
}

void addBounds(Json &json, double min, double max, bool belowMax) {
  auto number = [](double value) -> Json {
    if (value == std::trunc(value) && std::fabs(value) < 1e15)
      return int64_t(value);
    return value;
  };
  if (std::isfinite(min))
    json["minimum"] = number(min);
  if (std::isfinite(max) && max < std::numeric_limits<double>::max())
    json[belowMax ? "exclusiveMaximum" : "maximum"] = number(max);
}

/// A number, which may also be one of the words for what JSON cannot write.
Json number(bool nonFinite = false) {
  if (!nonFinite)
    return {{"type", "number"}};
  return {{"anyOf", {{{"type", "number"}}, ref("non_finite")}}};
}

Json integers(const AttrDef &attr) {
  Json element = {{"type", "integer"}};
  addBounds(element, attr.min, attr.max, attr.belowMax);
  if (attr.pairs) {
    Json pair = listOf(element);
    pair["minItems"] = pair["maxItems"] = 2;
    return listOf(pair);
  }
  if (attr.allowScalar)
    return {{"anyOf", {element, listOf(element)}}};
  return listOf(element);
}

Json sizes(bool names, bool minusOne, bool null) {
  Json options = Json::array();
  options.push_back({{"type", "integer"}, {"minimum", minusOne ? -1 : 0}});
  if (names)
    options.push_back(ref("size_name"));
  if (null)
    options.push_back({{"type", "null"}});
  if (options.size() == 1)
    return listOf(options[0]);
  return listOf({{"anyOf", options}});
}

Json literal() {
  Json element = {{"anyOf",
                   {{{"type", "number"}},
                    {{"type", "boolean"}},
                    ref("non_finite"),
                    listOf(ref("element"))}}};
  return element;
}

Json defaultValue(const AttrValue &value) {
  struct Converter {
    Json operator()(bool v) { return v; }
    Json operator()(int64_t v) { return v; }
    Json operator()(double v) { return v; }
    Json operator()(DType v) { return dtypeName(v); }
    Json operator()(const std::string &v) { return v; }
    Json operator()(const std::vector<int64_t> &v) {
      return v.size() == 1 ? Json(v.front()) : Json(v);
    }
    Json operator()(const Shape &) { return nullptr; }
    Json operator()(const std::shared_ptr<const Literal> &) { return nullptr; }
  };
  return std::visit(Converter(), value);
}

Json attrSchema(const AttrDef &attr) {
  Json json;
  switch (attr.kind) {
  case AttrKind::Bool:
    json = {{"type", "boolean"}};
    break;
  case AttrKind::Int:
    json = {{"type", "integer"}};
    addBounds(json, attr.min, attr.max, attr.belowMax);
    break;
  case AttrKind::Float: {
    Json finite = number();
    addBounds(finite, attr.min, attr.max, attr.belowMax);
    json = attr.allowNonFinite ? Json{{"anyOf", {finite, ref("non_finite")}}}
                               : finite;
    break;
  }
  case AttrKind::DType:
    json = ref("dtype");
    break;
  case AttrKind::Enum:
    json["enum"] = attr.choices;
    break;
  case AttrKind::Ints:
    json = integers(attr);
    break;
  case AttrKind::Dims:
    json = sizes(attr.allowNames, attr.allowMinusOne, attr.allowNull);
    break;
  case AttrKind::Value:
    json = {{"anyOf",
             {ref("element"),
              object({{"weights", {{"type", "string"}}}}, {"weights"})}}};
    break;
  }
  if (attr.defaultValue)
    json["default"] = defaultValue(*attr.defaultValue);
  if (!attr.doc.empty())
    json["description"] =
        attr.optional ? cat("default: ", attr.doc) : std::string(attr.doc);
  return json;
}

/// What follows from the name of the op.
Json opSchema(const OpDef &def) {
  Json attrs = Json::object();
  std::vector<std::string> required;
  for (const AttrDef &attr : def.attrs) {
    attrs[std::string(attr.name)] = attrSchema(attr);
    if (!attr.defaultValue && !attr.optional)
      required.emplace_back(attr.name);
  }
  Json inputs = {{"minItems", def.minOperands()}};
  if (def.maxOperands() != SIZE_MAX)
    inputs["maxItems"] = def.maxOperands();
  inputs["description"] = def.signature();
  Json then = {
      {"properties", {{"inputs", inputs}, {"attrs", object(attrs, required)}}}};
  Json needed = Json::array();
  if (def.minOperands())
    needed.push_back("inputs");
  if (!required.empty())
    needed.push_back("attrs");
  if (!needed.empty())
    then["required"] = needed;
  if (!def.doc.empty())
    then["description"] = def.doc;
  return then;
}

Json nodeSchema() {
  Json names = Json::array(), rules = Json::array();
  for (const OpDef &def : allOps()) {
    names.push_back(def.name);
    rules.push_back({{"if", {{"properties", {{"op", {{"const", def.name}}}}}}},
                     {"then", opSchema(def)}});
  }
  Json node = object(
      {{"name", ref("name")},
       {"doc", ref("doc")},
       {"op",
        {{"anyOf",
          {{{"enum", names}}, {{"type", "string"}, {"pattern", "\\."}}}},
         {"description", "an op of the table, or any name with a dot"}}},
       {"inputs", listOf(ref("value"))},
       {"attrs", {{"type", "object"}}},
       {"precision", described("a pin: the type that this node computes in",
                               {{"enum", {"float32", "float16", "bfloat16"}}})},
       {"origin",
        described("of a generated node: the node it comes from", ref("name"))},
       {"types", described("one type per result, in rewritten files",
                           listOf(object({{"dtype", ref("dtype")},
                                          {"shape", sizes(true, false, true)}},
                                         {"dtype", "shape"})))}},
      {"name", "op"});
  node["allOf"] = rules;
  return node;
}

Json initSchema() {
  Json seed = {{"type", "integer"}};
  Json none = object(Json::object()), seeded = object({{"seed", seed}});
  auto real = [](double value) {
    Json json = number();
    json["default"] = value;
    return json;
  };
  Json kinds = {
      {"zeros", none},
      {"ones", none},
      {"constant", object({{"value", number(true)}}, {"value"})},
      {"uniform",
       object({{"low", real(-0.05)}, {"high", real(0.05)}, {"seed", seed}})},
      {"normal",
       object({{"mean", real(0)}, {"stddev", real(0.05)}, {"seed", seed}})}};
  for (const char *kind :
       {"glorot_uniform", "glorot_normal", "he_uniform", "he_normal"})
    kinds[kind] = seeded;
  return oneOfKinds(kinds);
}

Json optimizerSchema() {
  Json kinds = Json::object();
  for (const OptimizerDef &optimizer : kOptimizers) {
    Json params = Json::object();
    for (const OptimizerParam &param : optimizer.params) {
      Json json;
      if (param.isBool) {
        json = {{"type", "boolean"}, {"default", param.defaultValue != 0}};
      } else {
        json = number();
        addBounds(json, param.min, param.max, param.belowMax);
        json["default"] = param.defaultValue;
      }
      params[std::string(param.name)] = json;
    }
    kinds[std::string(optimizer.kind)] = object(params);
  }
  return oneOfKinds(kinds);
}

Json trainingSchema() {
  Json steps = {{"type", "integer"}, {"minimum", 0}};
  Json schedule = object(
      {{"warmup_steps", steps}, {"total_steps", steps}, {"end", number()}});
  Json positive = {{"type", "number"}, {"exclusiveMinimum", 0}};
  return object(
      {{"loss", described("a float32 scalar among the outputs", ref("value"))},
       {"optimizer", optimizerSchema()},
       {"variables", described("names to train; default all trainable ones",
                               listOf(ref("name")))},
       {"clip_norm", positive},
       {"accumulate_steps", {{"type", "integer"}, {"minimum", 1}}},
       {"schedule", oneOfKinds({{"constant", schedule},
                                {"linear", schedule},
                                {"cosine", schedule}})},
       {"no_decay", listOf(ref("name"))},
       {"gradients",
        {{"type", "object"}, {"additionalProperties", ref("value")}}},
       {"loss_gradient", ref("value")}},
      {"loss", "optimizer"});
}

Json definitions() {
  Json dtypes = Json::array();
  for (size_t i = 0; i < numDTypes; ++i)
    dtypes.push_back(dtypeName(DType(i)));
  Json text = {{"type", "string"}};
  Json tensor = {
      {"name", ref("name")}, {"dtype", ref("dtype")}, {"shape", ref("shape")}};
  Json variable =
      object({{"name", ref("name")},
              {"doc", ref("doc")},
              {"dtype", ref("dtype")},
              {"shape", sizes(false, false, false)},
              {"init", initSchema()},
              {"weights", described("an entry of the weights file", text)},
              {"trainable", {{"type", "boolean"}, {"default", true}}}},
             {"name", "dtype", "shape"});
  variable["oneOf"] = {{{"required", {"init"}}}, {{"required", {"weights"}}}};
  Json output = {
      {"anyOf",
       {ref("name"), object({{"name", ref("name")}, {"value", ref("value")}},
                            {"name", "value"})}}};
  return {
      {"name",
       {{"type", "string"},
        {"minLength", 1},
        {"maxLength", 1024},
        {"pattern", "^[^:\\u0000-\\u001f\\u007f]+$"}}},
      {"value",
       {{"type", "string"},
        {"minLength", 1},
        {"pattern", "^[^:\\u0000-\\u001f\\u007f]+(:[0-9]+)?$"},
        {"description", "n is the first result of node n, n:1 its second"}}},
      {"doc", {{"anyOf", {text, listOf(text)}}}},
      {"dtype", {{"enum", dtypes}}},
      {"size_name",
       described("a size known only at run time; one name is one size in a "
                 "function",
                 ref("name"))},
      {"shape", sizes(true, false, false)},
      {"non_finite", {{"enum", {"inf", "-inf", "nan"}}}},
      {"element", literal()},
      {"input", object(tensor, {"name", "dtype", "shape"})},
      {"variable", variable},
      {"output", output},
      {"training", trainingSchema()},
      {"node", nodeSchema()},
      {"function", object({{"name", ref("name")},
                           {"doc", ref("doc")},
                           {"inputs", listOf(ref("input"))},
                           {"nodes", listOf(ref("node"))},
                           {"outputs", listOf(ref("output"))},
                           {"training", ref("training")}},
                          {"name"})}};
}

} // namespace

std::string jsonSchema() {
  Json schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                 {"title", "Amp graph file, version 1.0"},
                 {"description",
                  "Generated from the op table by amp-opset-doc; "
                  "docs/GraphFile.md explains the format."}};
  schema.update(
      object({{"$schema", {{"type", "string"}}},
              {"format", {{"const", "amp-graph"}}},
              {"version", {{"type", "string"}, {"pattern", "^1\\.[0-9]+$"}}},
              {"name", {{"type", "string"}}},
              {"doc", ref("doc")},
              {"weights", described("a safetensors file next to this one",
                                    {{"type", "string"}})},
              {"variables", listOf(ref("variable"))},
              {"functions", listOf(ref("function"))}},
             {"format", "version"}));
  schema["$defs"] = definitions();
  return schema.dump(1) + "\n";
}

} // namespace amp::opset
