//===- ParseFile.cpp - Variables, functions, training, the file ------------
//-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The elements that hold nodes, and the keys of the file itself.
//===----------------------------------------------------------------------===//

#include "Parse.h"
#include "amp/OpSet/Optimizers.h"

#include <cmath>
#include <limits>

using namespace amp;
using namespace amp::graphfile;

std::optional<Input> ElementParser::parseInput(Json json) {
  static constexpr KeyDef keys[] = {
      {"name", true}, {"dtype", true}, {"shape", true}};
  auto values = parseKeys(json, keys, "an input");
  if (values.empty())
    return std::nullopt;
  auto name = parseName(*values[0], "the name of an input");
  auto dtype = parseDTypeOf(*values[1]);
  auto shape = parseShape(*values[2]);
  if (!name || !dtype || !shape)
    return std::nullopt;
  return Input{*name, {*dtype, std::move(*shape)}, values[0]->at()};
}

std::optional<Variable> ElementParser::parseVariable(Json json) {
  static constexpr KeyDef keys[] = {{"name", true},  {"doc"},  {"dtype", true},
                                    {"shape", true}, {"init"}, {"weights"},
                                    {"trainable"}};
  auto values = parseKeys(json, keys, "a variable");
  if (values.empty())
    return std::nullopt;
  Variable variable;
  variable.at = values[0]->at();
  auto name = parseName(*values[0], "the name of a variable");
  auto dtype = parseDTypeOf(*values[2]);
  auto shape = parseShape(*values[3]);
  if (!name || !dtype || !shape)
    return std::nullopt;
  variable.name = *name;
  variable.type = {*dtype, std::move(*shape)};
  for (const Dim &dim : variable.type.shape)
    if (!dim.isFixed()) {
      error(values[3]->at(), "the sizes of a variable are numbers, not names");
      return std::nullopt;
    }
  if (values[1] && !parseDoc(*values[1], variable.doc, variable.docIsString))
    return std::nullopt;
  if (values[4].has_value() == values[5].has_value()) {
    error(json.at(), values[4] ? "variable '" + std::string(*name) +
                                     "' has both 'init' and 'weights'"
                               : "variable '" + std::string(*name) +
                                     "' has neither 'init' nor 'weights'");
    return std::nullopt;
  }
  if (values[4]) {
    variable.init = parseSetting(*values[4], "init");
    if (!variable.init || !parseInitParams(*values[4], *dtype, *variable.init))
      return std::nullopt;
    if (!isFloating(*dtype) && variable.init->kind != "zeros" &&
        variable.init->kind != "ones" && variable.init->kind != "constant") {
      error(values[4]->at(), "init '" + std::string(variable.init->kind) +
                                 "' needs a floating dtype, not " +
                                 std::string(dtypeName(*dtype)));
      return std::nullopt;
    }
  } else {
    variable.weightsAt = values[5]->at();
    if (!expect(*values[5], TokenKind::String, "the name of an entry"))
      return std::nullopt;
    variable.weights = string(*values[5]);
    if (variable.weights.empty()) {
      error(values[5]->at(), "the name of an entry is empty");
      return std::nullopt;
    }
  }
  if (values[6]) {
    auto trainable = parseBool(*values[6]);
    if (!trainable)
      return std::nullopt;
    variable.trainable = *trainable;
  }
  return variable;
}

/// `{"KIND": {params}}`, kind and parameters not yet looked at.
std::optional<Setting> ElementParser::parseSetting(Json json,
                                                   std::string_view what) {
  std::string_view example = what == "init"        ? R"({"zeros": {}})"
                             : what == "optimizer" ? R"({"rmsprop": {}})"
                                                   : R"({"cosine": {}})";
  if (!expect(json, TokenKind::Object,
              "an object such as " + std::string(example)))
    return std::nullopt;
  Json::Walk walk = json.walk();
  if (walk.done()) {
    error(json.at(), std::string(what) + " names no kind");
    return std::nullopt;
  }
  Json kind = walk.value();
  walk.next();
  Json params = walk.value();
  walk.next();
  if (!walk.done()) {
    error(walk.value().at(), std::string(what) + " names more than one kind");
    return std::nullopt;
  }
  if (!expect(params, TokenKind::Object, "an object"))
    return std::nullopt;
  Setting setting;
  setting.kind = string(kind);
  setting.at = kind.at();
  return setting;
}

