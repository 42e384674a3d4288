//===- ForeignModels.cpp - A models file, as ops are asked ----------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// From descriptions to the table, and casts and constants by the names that the
// file gives.
//===----------------------------------------------------------------------===//

#include "amp/Analysis/ForeignModels.h"

#include "amp/Interfaces/Constants.h"
#include "amp/Interfaces/ElementTypes.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/TypeUtilities.h"

using namespace amp;
using namespace mlir;

namespace {

DenseFPElementsAttr elementsOf(Operation *constant, llvm::StringRef attr) {
  auto value = dyn_cast_or_null<DenseFPElementsAttr>(constant->getAttr(attr));
  if (!value || !value.getElementType().isF32() ||
      constant->getNumResults() != 1 ||
      constant->getResult(0).getType() != value.getType())
    return {};
  return value;
}

/// What the pass asks a dialect, answered by names.
class DataDialect : public PrecisionDialectInterface {
public:
  explicit DataDialect(const DialectDescription &description)
      : PrecisionDialectInterface(nullptr), description(description) {}

  Value buildCast(OpBuilder &builder, Location loc, Value value,
                  FloatType type) const override {
    MLIRContext *context = builder.getContext();
    OperationName name(description.cast, context);
    // Who has the ops in a module allows them; a pass must not be the first.
    if (!name.isRegistered() && !context->allowsUnregisteredDialects())
      return {};
    OperationState state(loc, name);
    state.addOperands(value);
    state.addTypes(withElementType(value.getType(), type));
    return builder.create(state)->getResult(0);
  }

  bool isCast(Operation *op) const override {
    return op->getName().getStringRef() == description.cast;
  }

  void retargetCast(Operation *cast, FloatType type) const override {
    Value result = cast->getResult(0);
    result.setType(withElementType(result.getType(), type));
  }

  bool isConvertibleConstant(Operation *op) const override {
    return !description.constant.empty() &&
           op->getName().getStringRef() == description.constant &&
           elementsOf(op, description.constantAttribute);
  }

  Operation *buildConvertedConstant(OpBuilder &builder, Operation *constant,
                                    FloatType type) const override {
    DenseFPElementsAttr value =
        elementsOf(constant, description.constantAttribute);
    if (!value)
      return nullptr;
    DenseElementsAttr converted = convertSaturating(value, type);
    Operation *twin = builder.clone(*constant);
    twin->setAttr(description.constantAttribute, converted);
    twin->getResult(0).setType(converted.getType());
    return twin;
  }

  bool isVariableRead(Operation *) const override { return false; }

private:
  const DialectDescription &description;
};

OpModel makeModel(const OpDescription &op, const OpModelTable &table) {
  OpModel model;
  model.as = op.listing.as;
  model.isLoss = op.isLoss;
  model.retypesRegions = op.retypesRegions;
  model.regionOps = &table;
  model.flow = op.flow;
  for (const OpDescription::Group &from : op.groups) {
    OpModel::Group group;
    group.allOperands = from.allOperands;
    group.allResults = from.allResults;
    group.operands.assign(from.operands.begin(), from.operands.end());
    group.results.assign(from.results.begin(), from.results.end());
    group.operandsFrom = from.operandsFrom;
    group.typeAttr = from.attribute;
    group.supportsFloat16 = from.float16;
    group.supportsBFloat16 = from.bfloat16;
    model.groups.push_back(std::move(group));
  }
  for (const auto &body : op.bodies)
    model.bodies[body.first] = {op.variantName(body.first), body.second.as};
  return model;
}

} // namespace

ForeignModels::ForeignModels(std::shared_ptr<const OpModelsFile> file)
    : source(std::move(file)) {
  for (const OpDescription &op : source->ops)
    ops[op.name] = makeModel(op, ops);
  for (const DialectDescription &dialect : source->dialects) {
    if (!dialect.constant.empty()) {
      OpModel model;
      model.constantAttr = dialect.constantAttribute;
      ops[dialect.constant] = std::move(model);
    }
    if (dialect.cast.empty())
      continue;
    OpModel model;
    model.isCast = true;
    ops[dialect.cast] = std::move(model);
    dialects[dialect.name] = std::make_unique<DataDialect>(dialect);
  }
}

ForeignModels::~ForeignModels() = default;

const PrecisionDialectInterface *
ForeignModels::dialect(llvm::StringRef name) const {
  auto it = dialects.find(name);
  return it == dialects.end() ? nullptr : it->second.get();
}

bool amp::addForeignModels(ModelSet &models, const std::string &nameOrFile,
                           std::vector<PolicyMessage> &messages) {
  std::shared_ptr<const OpModelsFile> file =
      loadOpModels(nameOrFile, messages);
  if (!file)
    return false;
  for (const auto &other : models.foreign())
    for (const OpDescription &op : file->ops)
      if (other->table().count(op.name)) {
        messages.push_back(
            {true, file->locate(op.at, "error: '" + op.name +
                                           "' is described already, by " +
                                           other->file().fileName)});
        return false;
      }
  models.addForeign(std::make_shared<const ForeignModels>(std::move(file)));
  return true;
}

/// What is wrong with naming an op in a context that has its dialect; empty for
/// nothing.
static std::string missingOp(llvm::StringRef op, MLIRContext *context) {
  Dialect *dialect = context->getLoadedDialect(op.split('.').first);
  if (!dialect || dialect->allowsUnknownOperations() ||
      OperationName(op, context).isRegistered())
    return {};
  std::vector<std::string_view> names;
  for (RegisteredOperationName known : context->getRegisteredOperations())
    if (&known.getDialect() == dialect)
      names.emplace_back(known.getStringRef().data(),
                         known.getStringRef().size());
  std::string_view nearest =
      nearestName(std::string_view(op.data(), op.size()), names);
  return "dialect '" + dialect->getNamespace().str() + "' has no op '" +
         op.str() + "'" +
         (nearest.empty() ? std::string()
                          : "; did you mean '" + std::string(nearest) + "'?");
}

void amp::checkForeignModels(const ModelSet &models, MLIRContext *context,
                             std::vector<PolicyMessage> &messages) {
  for (const auto &foreign : models.foreign()) {
    const OpModelsFile &file = foreign->file();
    auto report = [&](size_t at, const std::string &problem) {
      if (!problem.empty())
        messages.push_back({true, file.locate(at, "error: " + problem)});
    };
    for (const DialectDescription &dialect : file.dialects) {
      report(dialect.castAt, missingOp(dialect.cast, context));
      report(dialect.constantAt, missingOp(dialect.constant, context));
    }
    for (const OpDescription &op : file.ops) {
      std::string problem = missingOp(op.name, context);
      if (problem.empty() &&
          context->getLoadedDialect(
              llvm::StringRef(op.name).split('.').first) &&
          ModelSet().kindOf(OperationName(op.name, context)).interface)
        problem = "'" + op.name + "' has a model in code, which this one "
                  "would not replace";
      report(op.at, problem);
    }
  }
}
