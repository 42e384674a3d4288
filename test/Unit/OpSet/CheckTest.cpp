//===- CheckTest.cpp - Checks of attribute values -------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Attribute values of the wrong kind, and the getters of the arguments.
//===----------------------------------------------------------------------===//

#include "OpCase.h"

#include <gtest/gtest.h>

using namespace amp;

namespace {

TEST(Check, ValuesOfTheWrongKind) {
  struct {
    std::string_view op, attr;
    AttrValue value;
    std::string_view message;
  } cases[] = {
      {"softmax", "axis", 1.0, "attribute 'axis' is not an integer"},
      {"softmax", "axis", std::string("1"),
       "attribute 'axis' is not an integer"},
      {"matmul", "transpose_a", int64_t(1),
       "attribute 'transpose_a' is not true or false"},
      {"elu", "alpha", int64_t(1), "attribute 'alpha' is not a number"},
      {"cast", "to", std::string("float16"), "attribute 'to' is not a dtype"},
      {"conv2d", "padding", true, "attribute 'padding' is not a string"},
      {"conv2d", "strides", int64_t(2),
       "attribute 'strides' is not a list of integers"},
      {"reshape", "shape", std::vector<int64_t>{2},
       "attribute 'shape' is not a list of sizes"},
      {"constant", "value", 1.5,
       "attribute 'value' is not a number, a list of numbers or an entry of "
       "the weights"},
  };
  for (auto &[op, attr, value, message] : cases) {
    std::vector<Attr> attrs = {{attr, value}};
    std::vector<TensorType> results;
    auto error = inferTypes(*findOp(op), {}, attrs, results);
    ASSERT_TRUE(error) << op;
    EXPECT_EQ(error->message, message);
    EXPECT_EQ(error->attr, attr);
    EXPECT_EQ(error->operand, -1);
  }
}

TEST(Check, GettersGiveTheWrittenValueOrTheDefault) {
  const OpDef &conv = *findOp("conv2d");
  std::vector<Attr> attrs = test::parseAttrs(conv, "strides=2,3 groups=4");
  OpArgs args{conv, {}, attrs};
  EXPECT_EQ(args.getInts("strides"), (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(args.getInts("dilations"), (std::vector<int64_t>{1}));
  EXPECT_EQ(args.getInt("groups"), 4);
  EXPECT_EQ(args.getEnum("padding"), "same");
  EXPECT_FALSE(args.has("window"));

  const OpDef &reduce = *findOp("reduce_sum");
  OpArgs none{reduce, {}, {}};
  EXPECT_FALSE(none.has("axes"));
  EXPECT_TRUE(none.getInts("axes").empty());
  EXPECT_FALSE(none.getBool("keep_dims"));

  // A getter of another kind reads no garbage.
  EXPECT_EQ(args.getFloat("groups"), 0.0);
  EXPECT_EQ(args.getEnum("groups"), "");
}

} // namespace
