//===- LossScalePassTest.cpp - Loss scaling of a foreign dialect ----------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A dialect of five ops that the project does not know otherwise: what loss
// scaling adds to a func.func that uses it, in which order, and what it
// refuses.
//===----------------------------------------------------------------------===//

#include "amp/Interfaces/PrecisionInterfaces.h"
#include "amp/Transforms/LossScale.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace amp;

namespace {

/// Any computation; its attribute says what.
struct ComputeOp : Op<ComputeOp, OpTrait::VariadicOperands,
                      OpTrait::VariadicResults, OpTrait::ZeroRegions> {
  using Op::Op;
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(ComputeOp)
  static StringRef getOperationName() { return "toy.compute"; }
  static ArrayRef<StringRef> getAttributeNames() { return {}; }
};

/// An optimizer step on (gradient), later on (gradient, condition).
struct StepOp : Op<StepOp, OpTrait::VariadicOperands, OpTrait::ZeroResults,
                   OpTrait::ZeroRegions, VariableUpdateOpInterface::Trait> {
  using Op::Op;
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(StepOp)
  static StringRef getOperationName() { return "toy.step"; }
  static ArrayRef<StringRef> getAttributeNames() { return {}; }
  OpOperand *getGradientOperand() { return &getOperation()->getOpOperand(0); }
  void setUpdateCondition(Value condition) {
    if (getNumOperands() > 1)
      getOperation()->setOperand(1, condition);
    else
      getOperation()->insertOperands(1, condition);
  }
  Value getUpdateCondition() {
    return getNumOperands() > 1 ? getOperand(1) : Value();
  }
};

struct ToyLossScale : LossScaleDialectInterface {
  using LossScaleDialectInterface::LossScaleDialectInterface;

  static Value make(OpBuilder &builder, Location loc, StringRef what,
                    ValueRange operands, Type type) {
    OperationState state(loc, ComputeOp::getOperationName());
    state.addAttribute("what", builder.getStringAttr(what));
    state.addOperands(operands);
    state.addTypes(type);
    return builder.create(state)->getResult(0);
  }
  FailureOr<State> buildState(OpBuilder &builder, Operation *function,
                              const LossScaleParams &) const override {
    Location loc = function->getLoc();
    return State{make(builder, loc, "scale", {}, builder.getF32Type()),
                 make(builder, loc, "good", {}, builder.getI32Type()),
                 make(builder, loc, "bad", {}, builder.getI32Type())};
  }
  Value buildFixedScale(OpBuilder &builder, Location loc,
                        float) const override {
    return make(builder, loc, "fixed", {}, builder.getF32Type());
  }
  bool isScaleLoss(Operation *op) const override {
    auto what = op->getAttrOfType<StringAttr>("what");
    return what && what.getValue() == "scale_loss";
  }
  Value buildScaleLoss(OpBuilder &builder, Location loc, Value gradient,
                       Value scale) const override {
    return make(builder, loc, "scale_loss", {gradient, scale},
                gradient.getType());
  }
  Value buildUnscale(OpBuilder &builder, Location loc, Value gradient,
                     Value scale) const override {
    return make(builder, loc, "unscale", {gradient, scale}, gradient.getType());
  }
  Value buildAllFinite(OpBuilder &builder, Location loc,
                       ValueRange gradients) const override {
    return make(builder, loc, "all_finite", gradients, builder.getI1Type());
  }
  Value buildAnd(OpBuilder &builder, Location loc, Value a,
                 Value b) const override {
    return make(builder, loc, "and", {a, b}, builder.getI1Type());
  }
  void buildUpdate(OpBuilder &builder, Location loc, const State &state,
                   Value finite, Value condition,
                   const LossScaleParams &) const override {
    SmallVector<Value> operands = {state.scale, finite};
    if (condition)
      operands.push_back(condition);
    make(builder, loc, condition ? "update_if" : "update", operands,
         builder.getF32Type());
  }
};

struct ToyDialect : Dialect {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(ToyDialect)
  explicit ToyDialect(MLIRContext *context)
      : Dialect(getDialectNamespace(), context, TypeID::get<ToyDialect>()) {
    addOperations<ComputeOp, StepOp>();
    addInterfaces<ToyLossScale>();
  }
  static StringRef getDialectNamespace() { return "toy"; }
};

struct LossScalePassTest : testing::Test {
  LossScalePassTest() {
    context.loadDialect<ToyDialect, func::FuncDialect>();
    context.getDiagEngine().registerHandler([this](Diagnostic &diagnostic) {
      messages += diagnostic.str() + "\n";
      return success();
    });
  }

