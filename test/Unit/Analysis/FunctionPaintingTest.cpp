//===- FunctionPaintingTest.cpp - Functions of foreign ops, painted
//--------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Unregistered tf.* ops described by a table of data, with the cycle of a
// while loop, painted and retyped; pins, sweeps and unknown ops.
//===----------------------------------------------------------------------===//

#include "amp/Analysis/FunctionPainting.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <set>

using namespace amp;
using namespace mlir;

namespace {

/// TensorFlow's ops as data, as far as the tests use them.
OpModelTable makeTable() {
  OpModelTable table;
  auto add = [&](llvm::StringRef name, std::initializer_list<unsigned> operands,
                 std::initializer_list<unsigned> results) -> OpModel & {
    OpModel::Group group;
    group.operands = operands;
    group.results = results;
    group.typeAttr = "T";
    OpModel &model = table[("tf." + name).str()];
    model.groups.push_back(group);
    return model;
  };
  for (const char *name : {"Enter", "Exit", "Identity", "Tanh", "Exp"})
    add(name, {0}, {0});
  add("NextIteration", {0}, {0}).isRecurrence = true;
  add("MatMul", {0, 1}, {0});
  add("BiasAdd", {0, 1}, {0});
  add("Switch", {0}, {0, 1});
  add("Merge", {}, {0}).groups[0].operandsFrom = 0;
  // Like LoopCond and Less: described, and nothing to lower.
  table["tf.LoopCond"];
  table["tf.Const"];
  return table;
}

Policy makePolicy() {
  Policy policy;
  policy.move("tf.MatMul", ListKind::Allow);
  for (const char *op : {"tf.BiasAdd", "tf.Tanh"})
    policy.move(op, ListKind::Infer);
  for (const char *op : {"tf.Enter", "tf.Exit", "tf.Identity", "tf.Switch",
                         "tf.Merge", "tf.NextIteration"})
    policy.move(op, ListKind::Clear);
  policy.move("tf.Exp", ListKind::Deny);
  for (const char *op : {"tf.LoopCond", "tf.Const"})
    policy.move(op, ListKind::Keep);
  return policy;
}

/// x = enter(PRE(a)); while c: x = bias_add(matmul(x, w), b); POST(exit(x)).
std::string loop(const std::string &pre, const std::string &post) {
  return R"(
func.func @f(%a: tensor<4x4xf32>, %w: tensor<4x4xf32>, %b: tensor<4xf32>,
             %c: tensor<i1>) -> tensor<4x4xf32> {
  %exit = "tf.Exit"(%s#0) {T = f32} : (tensor<4x4xf32>) -> tensor<4x4xf32> loc("exit")
  %post = "tf.)" +
         post +
         R"("(%exit) {T = f32} : (tensor<4x4xf32>) -> tensor<4x4xf32> loc("post")
  %m:2 = "tf.Merge"(%enter, %next) {T = f32} : (tensor<4x4xf32>, tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<i32>) loc("merge")
  %s:2 = "tf.Switch"(%m#0, %cond) {T = f32} : (tensor<4x4xf32>, tensor<i1>) -> (tensor<4x4xf32>, tensor<4x4xf32>) loc("switch")
  %i = "tf.Identity"(%s#1) {T = f32} : (tensor<4x4xf32>) -> tensor<4x4xf32> loc("identity")
  %mm = "tf.MatMul"(%i, %w) {T = f32} : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32> loc("matmul")
  %ba = "tf.BiasAdd"(%mm, %b) {T = f32} : (tensor<4x4xf32>, tensor<4xf32>) -> tensor<4x4xf32> loc("bias")
  %next = "tf.NextIteration"(%ba) {T = f32} : (tensor<4x4xf32>) -> tensor<4x4xf32> loc("next")
  %cond = "tf.LoopCond"(%c) : (tensor<i1>) -> tensor<i1> loc("cond")
  %enter = "tf.Enter"(%pre) {T = f32} : (tensor<4x4xf32>) -> tensor<4x4xf32> loc("enter")
  %pre = "tf.)" +
         pre +
         R"("(%a) {T = f32} : (tensor<4x4xf32>) -> tensor<4x4xf32> loc("pre")
  return %post : tensor<4x4xf32>
})";
}

class FunctionPaintingTest : public ::testing::Test {
protected:
  FunctionPaintingTest() : table(makeTable()), policy(makePolicy()) {
    context.allowUnregisteredDialects();
    context.loadDialect<func::FuncDialect>();
    models.addTable(table);
  }

  /// Paints the first function of the text, whose body need not be in order.
  LogicalResult paint(const std::string &text, bool keepBlockOrder = false) {
    ParserConfig config(&context, /*verifyAfterParse=*/false);
    module = parseSourceString<ModuleOp>(text, config);
    EXPECT_TRUE(module) << text;
    if (!module)
      return failure();
    ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
      messages.push_back(diagnostic.str());
      return success();
    });
    painting = std::make_unique<FunctionPainting>();
    PaintSettings settings{policy,         inferRule,
                           models,         Float16Type::get(&context),
                           keepBlockOrder, {}};
    return paintFunction(cast<FunctionOpInterface>(*module->getBody()->begin()),
                         settings, *painting);
  }
  /// Names of the lowered nodes, in alphabetical order.
  std::string lowered() {
    std::set<std::string> names;
    for (const PaintedOp &op : painting->ops)
      for (VertexId v = op.first; v < op.first + op.count; ++v)
        if (painting->loweredType(v))
          names.insert(getNodeName(op.op->getLoc()).str());
    std::string text;
    for (const std::string &name : names)
      text += (text.empty() ? "" : " ") + name;
    return text;
  }
  Rule rule(llvm::StringRef name) {
    for (const PaintedOp &op : painting->ops)
      if (getNodeName(op.op->getLoc()) == name && op.count != 0)
        return painting->result.reasons[op.first].rule;
    return Rule::None;
  }

  MLIRContext context;
  OpModelTable table;
  Policy policy;
  ModelSet models;
  InferRule inferRule = InferRule::Between;
  OwningOpRef<ModuleOp> module;
  std::unique_ptr<FunctionPainting> painting;
  std::vector<std::string> messages;
};

} // namespace

