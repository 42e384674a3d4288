//===- TrainingTest.cpp - A training step of a foreign dialect ------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A dialect of a test's own, with variables and an optimizer step: gradients are
// named by attributes, the loss is scaled, products run in 16 bits, and the result
// is run here, op by op, each value rounded to its type. A step whose gradients
// are not finite changes nothing but the scale.
//===----------------------------------------------------------------------===//

#include "amp/Analysis/ModelSet.h"
#include "amp/OpSet/LossScaleRule.h"
#include "amp/Transforms/LossScale.h"
#include "amp/Transforms/MixedPrecision.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

#include <cmath>
#include <map>

using namespace amp;
using namespace mlir;

namespace {

Operation *create(OpBuilder &builder, Location loc, llvm::StringRef op,
                  ValueRange operands, TypeRange types,
                  llvm::StringRef variable = {}) {
  OperationState state(loc, op);
  state.addOperands(operands);
  state.addTypes(types);
  state.addAttribute(kGeneratedAttr, builder.getUnitAttr());
  if (!variable.empty())
    state.addAttribute("variable", builder.getStringAttr(variable));
  return builder.create(state);
}

bool isNamed(Operation *op, llvm::StringRef name) {
  return op->getName().getStringRef() == name;
}

struct StepCasts : PrecisionDialectInterface {
  using PrecisionDialectInterface::PrecisionDialectInterface;
  static Type retyped(Value value, FloatType type) {
    return cast<ShapedType>(value.getType()).clone(type);
  }
  Value buildCast(OpBuilder &builder, Location loc, Value value,
                  FloatType type) const override {
    return create(builder, loc, "step.cast", value, retyped(value, type))
        ->getResult(0);
  }
  bool isCast(Operation *op) const override { return isNamed(op, "step.cast"); }
  void retargetCast(Operation *cast, FloatType type) const override {
    cast->getResult(0).setType(retyped(cast->getResult(0), type));
  }
  bool isConvertibleConstant(Operation *) const override { return false; }
  Operation *buildConvertedConstant(OpBuilder &, Operation *,
                                    FloatType) const override {
    return nullptr;
  }
  bool isVariableRead(Operation *op) const override {
    return isNamed(op, "step.read");
  }
};

/// The state is three variables; the rule itself is an op.
struct StepScale : LossScaleDialectInterface {
  using LossScaleDialectInterface::LossScaleDialectInterface;

  FailureOr<State> buildState(OpBuilder &builder, Operation *function,
                              const LossScaleParams &) const override {
    auto read = [&](llvm::StringRef name) {
      return create(builder, function->getLoc(), "step.read", {},
                    RankedTensorType::get({}, builder.getF32Type()), name)
          ->getResult(0);
    };
    return State{read("scale"), read("good"), read("bad")};
  }
  Value buildFixedScale(OpBuilder &, Location, float) const override {
    return {};
  }
  bool isScaleLoss(Operation *op) const override {
    return isNamed(op, "step.scale");
  }
  Value buildScaleLoss(OpBuilder &builder, Location loc, Value gradient,
                       Value scale) const override {
    return create(builder, loc, "step.scale", {gradient, scale},
                  gradient.getType())
        ->getResult(0);
  }
  Value buildUnscale(OpBuilder &builder, Location loc, Value gradient,
                     Value scale) const override {
    return create(builder, loc, "step.unscale", {gradient, scale},
                  gradient.getType())
        ->getResult(0);
  }
  Value buildAllFinite(OpBuilder &builder, Location loc,
                       ValueRange gradients) const override {
    return create(builder, loc, "step.finite", gradients,
                  builder.getI1Type())
        ->getResult(0);
  }
  Value buildAnd(OpBuilder &builder, Location loc, Value a,
                 Value b) const override {
    return create(builder, loc, "step.and", {a, b}, builder.getI1Type())
        ->getResult(0);
  }
  void buildUpdate(OpBuilder &builder, Location loc, const State &state,
                   Value finite, Value, const LossScaleParams &) const override {
    create(builder, loc, "step.update_scale",
           {state.scale, state.goodSteps, state.badSteps, finite}, {});
  }
};

/// step.apply takes (step) and later (step, condition).
struct ApplyModel : VariableUpdateOpInterface::FallbackModel<ApplyModel> {
  OpOperand *getGradientOperand(Operation *op) const {
    return &op->getOpOperand(0);
  }
  void setUpdateCondition(Operation *op, Value condition) const {
    if (op->getNumOperands() > 1)
      op->setOperand(1, condition);
    else
      op->insertOperands(1, condition);
  }
  Value getUpdateCondition(Operation *op) const {
    return op->getNumOperands() > 1 ? op->getOperand(1) : Value();
  }
};

class StepDialect : public Dialect {
public:
  explicit StepDialect(MLIRContext *context)
      : Dialect(getDialectNamespace(), context, TypeID::get<StepDialect>()) {
    allowUnknownOperations();
    addInterfaces<StepCasts, StepScale>();
  }
  static llvm::StringRef getDialectNamespace() { return "step"; }
  /// Ops that are not registered have their interfaces from here.
  void *getRegisteredInterfaceForOp(TypeID interface,
                                    OperationName name) override {
    if (interface == VariableUpdateOpInterface::getInterfaceID() &&
        name.getStringRef() == "step.apply")
      return static_cast<VariableUpdateOpInterface::Concept *>(&apply);
    return nullptr;
  }

private:
  ApplyModel apply;
};

using Numbers = std::vector<float>;

float rounded(float value, Type type) {
  if (type.isF32())
    return value;
  bool lossy;
  llvm::APFloat number(value);
  number.convert(cast<FloatType>(type).getFloatSemantics(),
                 llvm::APFloat::rmNearestTiesToEven, &lossy);
  number.convert(llvm::APFloat::IEEEsingle(),
                 llvm::APFloat::rmNearestTiesToEven, &lossy);
  return number.convertToFloat();
}

/// Runs the body of a function.
class Machine {
public:
  std::map<std::string, Numbers> variables;
  LossScaleParams params;

