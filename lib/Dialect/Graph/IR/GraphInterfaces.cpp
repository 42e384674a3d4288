//===- GraphInterfaces.cpp - How passes build and recognise nodes ---------
//-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The dialect's side of mixed precision and loss scaling: casts, converted
// constants, and the ops and state variables of the loss scale.
//===----------------------------------------------------------------------===//

#include "NodeMemo.h"
#include "amp/Dialect/Graph/IR/CastNames.h"
#include "amp/Dialect/Graph/IR/GraphOps.h"
#include "amp/Dialect/Graph/IR/Updates.h"
#include "amp/Interfaces/Constants.h"
#include "mlir/IR/BuiltinAttributes.h"

using namespace mlir;
using namespace amp;
using namespace amp::graph;

void graph::forEachUpdate(
    FuncOp function, llvm::function_ref<void(StringRef, Operation *)> visit) {
  for (Operation &op : function.getBody().front()) {
    auto update = dyn_cast<VariableUpdateOpInterface>(op);
    const OpDef *def = findOp(op.getName().stripDialect());
    if (!update || !def)
      continue;
    for (unsigned i = 0; i < op.getNumOperands(); ++i) {
      const OperandDef *operand = def->operand(i, op.getNumOperands());
      auto read = op.getOperand(i).getDefiningOp<ReadOp>();
      if (operand && operand->isVariable && read)
        visit(read.getVariable(), update);
    }
  }
}

namespace {

struct GraphPrecision : PrecisionDialectInterface {
  GraphPrecision(Dialect *dialect) : PrecisionDialectInterface(dialect) {
    Builder builder(dialect->getContext());
    generatedAttrs = builder.getDictionaryAttr(
        builder.getNamedAttr(kGeneratedAttr, builder.getUnitAttr()));
  }

  Value buildCast(OpBuilder &builder, Location loc, Value value,
                  FloatType type) const override {
    // As createNode makes it, without asking OpSet what a cast makes.
    auto from = dyn_cast<RankedTensorType>(value.getType());
    if (!from || !toDType(from.getElementType())) {
      emitError(loc) << "'cast' cannot take this operand";
      return {};
    }
    CastOp::Properties properties;
    properties.to = TypeAttr::get(type);
    auto name = RegisteredOperationName::lookup(TypeID::get<CastOp>(),
                                                builder.getContext());
    Location place = loc;
    if (!canNameLater(value, loc))
      place = namedLoc(valueName(value) + castSuffix(type).str(), loc);
    Operation *cast = Operation::create(
        place, *name,
        RankedTensorType::get(from.getShape(), type), value, generatedAttrs,
        &properties, /*successors=*/{}, /*numRegions=*/0);
    return builder.insert(cast)->getResult(0);
  }

  bool isCast(Operation *op) const override { return isa<CastOp>(op); }

  void retargetCast(Operation *op, FloatType type) const override {
    auto old = cast<RankedTensorType>(op->getResult(0).getType());
    op->setAttr("to", TypeAttr::get(type));
    op->getResult(0).setType(old.clone(type));
  }

  bool isConvertibleConstant(Operation *op) const override {
    auto constant = dyn_cast<ConstantOp>(op);
    std::optional<ElementsAttr> value =
        constant ? constant.getValue() : std::nullopt;
    return value && isa<DenseFPElementsAttr>(*value);
  }

  Operation *buildConvertedConstant(OpBuilder &builder, Operation *constant,
                                    FloatType type) const override {
    auto value =
        cast<DenseFPElementsAttr>(*cast<ConstantOp>(constant).getValue());
    ElementsAttr converted = amp::convertSaturating(value, type);
    std::string name =
        valueName(constant->getResult(0)) + castSuffix(type).str();
    return createNode(builder, constant->getLoc(), "constant", name, {},
                      builder.getNamedAttr("value", converted));
  }

  bool isVariableRead(Operation *op) const override { return isa<ReadOp>(op); }

  /// Groups, retargeting and the verifier all read OpSet.
  bool needsRehearsal() const override { return false; }

  void nameGenerated(Operation *function) const override {
    if (auto func = dyn_cast<FuncOp>(function))
      graph::nameGenerated(func);
  }

  void getPolicyNames(SmallVectorImpl<StringRef> &names) const override {
    for (const OpDef &def : allOps())
      names.push_back(def.name);
  }

  std::string getInputName(Value value) const override {
    return valueName(value);
  }

  StringRef getOutputName(Operation *function, unsigned index) const override {
    auto func = dyn_cast<FuncOp>(function);
    std::optional<ArrayAttr> names =
        func ? func.getOutputNames() : std::nullopt;
    if (!names || index >= names->size())
      return {};
    return cast<StringAttr>((*names)[index]).getValue();
  }

private:
  /// Of every cast: made by a pass.
  DictionaryAttr generatedAttrs;
};

struct GraphLossScale : LossScaleDialectInterface {
  using LossScaleDialectInterface::LossScaleDialectInterface;

  FailureOr<State> buildState(OpBuilder &builder, Operation *function,
                              const LossScaleParams &params) const override {
    auto func = cast<FuncOp>(function);
    Builder types(builder.getContext());
    State state;
    struct Part {
      StringRef name;
      Type type;
      double initial;
      Value *value;
    };
    const Part parts[] = {
        {"loss_scale/scale", types.getF32Type(), params.initial, &state.scale},
        {"loss_scale/good_steps", types.getI32Type(), 0, &state.goodSteps},
        {"loss_scale/bad_steps", types.getI32Type(), 0, &state.badSteps}};
    for (const Part &part : parts) {
      FailureOr<Value> read =
          stateVariable(builder, func, part.name, part.type, part.initial);
      if (failed(read))
        return failure();
      *part.value = *read;
    }
    return state;
  }