namespace {

/// A parameter of an init or a schedule.
struct ParamDef {
  std::string_view name;
  bool isInteger = false;
  double min = -std::numeric_limits<double>::max();
  bool required = false;
};
struct KindDef {
  std::string_view kind;
  Span<ParamDef> params;
};

constexpr ParamDef kValue[] = {{"value"}};
constexpr ParamDef kUniform[] = {{"low"}, {"high"}, {"seed", true, 0}};
constexpr ParamDef kNormal[] = {
    {"mean"}, {"stddev", false, 0}, {"seed", true, 0}};
constexpr ParamDef kSeed[] = {{"seed", true, 0}};
constexpr KindDef kInits[] = {{"zeros", {}},
                              {"ones", {}},
                              {"constant", kValue},
                              {"uniform", kUniform},
                              {"normal", kNormal},
                              {"glorot_uniform", kSeed},
                              {"glorot_normal", kSeed},
                              {"he_uniform", kSeed},
                              {"he_normal", kSeed}};

constexpr ParamDef kSchedule[] = {
    {"warmup_steps", true, 0}, {"total_steps", true, 1}, {"end", false, 0}};
constexpr KindDef kSchedules[] = {
    {"constant", kSchedule}, {"linear", kSchedule}, {"cosine", kSchedule}};

const KindDef *findKind(Span<KindDef> kinds, std::string_view kind) {
  for (const KindDef &def : kinds)
    if (def.kind == kind)
      return &def;
  return nullptr;
}

} // namespace

/// The object behind the only key of a setting.
static Json settingParams(Json json) {
  Json::Walk walk = json.walk();
  walk.next();
  return walk.value();
}

/// A parameter out of its range, with the number as the file writes it.
void ElementParser::outOfRange(Json json, std::string_view name,
                               std::string_view expected) {
  std::string_view written = source.text().substr(json.at(), 32);
  written = written.substr(0, written.find_first_not_of("0123456789+-.eE"));
  error(json.at(), "'" + std::string(name) + "' is " + std::string(written) +
                       ", expected " + std::string(expected));
}

bool ElementParser::parseInitParams(Json json, DType dtype, Setting &setting) {
  const KindDef *kind = findKind(kInits, setting.kind);
  if (!kind) {
    std::vector<std::string_view> names;
    for (const KindDef &def : kInits)
      names.push_back(def.kind);
    error(setting.at, "unknown init '" + std::string(setting.kind) + "'" +
                          suggest(setting.kind, names) + versionNote());
    return false;
  }
  std::vector<KeyDef> keys;
  for (const ParamDef &param : kind->params)
    keys.push_back({param.name, setting.kind == "constant"});
  Json params = settingParams(json);
  if (keys.empty()) {
    if (params.walk().done())
      return true;
    error(params.walk().value().at(),
          "init '" + std::string(setting.kind) + "' takes no parameters");
    return false;
  }
  auto values =
      parseKeys(params, keys, "init '" + std::string(setting.kind) + "'");
  if (values.empty())
    return false;
  for (size_t i = 0; i < keys.size(); ++i) {
    if (!values[i])
      continue;
    const ParamDef &param = kind->params[i];
    AttrValue value;
    if (param.isInteger || values[i]->kind() == TokenKind::Integer) {
      auto integer =
          parseInteger(*values[i],
                       param.isInteger ? static_cast<int64_t>(param.min)
                                       : std::numeric_limits<int64_t>::min(),
                       std::numeric_limits<int64_t>::max());
      if (!integer)
        return false;
      value = *integer;
      // Only an integer variable needs the exact integer.
      if (!param.isInteger && setting.kind != "constant")
        value = values[i]->real();
    } else {
      auto real = parseReal(*values[i], setting.kind == "constant");
      if (!real)
        return false;
      value = *real;
    }
    if (!param.isInteger && std::holds_alternative<double>(value) &&
        std::get<double>(value) < param.min) {
      // Only 'stddev' has a bound, and it is 0.
      outOfRange(*values[i], param.name, "at least 0");
      return false;
    }
    // As an element of a constant: integers for integers, nothing infinite.
    Literal element;
    if (setting.kind == "constant" && !parseElement(*values[i], dtype, element))
      return false;
    setting.params.push_back({param.name, value});
    setting.paramsAt.push_back(values[i]->at());
  }
  if (setting.kind == "uniform") {
    double low = values[0] ? values[0]->real() : -0.05;
    double high = values[1] ? values[1]->real() : 0.05;
    if (low > high) {
      error(values[1] ? values[1]->at() : values[0]->at(),
            "'low' is above 'high'");
      return false;
    }
  }
  return true;
}