  void run(func::FuncOp function, const std::vector<Numbers> &arguments) {
    values.clear();
    for (auto [argument, value] :
         llvm::zip_equal(function.getArguments(), arguments))
      values[argument] = value;
    for (Operation &op : function.getBody().front().without_terminator())
      runOp(&op);
  }

private:
  void runOp(Operation *op) {
    llvm::StringRef what = op->getName().stripDialect();
    std::vector<Numbers> in;
    for (Value operand : op->getOperands())
      in.push_back(values.at(operand));
    auto each = [&](auto &&compute) {
      Type type = getElementTypeOrSelf(op->getResult(0).getType());
      Numbers out(in[0].size());
      for (size_t i = 0; i < out.size(); ++i) {
        float second =
            in.size() > 1 ? in[1][in[1].size() == 1 ? 0 : i] : 0.0f;
        out[i] = rounded(compute(in[0][i], second), type);
      }
      values[op->getResult(0)] = out;
    };
    auto variable = op->getAttrOfType<StringAttr>("variable");
    if (what == "read") {
      values[op->getResult(0)] = variables.at(variable.str());
    } else if (what == "product" || what == "scale") {
      each([](float a, float b) { return a * b; });
    } else if (what == "difference") {
      each([](float a, float b) { return a - b; });
    } else if (what == "unscale") {
      each([](float a, float b) { return a / b; });
    } else if (what == "rate") {
      each([](float a, float) { return 0.25f * a; });
    } else if (what == "cast") {
      each([](float a, float) { return a; });
    } else if (what == "finite") {
      bool finite = true;
      for (const Numbers &gradient : in)
        for (float value : gradient)
          finite &= std::isfinite(value);
      values[op->getResult(0)] = {finite ? 1.0f : 0.0f};
    } else if (what == "apply") {
      ASSERT_EQ(in.size(), 2u);
      Numbers &changed = variables.at(variable.str());
      for (size_t i = 0; i < changed.size() && in[1][0] != 0; ++i)
        changed[i] -= in[0][i];
    } else if (what == "update_scale") {
      LossScaleState state{in[0][0], int32_t(in[1][0]), int32_t(in[2][0])};
      state = updateLossScale(state, in[3][0] != 0, params);
      variables["scale"] = {state.scale};
      variables["good"] = {float(state.goodSteps)};
      variables["bad"] = {float(state.badSteps)};
    } else {
      FAIL() << what.str();
    }
  }
  llvm::DenseMap<Value, Numbers> values;
};

/// y = x * w, the gradient of half the squared difference, and a step of w.
constexpr const char *kTraining = R"(
func.func @train(%x: tensor<4xf32>, %target: tensor<4xf32>) {
  %w = "step.read"() {variable = "w"} : () -> tensor<4xf32>
  %y = "step.product"(%x, %w) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %dy = "step.difference"(%y, %target) {amp.loss_gradient} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %dw = "step.product"(%dy, %x) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %step = "step.rate"(%dw) {amp.gradient_operands = array<i64: 0>} : (tensor<4xf32>) -> tensor<4xf32>
  "step.apply"(%step) {amp.gradient_operands = array<i64>, variable = "w"} : (tensor<4xf32>) -> ()
  return
})";