TEST_F(FunctionPaintingTest, paint_r9_aLoopIsLoweredAsAWhole) {
  ASSERT_TRUE(succeeded(paint(loop("Identity", "Identity"))));
  EXPECT_EQ(lowered(),
            "bias enter exit identity matmul merge next post pre switch");
  EXPECT_TRUE(messages.empty());
  // The bias add lies between the product and itself, through the back edge.
  EXPECT_EQ(rule("bias"), Rule::Between);
  EXPECT_TRUE(painting->unknown.empty());
}

TEST_F(FunctionPaintingTest, paint_r9_aDeniedLoopValueKeepsTheBackEdgeFloat32) {
  // exp, enter, merge, switch, exit and tanh are denied: the product alone is
  // lowered, and next iteration is float32 like its merge.
  ASSERT_TRUE(succeeded(paint(loop("Exp", "Tanh"))));
  EXPECT_EQ(lowered(), "identity matmul");
  EXPECT_EQ(rule("merge"), Rule::DenySpreads);
  EXPECT_EQ(rule("post"), Rule::DenySpreads);
  EXPECT_EQ(rule("bias"), Rule::NoAllowBehind);
}

TEST_F(FunctionPaintingTest, aTableRetypesAnOp) {
  ASSERT_TRUE(succeeded(paint(loop("Identity", "Identity"))));
  for (const PaintedOp &op : painting->ops)
    if (getNodeName(op.op->getLoc()) == "switch") {
      ASSERT_TRUE(succeeded(
          ModelSet::retargetGroup(op.op, models.kindOf(op.op->getName()), 0,
                                  Float16Type::get(&context))));
      for (Type type : op.op->getResultTypes())
        EXPECT_TRUE(cast<ShapedType>(type).getElementType().isF16());
      EXPECT_EQ(op.op->getAttr("T"), TypeAttr::get(Float16Type::get(&context)));
    }
}

TEST_F(FunctionPaintingTest, paint_r6_sweepsInTopologicalOrBlockOrder) {
  inferRule = InferRule::Follow;
  std::string text = R"(
func.func @f(%a: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %z = "tf.Tanh"(%y) {T = f32} : (tensor<4x4xf32>) -> tensor<4x4xf32> loc("second")
  %y = "tf.Tanh"(%x) {T = f32} : (tensor<4x4xf32>) -> tensor<4x4xf32> loc("first")
  %x = "tf.MatMul"(%a, %a) {T = f32} : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32> loc("product")
  return %z : tensor<4x4xf32>
})";
  ASSERT_TRUE(succeeded(paint(text)));
  EXPECT_EQ(lowered(), "first product second");
  ASSERT_TRUE(succeeded(paint(text, /*keepBlockOrder=*/true)));
  EXPECT_EQ(lowered(), "first product");
}