bool ElementParser::parseOptimizerParams(Json json, Setting &setting) {
  const OptimizerDef *def = findOptimizer(setting.kind);
  if (!def) {
    std::vector<std::string_view> names;
    for (const OptimizerDef &known : kOptimizers)
      names.push_back(known.kind);
    error(setting.at, "unknown optimizer '" + std::string(setting.kind) + "'" +
                          suggest(setting.kind, names) + versionNote());
    return false;
  }
  std::vector<KeyDef> keys;
  for (const OptimizerParam &param : def->params)
    keys.push_back({param.name});
  auto values = parseKeys(settingParams(json), keys,
                          "optimizer '" + std::string(setting.kind) + "'");
  if (values.empty())
    return false;
  for (size_t i = 0; i < keys.size(); ++i) {
    if (!values[i])
      continue;
    const OptimizerParam &param = def->params[i];
    if (param.isBool) {
      auto flag = parseBool(*values[i]);
      if (!flag)
        return false;
      setting.params.push_back({param.name, *flag});
    } else {
      auto real = parseReal(*values[i], /*allowNonFinite=*/false);
      if (!real)
        return false;
      if (*real < param.min || *real > param.max ||
          (param.belowMax && *real == param.max)) {
        outOfRange(*values[i], param.name,
                   param.max <= 1
                       ? param.belowMax ? "from 0 to below 1" : "from 0 to 1"
                   : *real > param.max ? "a number that fits float32"
                                       : "at least 0");
        return false;
      }
      setting.params.push_back({param.name, *real});
    }
    setting.paramsAt.push_back(values[i]->at());
  }
  return true;
}

bool ElementParser::parseScheduleParams(Json json, Setting &setting) {
  const KindDef *kind = findKind(kSchedules, setting.kind);
  if (!kind) {
    std::string_view names[] = {"constant", "linear", "cosine"};
    error(setting.at, "unknown schedule '" + std::string(setting.kind) + "'" +
                          suggest(setting.kind, names) + versionNote());
    return false;
  }
  static constexpr KeyDef keys[] = {{"warmup_steps"}, {"total_steps"}, {"end"}};
  auto values = parseKeys(settingParams(json), keys,
                          "schedule '" + std::string(setting.kind) + "'");
  if (values.empty())
    return false;
  for (size_t i = 0; i < 3; ++i) {
    if (!values[i])
      continue;
    if (kSchedule[i].isInteger) {
      auto steps = parseInteger(*values[i], kSchedule[i].min,
                                std::numeric_limits<int64_t>::max());
      if (!steps)
        return false;
      setting.params.push_back({keys[i].name, *steps});
    } else {
      auto real = parseReal(*values[i], /*allowNonFinite=*/false);
      if (!real)
        return false;
      if (*real < 0) {
        outOfRange(*values[i], keys[i].name, "at least 0");
        return false;
      }
      setting.params.push_back({keys[i].name, *real});
    }
    setting.paramsAt.push_back(values[i]->at());
  }
  return true;
}

std::vector<Output> ElementParser::parseOutputs(Json json) {
  std::vector<Output> outputs;
  if (!expect(json, TokenKind::Array, "a list of outputs"))
    return outputs;
  for (Json::Walk walk = json.walk(); !walk.done(); walk.next()) {
    Json element = walk.value();
    if (element.isString()) {
      if (element.string().find(':') != std::string_view::npos) {
        error(element.at(), "an output that is not the first result needs the "
                            "form {\"name\": …, \"value\": …}");
        continue;
      }
      if (auto name = parseName(element, "the name of an output"))
        outputs.push_back({*name, {*name, 0, element.at()}, element.at()});
      continue;
    }
    static constexpr KeyDef keys[] = {{"name", true}, {"value", true}};
    auto values = parseKeys(element, keys, "an output");
    if (values.empty())
      continue;
    auto name = parseName(*values[0], "the name of an output");
    auto value = parseValueName(*values[1]);
    if (name && value)
      outputs.push_back({*name, *value, values[0]->at()});
  }
  return outputs;
}

