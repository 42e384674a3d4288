//===- RewriteTest.cpp - Where casts go
//------------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The rewrite on a foreign dialect: what is retyped, which casts are inserted,
// where, and what existing casts and constants become.
//===----------------------------------------------------------------------===//

#include "ToyDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace amp;
using namespace amp::toy;
using namespace mlir;

using Rewrite = ToyTest;

TEST_F(Rewrite, oneCastPerValueAndType) {
  EXPECT_EQ(rewritten("x = matmul(a b) f32\n"
                      "y = matmul(a x) f32\n"
                      "s = softmax(y) f32\n"
                      "t = softmax(y) f32\n"
                      "return(s t a)"),
            "a/f16 = cast(a) f16\n"
            "b/f16 = cast(b) f16\n"
            "x = matmul(a/f16 b/f16) f16\n"
            "y = matmul(a/f16 x) f16\n"
            "y/f32 = cast(y) f32\n"
            "s = softmax(y/f32) f32\n"
            "t = softmax(y/f32) f32\n"
            "return(s t a)\n");
  EXPECT_EQ(report.castsToLow, 2u);
  EXPECT_EQ(report.castsToFloat32, 1u);
}

TEST_F(Rewrite, anOutputIsCastAsAValue) {
  EXPECT_EQ(rewritten("x = matmul(a a) f32\nreturn(x x)"),
            "a/f16 = cast(a) f16\n"
            "x = matmul(a/f16 a/f16) f16\n"
            "x/f32 = cast(x) f32\n"
            "return(x/f32 x/f32)\n");
}

TEST_F(Rewrite, anyOrderOfTheFunction) {
  EXPECT_EQ(rewritten("s = softmax(y) f32\n"
                      "y = matmul(x x) f32\n"
                      "x = matmul(a b) f32\n"
                      "return(s)"),
            "a/f16 = cast(a) f16\n"
            "b/f16 = cast(b) f16\n"
            "s = softmax(y/f32) f32\n"
            "y = matmul(x x) f16\n"
            "y/f32 = cast(y) f32\n"
            "x = matmul(a/f16 b/f16) f16\n"
            "return(s)\n");
}

TEST_F(Rewrite, castsOfVariablesStandBehindAllReads) {
  EXPECT_EQ(rewritten("v = read() f32\n"
                      "w = read() f32\n"
                      "x = matmul(a w) f32\n"
                      "y = matmul(v x) f32\n"
                      "z = read() f32\n"
                      "u = matmul(z y) f32\n"
                      "return(u)"),
            "v = read() f32\n"
            "w = read() f32\n"
            "a/f16 = cast(a) f16\n"
            "v/f16 = cast(v) f16\n"
            "w/f16 = cast(w) f16\n"
            "x = matmul(a/f16 w/f16) f16\n"
            "y = matmul(v/f16 x) f16\n"
            "z = read() f32\n"
            "z/f16 = cast(z) f16\n"
            "u = matmul(z/f16 y) f16\n"
            "u/f32 = cast(u) f32\n"
            "return(u/f32)\n");
}

TEST_F(Rewrite, constantsGetATwin) {
  EXPECT_EQ(rewritten("c = constant() f32\n"
                      "x = matmul(c a) f32\n"
                      "y = matmul(c x) f32\n"
                      "s = softmax(c) f32\n"
                      "return(y s)"),
            "a/f16 = cast(a) f16\n"
            "c = constant() f32\n"
            "c/f16 = constant() f16\n"
            "x = matmul(c/f16 a/f16) f16\n"
            "y = matmul(c/f16 x) f16\n"
            "y/f32 = cast(y) f32\n"
            "s = softmax(c) f32\n"
            "return(y/f32 s)\n");
  EXPECT_EQ(report.convertedConstants, 1u);
  EXPECT_EQ(report.castsToLow, 1u);
}