  Value buildFixedScale(OpBuilder &builder, Location loc,
                        float scale) const override {
    auto type = RankedTensorType::get({}, builder.getF32Type());
    return result(createNode(
        builder, loc, "constant", "loss_scale/scale", {},
        builder.getNamedAttr("value", DenseElementsAttr::get(type, scale))));
  }

  bool isScaleLoss(Operation *op) const override {
    return isa<ScaleLossOp>(op);
  }

  Value buildScaleLoss(OpBuilder &builder, Location loc, Value lossGradient,
                       Value scale) const override {
    return result(createNode(builder, loc, "scale_loss",
                             "loss_scale/scale_loss", {lossGradient, scale}));
  }

  Value buildUnscale(OpBuilder &builder, Location loc, Value gradient,
                     Value scale) const override {
    return result(createNode(builder, loc, "unscale",
                             valueName(gradient) + "/unscale",
                             {gradient, scale}));
  }

  Value buildAllFinite(OpBuilder &builder, Location loc,
                       ValueRange gradients) const override {
    return result(createNode(builder, loc, "all_finite",
                             "loss_scale/all_finite", gradients));
  }

  Value buildAnd(OpBuilder &builder, Location loc, Value a,
                 Value b) const override {
    return result(createNode(builder, loc, "logical_and",
                             "loss_scale/condition", {a, b}));
  }

  void buildUpdate(OpBuilder &builder, Location loc, const State &state,
                   Value finite, Value condition,
                   const LossScaleParams &params) const override {
    auto integer = [&](StringRef name, int64_t value) {
      return builder.getNamedAttr(name, builder.getI64IntegerAttr(value));
    };
    auto real = [&](StringRef name, double value) {
      return builder.getNamedAttr(name, builder.getF64FloatAttr(value));
    };
    NamedAttribute attrs[] = {integer("growth_steps", params.growthSteps),
                              real("growth", params.growth),
                              real("backoff", params.backoff),
                              real("min", params.min),
                              real("max", params.max),
                              integer("decrease_every", params.decreaseEvery)};
    Operation *update = createNode(
        builder, loc, "update_loss_scale", "loss_scale/update",
        {state.scale, state.goodSteps, state.badSteps, finite}, attrs);
    if (!update)
      return;
    Value variables[] = {state.scale, state.goodSteps, state.badSteps};
    for (auto [index, variable] : llvm::enumerate(variables)) {
      SmallVector<Value, 3> operands = {variable, update->getResult(index)};
      if (condition)
        operands.push_back(condition);
      createNode(builder, loc, "assign", valueName(variable) + "/assign",
                 operands);
    }
  }

private:
  static Value result(Operation *node) {
    return node ? node->getResult(0) : Value();
  }

  /// The read of a scalar state variable, which is made where it is missing.
  static FailureOr<Value> stateVariable(OpBuilder &builder, FuncOp function,
                                        StringRef name, Type elementType,
                                        double initial) {
    auto module = function->getParentOfType<ModuleOp>();
    auto type = RankedTensorType::get({}, elementType);
    auto variable = module.lookupSymbol<VariableOp>(name);
    if (variable && variable.getType() != type)
      return variable.emitError("variable '")
             << name << "' is state of the loss scale and must be " << type;
    OpBuilder::InsertionGuard guard(builder);
    if (variable) {
      Operation *update = nullptr;
      forEachUpdate(function, [&](StringRef updated, Operation *op) {
        if (updated == name && !op->hasAttr(kGeneratedAttr))
          update = op;
      });
      if (update)
        return update->emitError("updates '")
               << name << "', which is state of the loss scale";
    } else {
      // Behind the variables there are, before the first function.
      builder.setInsertionPointToStart(module.getBody());
      for (VariableOp other : module.getOps<VariableOp>())
        builder.setInsertionPointAfter(other);
      Attribute value =
          isa<FloatType>(elementType)
              ? Attribute(builder.getF64FloatAttr(initial))
              : Attribute(builder.getI64IntegerAttr(int64_t(initial)));
      DictionaryAttr init = builder.getDictionaryAttr(
          {builder.getNamedAttr("kind", builder.getStringAttr("constant")),
           builder.getNamedAttr("value", value)});
      variable = createVariable(builder, function.getLoc(), name, type, init);
      variable.setTrainable(false);
    }
    Operation *lastRead = nullptr;
    for (Operation &op : function.getBody().front()) {
      auto read = dyn_cast<ReadOp>(op);
      if (!read)
        break;
      if (read.getVariable() == name)
        return Value(read.getResult());
      lastRead = read;
    }
    if (lastRead)
      builder.setInsertionPointAfter(lastRead);
    else
      builder.setInsertionPointToStart(&function.getBody().front());
    return Value(createRead(builder, function.getLoc(), variable).getResult());
  }
};

} // namespace

void graph::addDialectInterfaces(GraphDialect *dialect) {
  dialect->addInterface(std::make_unique<GraphPrecision>(dialect));
  dialect->addInterface(std::make_unique<GraphLossScale>(dialect));
  dialect->addInterface(std::make_unique<NodeMemo>(dialect));
}