TEST_F(FunctionPaintingTest, paint_r12_pinsHoldForBackwardNodes) {
  ASSERT_TRUE(succeeded(paint(R"(
func.func @f(%a: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %x = "tf.MatMul"(%a, %a) {T = f32, amp.precision = f32} : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32> loc("x")
  %g = "tf.MatMul"(%x, %x) {T = f32, amp.origin = "x"} : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32> loc("x/grad")
  %y = "tf.MatMul"(%g, %g) {T = f32, amp.origin = "y"} : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32> loc("y/grad")
  return %a : tensor<4x4xf32>
})")));
  EXPECT_EQ(lowered(), "y/grad");
  EXPECT_EQ(rule("x/grad"), Rule::PinFloat32);
}

TEST_F(FunctionPaintingTest, paint_r13_aPinToTheOtherType) {
  ASSERT_TRUE(succeeded(paint(R"(
func.func @f(%a: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %x = "tf.Tanh"(%a) {T = f32, amp.precision = bf16} : (tensor<4x4xf32>) -> tensor<4x4xf32> loc("x")
  return %a : tensor<4x4xf32>
})")));
  EXPECT_EQ(lowered(), "x");
  EXPECT_TRUE(painting->loweredType(VertexId(0)).isBF16());
}

TEST_F(FunctionPaintingTest, wrongPins) {
  EXPECT_TRUE(failed(paint(R"(
func.func @f(%a: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %x = "tf.Tanh"(%a) {T = f32, amp.precision = f16} : (tensor<4x4xf32>) -> tensor<4x4xf32> loc("x")
  return %x : tensor<4x4xf32>
})")));
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0], "'x' is a function output and stays float32; put an "
                         "identity behind it to pin it to float16");
  messages.clear();
  EXPECT_TRUE(failed(paint(R"(
func.func @f(%a: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %x = "tf.Tanh"(%a) {T = f32, amp.precision = "f16"} : (tensor<4x4xf32>) -> tensor<4x4xf32> loc("x")
  return %a : tensor<4x4xf32>
})")));
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0],
            "attribute 'amp.precision' is none of f32, f16 and bf16");
  messages.clear();
  EXPECT_TRUE(succeeded(paint(R"(
func.func @f(%a: tensor<4x4xi32>) -> tensor<4x4xi32> {
  %x = "tf.Tanh"(%a) {T = i32, amp.precision = f16} : (tensor<4x4xi32>) -> tensor<4x4xi32> loc("x")
  return %x : tensor<4x4xi32>
})")));
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0],
            "'x' has nothing to lower, its pin to float16 has no effect");
}

TEST_F(FunctionPaintingTest, paint_r15_lossesStayFloat32) {
  table["tf.Loss"] = table["tf.Tanh"];
  table["tf.Loss"].isLoss = true;
  policy.move("tf.Loss", ListKind::Infer);
  ASSERT_TRUE(succeeded(paint(R"(
func.func @f(%a: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %x = "tf.MatMul"(%a, %a) {T = f32} : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32> loc("x")
  %l = "tf.Loss"(%x) {T = f32} : (tensor<4x4xf32>) -> tensor<4x4xf32> loc("loss")
  %y = "tf.Tanh"(%l) {T = f32} : (tensor<4x4xf32>) -> tensor<4x4xf32> loc("y")
  return %y : tensor<4x4xf32>
})")));
  EXPECT_EQ(lowered(), "x");
  EXPECT_EQ(rule("loss"), Rule::Loss);
  EXPECT_EQ(rule("y"), Rule::DenySpreads);
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0], "'tf.Loss' is a loss and stays float32, although the "
                         "policy lists it as infer");
}

TEST_F(FunctionPaintingTest, paint_r16_outputsAsNodes) {
  policy.outputs = OutputRule::Node;
  inferRule = InferRule::Follow;
  ASSERT_TRUE(succeeded(paint(R"(
func.func @f(%a: tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4x4xf32>) {
  %x = "tf.MatMul"(%a, %a) {T = f32} : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32> loc("x")
  %y = "tf.Tanh"(%x) {T = f32} : (tensor<4x4xf32>) -> tensor<4x4xf32> loc("y")
  %z = "tf.Tanh"(%x) {T = f32} : (tensor<4x4xf32>) -> tensor<4x4xf32> loc("z")
  return %a, %y : tensor<4x4xf32>, tensor<4x4xf32>
})")));
  EXPECT_EQ(lowered(), "x z");
  EXPECT_EQ(rule("y"), Rule::Preserved);
}

TEST_F(FunctionPaintingTest, paint_r24_unknownOpsAreBarriers) {
  ASSERT_TRUE(succeeded(paint(R"(
func.func @f(%a: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %x = "tf.MatMul"(%a, %a) {T = f32} : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32> loc("x")
  %u = "my.fancy"(%x) : (tensor<4x4xf32>) -> tensor<4x4xf32> loc("u")
  %v = "my.fancy"(%u) : (tensor<4x4xf32>) -> tensor<4x4xf32> loc("v")
  %y = "tf.MatMul"(%v, %v) {T = f32} : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32> loc("y")
  return %y : tensor<4x4xf32>
})")));
  EXPECT_EQ(lowered(), "x y");
  ASSERT_EQ(painting->unknown.size(), 1u);
  EXPECT_EQ(painting->unknown.front().first, "my.fancy");
  EXPECT_EQ(painting->unknown.front().second.second, 2u);
}

TEST_F(FunctionPaintingTest, wrongTypesOfForeignOpsAreLeftAlone) {
  // Two element types in one group, an operand that the table expects and the
  // op lacks, an unranked type.
  ASSERT_TRUE(succeeded(paint(R"(
func.func @f(%a: tensor<4x4xf32>, %b: tensor<4x4xf16>, %c: tensor<*xf32>) {
  %x = "tf.MatMul"(%a, %b) {T = f32} : (tensor<4x4xf32>, tensor<4x4xf16>) -> tensor<4x4xf32> loc("x")
  %y = "tf.MatMul"(%a) {T = f32} : (tensor<4x4xf32>) -> tensor<4x4xf32> loc("y")
  "tf.MatMul"() {T = f32} : () -> () loc("z")
  %w = "tf.MatMul"(%c, %c) {T = f32} : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32> loc("w")
  return
})")));
  EXPECT_EQ(lowered(), "w y");
}
