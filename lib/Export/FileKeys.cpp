//===- FileKeys.cpp - What of a graph file is no node ---------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The inverse of what the import makes of these parts.
//===----------------------------------------------------------------------===//

#include "FileKeys.h"

#include "amp/OpSet/Optimizers.h"

using namespace amp;
using namespace amp::graph;
using namespace mlir;
namespace gf = amp::graphfile;

void amp::readDoc(Attribute attr, gf::Doc &doc, bool &isString) {
  isString = true;
  if (auto text = dyn_cast_or_null<StringAttr>(attr))
    doc.push_back(view(text.getValue()));
  auto lines = dyn_cast_or_null<ArrayAttr>(attr);
  if (!lines)
    return;
  isString = false;
  for (auto line : lines.getAsRange<StringAttr>())
    doc.push_back(view(line.getValue()));
}

void amp::exportFileKeys(ModuleOp module, gf::GraphFile &file) {
  file.version = "1.0";
  auto keys = module->getAttrOfType<DictionaryAttr>(kFileAttr);
  if (!keys)
    return;
  auto text = [&](StringRef key, std::string_view &field) {
    if (auto attr = keys.getAs<StringAttr>(key))
      field = view(attr.getValue());
  };
  text("version", file.version);
  text("schema", file.schema);
  text("name", file.name);
  text("weights", file.weights);
  readDoc(keys.get("doc"), file.doc, file.docIsString);
}

/// Settings are bools, integers and numbers.
static AttrValue settingValue(Attribute attr) {
  if (auto flag = dyn_cast<BoolAttr>(attr))
    return flag.getValue();
  if (auto number = dyn_cast<IntegerAttr>(attr))
    return number.getInt();
  if (auto real = dyn_cast<FloatAttr>(attr))
    return real.getValueAsDouble();
  return std::string();
}

/// A kind and its numbers, in the order in which they are documented.
static gf::Setting settingOf(DictionaryAttr dictionary) {
  gf::Setting setting;
  if (auto kind = dictionary.getAs<StringAttr>("kind"))
    setting.kind = view(kind.getValue());
  std::vector<std::string_view> order;
  if (const OptimizerDef *optimizer = findOptimizer(setting.kind))
    for (const OptimizerParam &param : optimizer->params)
      order.push_back(param.name);
  else
    order = {"value", "low",          "high",        "mean", "stddev",
             "seed",  "warmup_steps", "total_steps", "end"};
  for (std::string_view name : order) {
    Attribute attr = dictionary.get(StringRef(name.data(), name.size()));
    if (!attr)
      continue;
    Attr &param = setting.params.emplace_back();
    param.name = name;
    param.value = settingValue(attr);
  }
  return setting;
}

void amp::nameSizes(amp::TensorType &type, ArrayAttr sizes) {
  if (type.shape.size() != sizes.size())
    return;
  for (auto [dim, size] : llvm::zip(type.shape, sizes))
    if (auto name = dyn_cast<StringAttr>(size); name && dim.isUnknown())
      dim = Dim::named(view(name.getValue()));
}

gf::Variable amp::exportVariable(VariableOp op) {
  gf::Variable variable;
  variable.name = view(op.getSymName());
  variable.type = *toTensorType(op.getType());
  if (std::optional<DictionaryAttr> init = op.getInit())
    variable.init = settingOf(*init);
  if (std::optional<StringRef> weights = op.getWeights())
    variable.weights = view(*weights);
  variable.trainable = op.getTrainable();
  if (std::optional<ArrayAttr> names = op.getShapeNames())
    nameSizes(variable.type, *names);
  readDoc(op->getAttr(kDocAttr), variable.doc, variable.docIsString);
  return variable;
}

/// "n" or "n:1", as attributes of the training section hold it.
static gf::ValueName parseValue(StringRef text) {
  auto [name, number] = text.rsplit(':');
  gf::ValueName value;
  value.name = view(name);
  if (!number.empty() && number.getAsInteger(10, value.result))
    value = {view(text), 0};
  return value;
}