TEST_F(Rewrite, operandsOutsideTheGroupStayFloat32) {
  EXPECT_EQ(rewritten("x = matmul(a a) f32\n"
                      "m = relu(x) f32\n"
                      "n = norm(x m) f32 f32\n"
                      "y = matmul(n n) f32\n"
                      "return(y n#1)"),
            "a/f16 = cast(a) f16\n"
            "x = matmul(a/f16 a/f16) f16\n"
            "m = relu(x) f16\n"
            "m/f32 = cast(m) f32\n"
            "n = norm(x m/f32) f16 f32\n"
            "y = matmul(n n) f16\n"
            "y/f32 = cast(y) f32\n"
            "return(y/f32 n:1)\n");
}

TEST_F(Rewrite, twoGroupsAreTwoVertices) {
  EXPECT_EQ(rewritten("x = matmul(a a) f32\n"
                      "p = pair(x b) f32 f32\n"
                      "return(p p#1)"),
            "a/f16 = cast(a) f16\n"
            "x = matmul(a/f16 a/f16) f16\n"
            "p = pair(x b) f16 f32\n"
            "p/f32 = cast(p) f32\n"
            "return(p/f32 p:1)\n");
}

TEST_F(Rewrite, paint_r10_aCastToFloat32IsRetargeted) {
  EXPECT_EQ(rewritten("c = cast(i) f32\n"
                      "x = matmul(c a) f32\n"
                      "return(x)"),
            "a/f16 = cast(a) f16\n"
            "c = cast(i) f16\n"
            "x = matmul(c a/f16) f16\n"
            "x/f32 = cast(x) f32\n"
            "return(x/f32)\n");
  // Not with a float32 user, not as an output.
  EXPECT_EQ(rewritten("c = cast(i) f32\n"
                      "x = matmul(c c) f32\n"
                      "s = softmax(c) f32\n"
                      "return(x s)"),
            "c = cast(i) f32\n"
            "c/f16 = cast(c) f16\n"
            "x = matmul(c/f16 c/f16) f16\n"
            "x/f32 = cast(x) f32\n"
            "s = softmax(c) f32\n"
            "return(x/f32 s)\n");
  EXPECT_EQ(rewritten("c = cast(i) f32\n"
                      "x = matmul(c c) f32\n"
                      "return(x c)"),
            "c = cast(i) f32\n"
            "c/f16 = cast(c) f16\n"
            "x = matmul(c/f16 c/f16) f16\n"
            "x/f32 = cast(x) f32\n"
            "return(x/f32 c)\n");
}

TEST_F(Rewrite, paint_r10_aCastWithALowSourceIsBypassed) {
  EXPECT_EQ(rewritten("h = cast(i) f16\n"
                      "c = cast(h) f32\n"
                      "x = matmul(c c) f32\n"
                      "return(x)"),
            "h = cast(i) f16\n"
            "c = cast(h) f32\n"
            "x = matmul(h h) f16\n"
            "x/f32 = cast(x) f32\n"
            "return(x/f32)\n");
  // A source that is lowered counts too.
  EXPECT_EQ(rewritten("x = matmul(a a) f32\n"
                      "c = cast(x) f32\n"
                      "y = matmul(c c) f32\n"
                      "return(y)"),
            "a/f16 = cast(a) f16\n"
            "x = matmul(a/f16 a/f16) f16\n"
            "c = cast(x) f32\n"
            "y = matmul(x x) f16\n"
            "y/f32 = cast(y) f32\n"
            "return(y/f32)\n");
  // The other type is no low source: it is cast directly.
  EXPECT_EQ(rewritten("h = cast(i) bf16\n"
                      "c = cast(h) f32\n"
                      "x = matmul(c c) f32\n"
                      "return(x)"),
            "h = cast(i) bf16\n"
            "c = cast(h) f16\n"
            "x = matmul(c c) f16\n"
            "x/f32 = cast(x) f32\n"
            "return(x/f32)\n");
}

TEST_F(Rewrite, anExistingCastReadsALoweredProducer) {
  EXPECT_EQ(rewritten("x = matmul(a a) f32\n"
                      "h = cast(x) f16\n"
                      "j = cast(x) i32\n"
                      "y = matmul(x x) f32\n"
                      "return(h j y)"),
            "a/f16 = cast(a) f16\n"
            "x = matmul(a/f16 a/f16) f16\n"
            "h = cast(x) f16\n"
            "j = cast(x) i32\n"
            "y = matmul(x x) f16\n"
            "y/f32 = cast(y) f32\n"
            "return(h j y/f32)\n");
}