  /// The ops of the only function after loss scaling, one word each.
  std::string scaled(StringRef body, const LossScaleConfig &config) {
    std::string text =
        ("func.func @train() {\n" + body + "\nreturn\n}\n").str();
    module = parseSourceString<ModuleOp>(text, &context);
    if (!module)
      return "does not parse: " + messages;
    if (failed(applyLossScale(*module, config)))
      return "failed";
    if (failed(verify(*module)))
      return "invalid";
    std::string words;
    module->walk([&](Operation *op) {
      if (auto what = op->getAttrOfType<StringAttr>("what"))
        words += what.getValue().str() + " ";
      else if (isa<StepOp>(op))
        words += "step" + std::to_string(op->getNumOperands()) + " ";
    });
    return words;
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  std::string messages;
};

const char *const kTraining = R"(
  %seed = "toy.compute"() {what = "seed", amp.loss_gradient} : () -> f32
  %a = "toy.compute"(%seed) {what = "a"} : (f32) -> tensor<2xf32>
  %b = "toy.compute"(%seed) {what = "b"} : (f32) -> tensor<3xf32>
  "toy.step"(%a) : (tensor<2xf32>) -> ()
  "toy.step"(%b) : (tensor<3xf32>) -> ()
)";

TEST_F(LossScalePassTest, Dynamic) {
  EXPECT_EQ(scaled(kTraining, LossScaleConfig::dynamic()),
            "scale good bad seed scale_loss a b unscale unscale all_finite "
            "step2 step2 update ");
  // Everything behind the seed reads the scaled one.
  module->walk([&](ComputeOp op) {
    auto what = op->getAttrOfType<StringAttr>("what").getValue();
    if (what == "a" || what == "b") {
      Operation *source = op->getOperand(0).getDefiningOp();
      EXPECT_EQ(source->getAttrOfType<StringAttr>("what").getValue(),
                "scale_loss");
    }
    if (what == "all_finite") {
      EXPECT_EQ(op->getNumOperands(), 2u);
    }
  });
  EXPECT_EQ(messages, "");
}

TEST_F(LossScalePassTest, Fixed) {
  EXPECT_EQ(
      scaled(kTraining, LossScaleConfig::fixed(8)),
      "fixed seed scale_loss a b unscale unscale all_finite step2 step2 ");
}

TEST_F(LossScalePassTest, None) {
  EXPECT_EQ(scaled(kTraining, LossScaleConfig::none()),
            "seed a b step1 step1 ");
}

TEST_F(LossScalePassTest, OneUnscaleForAGradientThatTwoUpdatesTake) {
  EXPECT_EQ(scaled(R"(
  %seed = "toy.compute"() {what = "seed", amp.loss_gradient} : () -> f32
  "toy.step"(%seed) : (f32) -> ()
  "toy.step"(%seed) : (f32) -> ()
)",
                   LossScaleConfig::fixed(8)),
            "fixed seed scale_loss unscale all_finite step2 step2 ");
}

TEST_F(LossScalePassTest, SecondTimeChangesNothing) {
  scaled(kTraining, LossScaleConfig::dynamic());
  std::string before, after;
  llvm::raw_string_ostream(before) << *module;
  EXPECT_TRUE(succeeded(applyLossScale(*module, LossScaleConfig::fixed(2))));
  llvm::raw_string_ostream(after) << *module;
  EXPECT_EQ(before, after);
  EXPECT_EQ(messages, "");
}

TEST_F(LossScalePassTest, OwnUpdatesGetAWarning) {
  const char *body = R"(
  %a = "toy.compute"() {what = "a"} : () -> f32
  "toy.step"(%a) : (f32) -> ()
)";
  EXPECT_EQ(scaled(body, LossScaleConfig::dynamic()), "a step1 ");
  EXPECT_EQ(messages,
            "variables are updated without a loss scale, so small float16 "
            "gradients become zero: a scale is added only where a training "
            "section stands\n");
  messages.clear();
  EXPECT_EQ(scaled(body, LossScaleConfig::none()), "a step1 ");
  EXPECT_EQ(messages, "");
}

