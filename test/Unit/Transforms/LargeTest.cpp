//===- LargeTest.cpp - Many users, many operands ------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// One value with 100,000 users, one op with 10,000 operands and a chain of
// 100,000 ops, against the text that the rules give line by line. What takes
// more than linear time, or recurses, does not finish here.
//===----------------------------------------------------------------------===//

#include "ToyDialect.h"

using namespace amp;
using namespace amp::toy;
using namespace mlir;

using Large = ToyTest;

static std::string name(const char *stem, int i) {
  return stem + std::to_string(i);
}

TEST_F(Large, oneValueWithManyUsers) {
  constexpr int kUsers = 100000;
  std::string body = "x = matmul(a a) f32\n";
  std::string expected = "a/f16 = cast(a) f16\n"
                         "x = matmul(a/f16 a/f16) f16\n"
                         "x/f32 = cast(x) f32\n";
  for (int i = 0; i < kUsers; ++i) {
    // A product, a softmax, and an add that no product follows.
    std::string u = name("u", i);
    switch (i % 3) {
    case 0:
      body += u + " = matmul(x a) f32\n";
      expected += u + " = matmul(x a/f16) f16\n";
      break;
    case 1:
      body += u + " = softmax(x) f32\n";
      expected += u + " = softmax(x/f32) f32\n";
      break;
    case 2:
      body += u + " = add(x b) f32\n";
      expected += u + " = add(x/f32 b) f32\n";
      break;
    }
  }
  EXPECT_TRUE(rewritten(body + "return(x b)") ==
              expected + "return(x/f32 b)\n");
  EXPECT_EQ(report.castsToLow, 1u);
  EXPECT_EQ(report.castsToFloat32, 1u);
  ASSERT_EQ(report.casts.size(), 2u);
  EXPECT_EQ(report.casts[1].source, "x");
  // Two thirds of the users, and the output.
  EXPECT_EQ(report.casts[1].users.size(),
            size_t(kUsers - (kUsers + 2) / 3 + 1));
}

TEST_F(Large, oneOpWithManyOperands) {
  constexpr int kOperands = 10000;
  std::string body, low, lowOperands, wide, wideOperands, operands;
  for (int i = 0; i < kOperands; ++i) {
    std::string v = name("v", i);
    bool isProduct = i % 2 == 0;
    body += v + (isProduct ? " = matmul(a b) f32\n" : " = softmax(a) f32\n");
    operands += (i ? " " : "") + v;
    // Joined in 16 bits where a product reads the result, else read by an op
    // that is described and has no group.
    low += isProduct
               ? v + " = matmul(a/f16 b/f16) f16\n"
               : v + " = softmax(a) f32\n" + v + "/f16 = cast(" + v + ") f16\n";
    lowOperands += (i ? " " : "") + v + (isProduct ? "" : "/f16");
    wide += isProduct ? v + " = matmul(a/f16 b/f16) f16\n" + v +
                            "/f32 = cast(" + v + ") f32\n"
                      : v + " = softmax(a) f32\n";
    wideOperands += (i ? " " : "") + v + (isProduct ? "/f32" : "");
  }
  const std::string casts = "a/f16 = cast(a) f16\nb/f16 = cast(b) f16\n";
  EXPECT_TRUE(
      rewritten(body + "z = concat(" + operands + ") f32\n" + "return(z)") ==
      casts + low + "z = concat(" + lowOperands + ") f16\n" +
          "z/f32 = cast(z) f32\nreturn(z/f32)\n");
  EXPECT_EQ(report.castsToLow, uint64_t(kOperands / 2 + 2));
  EXPECT_EQ(report.castsToFloat32, 1u);
  EXPECT_TRUE(
      rewritten(body + "z = barrier(" + operands + ") f32\n" + "return(z)") ==
      casts + wide + "z = barrier(" + wideOperands + ") f32\n" + "return(z)\n");
  EXPECT_EQ(report.castsToFloat32, uint64_t(kOperands / 2));
}

TEST_F(Large, aLongChainInAnyOrder) {
  constexpr int kLength = 100000;
  // Infer ops between two products; the first line reads the last but one.
  std::string body = "y = matmul(" + name("c", kLength - 1) + " b) f32\n";
  std::string expected = "a/f16 = cast(a) f16\nb/f16 = cast(b) f16\n";
  expected += "y = matmul(" + name("c", kLength - 1) + " b/f16) f16\n" +
              "y/f32 = cast(y) f32\n";
  for (int i = kLength - 1; i > 0; --i) {
    body += name("c", i) + " = relu(" + name("c", i - 1) + ") f32\n";
    expected += name("c", i) + " = relu(" + name("c", i - 1) + ") f16\n";
  }
  body += "c0 = matmul(a b) f32\nreturn(y)";
  expected += "c0 = matmul(a/f16 b/f16) f16\nreturn(y/f32)\n";
  EXPECT_TRUE(rewritten(body) == expected);
  EXPECT_EQ(report.input.lowered, uint64_t(kLength + 1));
}