TEST_F(Rewrite, aUsersCastToTheLowTypeIsNotShared) {
  EXPECT_EQ(rewritten("h = cast(a) f16\n"
                      "x = matmul(a a) f32\n"
                      "return(h x)"),
            "a/f16 = cast(a) f16\n"
            "h = cast(a) f16\n"
            "x = matmul(a/f16 a/f16) f16\n"
            "x/f32 = cast(x) f32\n"
            "return(h x/f32)\n");
}

TEST_F(Rewrite, paint_r13_castsBetweenTheTwo16BitTypesAreDirect) {
  EXPECT_EQ(rewritten("x = matmul(a a) f32\n"
                      "y = relu(x) f32 [amp.precision = bf16]\n"
                      "z = matmul(y y) f32\n"
                      "s = softmax(y) f32\n"
                      "return(z s)"),
            "a/f16 = cast(a) f16\n"
            "x = matmul(a/f16 a/f16) f16\n"
            "x/bf16 = cast(x) bf16\n"
            "y = relu(x/bf16) bf16\n"
            "y/f16 = cast(y) f16\n"
            "y/f32 = cast(y) f32\n"
            "z = matmul(y/f16 y/f16) f16\n"
            "z/f32 = cast(z) f32\n"
            "s = softmax(y/f32) f32\n"
            "return(z/f32 s)\n");
}

TEST_F(Rewrite, onlyFloat32IsLowered) {
  EXPECT_EQ(rewritten("h = cast(a) f16\n"
                      "d = cast(a) f64\n"
                      "x = matmul(h h) f16\n"
                      "y = matmul(d d) f64\n"
                      "z = matmul(i i) i32\n"
                      "return(x y z)"),
            "h = cast(a) f16\n"
            "d = cast(a) f64\n"
            "x = matmul(h h) f16\n"
            "y = matmul(d d) f64\n"
            "z = matmul(i i) i32\n"
            "return(x y z)\n");
  EXPECT_EQ(messages,
            (std::vector<std::string>{"nothing was lowered: its allow ops are "
                                      "float16 already"}));
}

TEST_F(Rewrite, pinsByFlag) {
  options.pins = {"layer/*", "f:out"};
  parse(R"(func.func @f(%a: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
    %x = "toy.matmul"(%a, %a) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32> loc("layer/sub/x")
    %y = "toy.matmul"(%x, %x) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32> loc("y")
    %z = "toy.matmul"(%y, %y) {amp.origin = "layer/sub/x"} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32> loc("back")
    %o = "toy.matmul"(%z, %z) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32> loc("out")
    return %z, %o : tensor<4xf32>, tensor<4xf32>
  })");
  ASSERT_TRUE(succeeded(rewrite()));
  EXPECT_EQ(print(), "layer/sub/x = matmul(a a) f32\n"
                     "layer/sub/x/f16 = cast(layer/sub/x) f16\n"
                     "y = matmul(layer/sub/x/f16 layer/sub/x/f16) f16\n"
                     "y/f32 = cast(y) f32\n"
                     "back = matmul(y/f32 y/f32) f32\n"
                     "out = matmul(back back) f32\n"
                     "return(back out)\n");
  options.pins = {"g:out"};
  messages.clear();
  EXPECT_TRUE(failed(rewrite()));
  EXPECT_EQ(messages[0],
            "--pin: no node matches 'g:out'; did you mean 'f:out'?");
  options.pins = {"layr/sub/x"};
  EXPECT_TRUE(failed(rewrite()));
  EXPECT_EQ(messages[1], "--pin: no node matches 'layr/sub/x'; did you mean "
                         "'layer/sub/x'?");
}