std::optional<Training> ElementParser::parseTraining(Json json) {
  static constexpr KeyDef keys[] = {
      {"loss", true}, {"optimizer", true},  {"variables"},
      {"clip_norm"},  {"accumulate_steps"}, {"schedule"},
      {"no_decay"},   {"gradients"},        {"loss_gradient"}};
  auto values = parseKeys(json, keys, "training");
  if (values.empty())
    return std::nullopt;
  Training training;
  training.at = json.at();
  auto loss = parseValueName(*values[0]);
  training.optimizer = parseSetting(*values[1], "optimizer");
  if (!loss || !training.optimizer ||
      !parseOptimizerParams(*values[1], *training.optimizer))
    return std::nullopt;
  training.loss = *loss;
  if (values[2])
    training.variables = parseValueNames(*values[2]);
  if (values[3]) {
    training.clipNormAt = values[3]->at();
    training.clipNorm = parseReal(*values[3], /*allowNonFinite=*/false);
    if (training.clipNorm && *training.clipNorm <= 0)
      outOfRange(*values[3], "clip_norm", "more than 0");
  }
  if (values[4]) {
    training.accumulateStepsAt = values[4]->at();
    training.accumulateSteps =
        parseInteger(*values[4], 1, std::numeric_limits<int32_t>::max());
  }
  if (values[5]) {
    training.schedule = parseSetting(*values[5], "schedule");
    if (!training.schedule ||
        !parseScheduleParams(*values[5], *training.schedule))
      return std::nullopt;
  }
  if (values[6]) {
    training.noDecayAt = values[6]->at();
    training.noDecay = parseValueNames(*values[6]);
  }
  if (values[7]) {
    training.gradientsAt = values[7]->at();
    if (!expect(*values[7], TokenKind::Object, "an object"))
      return std::nullopt;
    for (Json::Walk walk = values[7]->walk(); !walk.done();) {
      Json key = walk.value();
      walk.next();
      auto value = parseValueName(walk.value());
      walk.next();
      if (value)
        training.gradients.push_back({string(key), *value, key.at()});
    }
  }
  if (values[8])
    training.lossGradient = parseValueName(*values[8]);
  return training;
}

void ElementParser::parseFunctionKeys(Json json, Function &function) {
  static constexpr KeyDef keys[] = {{"name", true},    {"doc"},
                                    {"inputs"},        {"nodes", true},
                                    {"outputs", true}, {"training"}};
  auto values = parseKeys(json, keys, "a function");
  if (values.empty())
    return;
  if (auto name = parseName(*values[0], "the name of a function"))
    function.name = *name;
  function.at = values[0]->at();
  if (values[1])
    parseDoc(*values[1], function.doc, function.docIsString);
  // Elements that are objects were taken off the tape; what is left is wrong.
  for (int i : {2, 3})
    if (values[i] && expect(*values[i], TokenKind::Array, "a list"))
      if (Json::Walk walk = values[i]->walk(); !walk.done())
        expect(walk.value(), TokenKind::Object, "an object");
  function.outputs = parseOutputs(*values[4]);
  if (values[5])
    function.training = parseTraining(*values[5]);
}

void ElementParser::parseFileKeys(Json json, GraphFile &file) {
  static constexpr KeyDef keys[] = {
      {"$schema"}, {"format", true}, {"version", true}, {"name"},
      {"doc"},     {"weights"},      {"variables"},     {"functions", true}};
  auto values = parseKeys(json, keys, "a graph file");
  if (values.empty())
    return;
  if (values[0] && expect(*values[0], TokenKind::String, "a string"))
    file.schema = string(*values[0]);
  if (expect(*values[1], TokenKind::String, "a string") &&
      values[1]->string() != "amp-graph")
    error(values[1]->at(), "expected format 'amp-graph', not '" +
                               std::string(values[1]->string()) + "'");
  if (expect(*values[2], TokenKind::String, "a string")) {
    file.version = string(*values[2]);
    std::string_view minor = file.version;
    bool good =
        minor.substr(0, 2) == "1." && minor.size() > 2 &&
        minor.find_first_not_of("0123456789", 2) == std::string_view::npos;
    if (!good)
      error(values[2]->at(), "expected a version such as '1.0', not '" +
                                 std::string(file.version) + "'");
  }
  if (values[3] && expect(*values[3], TokenKind::String, "a string"))
    file.name = string(*values[3]);
  if (values[4])
    parseDoc(*values[4], file.doc, file.docIsString);
  if (values[5] && expect(*values[5], TokenKind::String, "a path")) {
    file.weights = string(*values[5]);
    file.weightsAt = values[5]->at();
    if (file.weights.empty())
      error(file.weightsAt, "the path is empty");
  }
  for (int i : {6, 7})
    if (values[i] && expect(*values[i], TokenKind::Array, "a list"))
      if (Json::Walk walk = values[i]->walk(); !walk.done())
        expect(walk.value(), TokenKind::Object, "an object");
}