gf::Training amp::exportTraining(DictionaryAttr dictionary) {
  gf::Training training;
  auto names = [&](ArrayAttr array) {
    std::vector<gf::ValueName> list;
    for (auto name : array.getAsRange<StringAttr>())
      list.push_back(parseValue(name.getValue()));
    return list;
  };
  if (auto loss = dictionary.getAs<StringAttr>("loss"))
    training.loss = parseValue(loss.getValue());
  if (auto optimizer = dictionary.getAs<DictionaryAttr>("optimizer"))
    training.optimizer = settingOf(optimizer);
  if (auto variables = dictionary.getAs<ArrayAttr>("variables"))
    training.variables = names(variables);
  if (auto norm = dictionary.getAs<FloatAttr>("clip_norm"))
    training.clipNorm = norm.getValueAsDouble();
  if (auto steps = dictionary.getAs<IntegerAttr>("accumulate_steps"))
    training.accumulateSteps = steps.getInt();
  if (auto schedule = dictionary.getAs<DictionaryAttr>("schedule"))
    training.schedule = settingOf(schedule);
  if (auto noDecay = dictionary.getAs<ArrayAttr>("no_decay"))
    training.noDecay = names(noDecay);
  if (auto gradients = dictionary.getAs<DictionaryAttr>("gradients")) {
    auto add = [&](StringAttr variable) {
      if (auto value = gradients.getAs<StringAttr>(variable))
        training.gradients.push_back(
            {view(variable.getValue()), parseValue(value.getValue())});
    };
    // A dictionary is sorted; the file's order stands beside it.
    if (auto order = dictionary.getAs<ArrayAttr>("gradients_order"))
      llvm::for_each(order.getAsRange<StringAttr>(), add);
    else
      for (NamedAttribute gradient : gradients)
        add(gradient.getName());
  }
  if (auto seed = dictionary.getAs<StringAttr>("loss_gradient"))
    training.lossGradient = parseValue(seed.getValue());
  return training;
}

std::shared_ptr<const Literal> amp::exportLiteral(ConstantOp constant) {
  auto literal = std::make_shared<Literal>();
  if (std::optional<StringRef> weights = constant.getWeights()) {
    literal->weights = weights->str();
    return literal;
  }
  auto value = cast<DenseElementsAttr>(*constant.getValue());
  auto nesting = constant->getAttrOfType<DenseI64ArrayAttr>(kNestingAttr);
  literal->splat = value.isSplat() && !nesting && value.getNumElements() != 0;
  if (!literal->splat) {
    ArrayRef<int64_t> sizes =
        nesting ? nesting.asArrayRef() : value.getType().getShape();
    literal->nesting.assign(sizes.begin(), sizes.end());
  }
  int64_t count = literal->splat ? 1 : value.getNumElements();
  Type element = value.getElementType();
  auto copy = [&](auto values, auto &to) {
    to.assign(values.begin(), values.begin() + count);
  };
  if (element.isF32())
    copy(value.getValues<float>(), literal->floats);
  else if (element.isF64())
    copy(value.getValues<double>(), literal->floats);
  else if (element.isSignlessInteger(32))
    copy(value.getValues<int32_t>(), literal->ints);
  else if (element.isSignlessInteger(64))
    copy(value.getValues<int64_t>(), literal->ints);
  else if (isa<FloatType>(element)) {
    auto values = value.getValues<APFloat>();
    literal->floats.reserve(count);
    for (APFloat number :
         llvm::make_range(values.begin(), values.begin() + count)) {
      bool lossy;
      number.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven,
                     &lossy);
      literal->floats.push_back(number.convertToDouble());
    }
  } else {
    auto values = value.getValues<APInt>();
    bool isUnsigned = element.isUnsignedInteger() || element.isInteger(1);
    literal->ints.reserve(count);
    for (const APInt &number :
         llvm::make_range(values.begin(), values.begin() + count))
      literal->ints.push_back(isUnsigned ? int64_t(number.getZExtValue())
                                         : number.getSExtValue());
  }
  return literal;
}