TEST_F(Rewrite, unknownOps) {
  const char *body = "x = matmul(a a) f32\n"
                     "u = fancy(x) f32\n"
                     "v = fancy(u) f32\n"
                     "return(v)";
  EXPECT_EQ(rewritten(body), "a/f16 = cast(a) f16\n"
                             "x = matmul(a/f16 a/f16) f16\n"
                             "x/f32 = cast(x) f32\n"
                             "u = fancy(x/f32) f32\n"
                             "v = fancy(u) f32\n"
                             "return(v)\n");
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0], "unknown op 'toy.fancy' (2 of them): it stays as it "
                         "is, and nothing is lowered through it");
  messages.clear();
  options.unknownOps = UnknownOps::Ignore;
  rewritten(body);
  EXPECT_TRUE(messages.empty());
  options.unknownOps = UnknownOps::Error;
  EXPECT_EQ(rewritten(body), "failed");
  EXPECT_EQ(print().find("f16"), std::string::npos);
}

TEST_F(Rewrite, usesInsideRegionsSeeFloat32) {
  parse(R"(func.func @f(%a: tensor<4xf32>) {
    %x = "toy.matmul"(%a, %a) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32> loc("x")
    "toy.region"() ({
      "toy.relu"(%x) : (tensor<4xf32>) -> tensor<4xf32>
    }) : () -> ()
    return
  })");
  ASSERT_TRUE(succeeded(rewrite()));
  ASSERT_TRUE(succeeded(verify()));
  Operation *relu = nullptr;
  module->walk([&](Operation *op) {
    if (op->getName().getStringRef() == "toy.relu")
      relu = op;
  });
  Operation *cast = relu->getOperand(0).getDefiningOp();
  EXPECT_EQ(cast->getName().getStringRef(), "toy.cast");
  EXPECT_EQ(cast->getResult(0).getType(), relu->getResult(0).getType());
}

TEST_F(Rewrite, blocksOfAFunction) {
  parse(R"(func.func @f(%a: tensor<4xf32>) -> tensor<4xf32> {
    %x = "toy.matmul"(%a, %a) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32> loc("x")
    "toy.branch"(%x)[^bb1] : (tensor<4xf32>) -> ()
  ^bb1(%b: tensor<4xf32>):
    %y = "toy.matmul"(%b, %x) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32> loc("y")
    return %y : tensor<4xf32>
  })");
  ASSERT_TRUE(succeeded(rewrite()));
  ASSERT_TRUE(succeeded(verify())) << messages.back();
  EXPECT_EQ(print(), "a/f16 = cast(a) f16\n"
                     "x = matmul(a/f16 a/f16) f16\n"
                     "x/f32 = cast(x) f32\n"
                     " = branch(x/f32)\n"
                     "a/f16 = cast(a) f16\n"
                     "y = matmul(a/f16 x) f16\n"
                     "y/f32 = cast(y) f32\n"
                     "return(y/f32)\n");
}

TEST_F(Rewrite, againChangesNothing) {
  const char *body = "v = read() f32\n"
                     "c = constant() f32\n"
                     "k = cast(i) f32\n"
                     "x = matmul(a v) f32\n"
                     "y = add(x c) f32\n"
                     "z = matmul(y k) f32\n"
                     "r = relu(z) f32 [amp.precision = bf16]\n"
                     "s = softmax(r) f32\n"
                     "t = add(s c) f32\n"
                     "return(t z)";
  std::string once = rewritten(body);
  EXPECT_NE(once.find("f16"), std::string::npos);
  ASSERT_TRUE(succeeded(rewrite()));
  ASSERT_TRUE(succeeded(verify()));
  EXPECT_EQ(print(), once);
  EXPECT_EQ(report.input.lowered, 0u);
  EXPECT_TRUE(report.casts.empty());
}

TEST_F(Rewrite, nothingToLowerSaysWhy) {
  rewritten("s = softmax(a) f32\nreturn(s)");
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0],
            "nothing was lowered: no op of the allow list is in it");
  messages.clear();
  rewritten("x = matmul(a a) f32 [amp.precision = f32]\nreturn(x)");
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0], "nothing was lowered: its allow op 'x' stays float32: "
                         "pinned to float32");
  messages.clear();
  policy.move("toy.matmul", ListKind::Keep);
  rewritten("x = matmul(a a) f32\nreturn(x)");
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0],
            "nothing was lowered: no op of the allow list is in it");
}