TEST_F(LossScalePassTest, Refused) {
  EXPECT_EQ(scaled(R"(
  %seed = "toy.compute"() {what = "seed", amp.loss_gradient} : () -> f32
  "toy.step"(%seed) : (f32) -> ()
  %a = "toy.compute"(%seed) {what = "a"} : (f32) -> f32
  "toy.step"(%a) : (f32) -> ()
)",
                   LossScaleConfig::fixed(8)),
            "failed");
  EXPECT_EQ(messages, "'toy.step' op takes a gradient that is made after the "
                      "first update\n");
  messages.clear();
  EXPECT_EQ(scaled(R"(
  %seed = "toy.compute"() {what = "seed", amp.loss_gradient} : () -> f32
  %a = "toy.compute"(%seed) {what = "a"} : (f32) -> f16
  "toy.step"(%a) : (f16) -> ()
)",
                   LossScaleConfig::fixed(8)),
            "failed");
  EXPECT_EQ(messages, "'toy.step' op takes a gradient of type 'f16'; loss "
                      "scaling needs float32\n");
  messages.clear();
  EXPECT_EQ(scaled(R"(
  %seed = "toy.compute"() {what = "seed", amp.loss_gradient} : () -> f32
  "toy.step"(%seed) : (f32) -> ()
  %a = "toy.compute"(%seed) {what = "a", amp.checked} : (f32) -> f32
)",
                   LossScaleConfig::fixed(8)),
            "failed");
  EXPECT_EQ(messages, "'toy.compute' op makes a gradient after the first "
                      "update\n");
}

TEST_F(LossScalePassTest, ConditionOfItsOwnHoldsToo) {
  EXPECT_EQ(scaled(R"(
  %seed = "toy.compute"() {what = "seed", amp.loss_gradient} : () -> f32
  %c = "toy.compute"() {what = "c"} : () -> i1
  "toy.step"(%seed, %c) : (f32, i1) -> ()
  "toy.step"(%seed) : (f32) -> ()
  "toy.step"(%seed, %c) : (f32, i1) -> ()
)",
                   LossScaleConfig::dynamic()),
            "scale good bad seed scale_loss c unscale all_finite and step2 "
            "step2 step2 update ");
  Operation *step = nullptr;
  module->walk([&](StepOp op) { step = op; });
  EXPECT_EQ(step->getOperand(1).getDefiningOp()->getAttr("what"),
            StringAttr::get(&context, "and"));
}

// Sums over calls and clipping stand between a gradient and its update: the
// scale goes before them, what they say is finite is what is checked.
TEST_F(LossScalePassTest, GradientsThatAreAccumulatedAndClipped) {
  EXPECT_EQ(scaled(R"(
  %seed = "toy.compute"() {what = "seed", amp.loss_gradient} : () -> f32
  %last = "toy.compute"() {what = "last", amp.step_condition} : () -> i1
  %old = "toy.compute"() {what = "old"} : () -> f32
  %sum = "toy.compute"(%old, %seed) {what = "sum", amp.checked, amp.gradient_operands = array<i64: 1>} : (f32, f32) -> f32
  %norm = "toy.compute"(%sum) {what = "norm", amp.checked} : (f32) -> f32
  %clip = "toy.compute"(%sum, %norm) {what = "clip"} : (f32, f32) -> f32
  "toy.step"(%clip, %last) {amp.gradient_operands = array<i64>} : (f32, i1) -> ()
)",
                   LossScaleConfig::dynamic()),
            "scale good bad seed scale_loss last old unscale sum norm clip "
            "all_finite and step2 update_if ");
  module->walk([&](ComputeOp op) {
    auto what = op->getAttrOfType<StringAttr>("what").getValue();
    auto source = [&](unsigned i) {
      return op->getOperand(i)
          .getDefiningOp()
          ->getAttrOfType<StringAttr>("what")
          .getValue();
    };
    if (what == "sum") {
      EXPECT_EQ(source(1), "unscale");
    }
    if (what == "all_finite") {
      ASSERT_EQ(op->getNumOperands(), 2u);
      EXPECT_EQ(source(0), "sum");
      EXPECT_EQ(source(1), "norm");
    }
    if (what == "update_if") {
      EXPECT_EQ(source(2), "last");
    }
  });
  EXPECT_EQ(messages, "");
}

} // namespace
