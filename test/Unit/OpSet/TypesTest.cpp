//===- TypesTest.cpp - Names and text of types ----------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Element type names, texts for messages and "did you mean".
//===----------------------------------------------------------------------===//

#include "amp/OpSet/OpSet.h"

#include <gtest/gtest.h>

using namespace amp;

namespace {

TEST(Types, DTypeNamesReadBack) {
  const std::string_view names[] = {"float16", "bfloat16", "float32",
                                    "float64", "int8",     "uint8",
                                    "int32",   "int64",    "bool"};
  const size_t sizes[] = {2, 2, 4, 8, 1, 1, 4, 8, 1};
  for (size_t i = 0; i < numDTypes; ++i) {
    EXPECT_EQ(dtypeName(DType(i)), names[i]);
    EXPECT_EQ(parseDType(names[i]), DType(i));
    EXPECT_EQ(dtypeSize(DType(i)), sizes[i]);
    EXPECT_EQ(isFloating(DType(i)), i < 4);
    EXPECT_EQ(isLow(DType(i)), i < 2);
    EXPECT_EQ(isInteger(DType(i)), i >= 4 && i < 8);
  }
  EXPECT_FALSE(parseDType("Float32"));
  EXPECT_FALSE(parseDType(""));
}

TEST(Types, TextForMessages) {
  TensorType type{DType::BFloat16,
                  {Dim::named("batch"), Dim::fixed(784), Dim::unknown()}};
  EXPECT_EQ(toString(type), "bfloat16 [\"batch\", 784, null]");
  EXPECT_EQ(toString(Shape()), "[]");
  EXPECT_EQ(toString(Dim::fixed(0)), "0");
}

TEST(Types, DidYouMean) {
  const std::string_view names[] = {"relu", "relu6", "elu", "matmul", "sub"};
  EXPECT_EQ(didYouMean("rellu", names), "relu");
  EXPECT_EQ(didYouMean("matmlu", names), "matmul");
  EXPECT_EQ(didYouMean("mtmul", names), "matmul");
  EXPECT_EQ(didYouMean("MatMul", names), "matmul");
  EXPECT_EQ(didYouMean("relu", names), "relu");
  EXPECT_EQ(didYouMean("bus", names), "");
  EXPECT_EQ(didYouMean("convolution", names), "");
  EXPECT_EQ(didYouMean("", names), "");
  EXPECT_EQ(didYouMean(std::string(100000, 'x'), names), "");
  EXPECT_EQ(didYouMean("relu", {}), "");
}

TEST(Types, NearestOp) {
  EXPECT_EQ(nearestOp("matmull"), "matmul");
  EXPECT_EQ(nearestOp("sofmax"), "softmax");
  EXPECT_EQ(nearestOp("sparse_softmax_crossentropy"),
            "sparse_softmax_cross_entropy");
  EXPECT_EQ(nearestOp("no_such_thing_at_all"), "");
}

} // namespace