class ForeignTraining : public ::testing::TestWithParam<Target> {};

} // namespace

TEST_P(ForeignTraining, ScaledRunAndSkipped) {
  MLIRContext context;
  context.loadDialect<func::FuncDialect, StepDialect>();
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(kTraining, &context);
  ASSERT_TRUE(module);

  OpModelTable table;
  for (auto [name, operands] : {std::pair("product", 2u), {"difference", 2u},
                                {"rate", 1u}}) {
    OpModel::Group group;
    for (unsigned i = 0; i < operands; ++i)
      group.operands.push_back(i);
    group.results = {0};
    table[std::string("step.") + name].groups.push_back(group);
  }
  for (const char *name : {"scale", "unscale", "finite", "and", "apply",
                           "update_scale", "read"})
    table[std::string("step.") + name];
  Policy policy;
  policy.name = "step";
  policy.target = GetParam();
  policy.move("step.product", ListKind::Allow);
  policy.move("step.difference", ListKind::Deny);
  for (const char *name : {"rate", "scale", "unscale", "finite", "and", "apply",
                           "update_scale", "read", "cast"})
    policy.move(std::string("step.") + name, ListKind::Keep);
  MixedPrecisionOptions options;
  options.policy = std::make_shared<const Policy>(policy);
  options.models.addTable(table);
  options.unknownOps = UnknownOps::Error;

  Machine machine;
  machine.params.initial = 1024;
  machine.params.growthSteps = 2;
  ASSERT_TRUE(succeeded(applyLossScale(
      *module, LossScaleConfig::dynamic(machine.params))));
  PrecisionReport report;
  ASSERT_TRUE(succeeded(autoMixedPrecision(*module, options, &report)));
  EXPECT_EQ(report.input.lowered, 2u);
  ASSERT_TRUE(succeeded(verifyContract(*module, options.models)));

  const Numbers x = {1.5f, -0.75f, 0.1f, 2.0f}, t = {0.5f, 1.0f, -0.3f, 0.7f};
  const Numbers start = {0.3f, -0.2f, 1.1f, 0.5f};
  machine.variables = {
      {"w", start}, {"scale", {1024}}, {"good", {0}}, {"bad", {0}}};
  std::vector<double> w(start.begin(), start.end());
  auto function = *module->getOps<func::FuncOp>().begin();
  auto step = [&](bool isGood) {
    // Some product is beyond the largest number of the type.
    Numbers input = x;
    if (!isGood)
      input[2] = GetParam() == Target::Float16 ? 60000.0f : 1e30f;
    machine.run(function, {input, t});
    for (size_t i = 0; i < w.size() && isGood; ++i)
      w[i] -= 0.25 * (x[i] * w[i] - t[i]) * x[i];
  };
  const double unit =
      GetParam() == Target::Float16 ? std::ldexp(1.0, -11) : std::ldexp(1.0, -8);
  auto agree = [&](float scale) {
    EXPECT_EQ(machine.variables["scale"][0], scale);
    // Each product rounds its operands and its result; what stands in the sums
    // is below 4.
    for (size_t i = 0; i < w.size(); ++i)
      EXPECT_NEAR(machine.variables["w"][i], w[i], 4 * 16 * unit);
  };
  step(true);
  agree(1024);
  EXPECT_NE(machine.variables["w"], start);
  // A bad step: the scale is halved, w is what it was, bit by bit.
  const Numbers before = machine.variables["w"];
  step(false);
  EXPECT_EQ(machine.variables["w"], before);
  agree(512);
  step(true);
  agree(512);
  // Two good ones in a row.
  step(true);
  agree(1024);
}

INSTANTIATE_TEST_SUITE_P(Targets, ForeignTraining,
                         ::testing::Values(Target::Float16, Target::BFloat16),
                         [](const auto &info) {
                           return std::string(targetName(info.param));
                         });
