//===- RegisteredOpsTest.cpp - The dialect against the op table ------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Every op of the table is an op of the dialect with the same attributes and
// interfaces, and the other way round.
//===----------------------------------------------------------------------===//

#include "amp/Dialect/Graph/IR/GraphOps.h"
#include "llvm/ADT/APFloat.h"
#include "gtest/gtest.h"

#include <set>

using namespace amp;
using namespace mlir;

namespace {

struct RegisteredOps : ::testing::Test {
  RegisteredOps() { context.loadDialect<graph::GraphDialect>(); }
  MLIRContext context;
};

TEST_F(RegisteredOps, EveryOpOfTheTable) {
  for (const OpDef &def : allOps()) {
    std::string name = "graph." + std::string(def.name);
    std::optional<RegisteredOperationName> op =
        RegisteredOperationName::lookup(name, &context);
    ASSERT_TRUE(op) << name;
    std::set<std::string> expected, actual;
    for (const AttrDef &attr : def.attrs)
      expected.insert(std::string(attr.name));
    if (def.name == "constant")
      expected = {"value", "weights"};
    for (StringAttr attr : op->getAttributeNames())
      actual.insert(attr.str());
    EXPECT_EQ(expected, actual) << name;
    EXPECT_TRUE(op->hasInterface<PrecisionOpInterface>()) << name;
    EXPECT_EQ(def.isUpdate, op->hasInterface<VariableUpdateOpInterface>())
        << name;
  }
}

TEST_F(RegisteredOps, NothingElse) {
  const std::set<std::string> others = {"func", "return", "variable", "read",
                                        "opaque"};
  for (RegisteredOperationName op :
       context.getRegisteredOperationsByDialect("graph")) {
    std::string name = op.stripDialect().str();
    EXPECT_NE(findOp(name) != nullptr, others.count(name) != 0) << name;
  }
}

float toFloat16(float value) {
  llvm::APFloat low = graph::convertSaturating(llvm::APFloat(value),
                                               llvm::APFloat::IEEEhalf());
  bool lossy;
  low.convert(llvm::APFloat::IEEEsingle(), llvm::APFloat::rmNearestTiesToEven,
              &lossy);
  return low.convertToFloat();
}

TEST(ConvertSaturating, KeepsWhatMatters) {
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(toFloat16(1e6f), 65504.0f);
  EXPECT_EQ(toFloat16(-1e6f), -65504.0f);
  // Rounds to 65536 but is finite.
  EXPECT_EQ(toFloat16(65520.0f), 65504.0f);
  EXPECT_EQ(toFloat16(infinity), infinity);
  EXPECT_EQ(toFloat16(-infinity), -infinity);
  EXPECT_TRUE(std::isnan(toFloat16(std::nanf(""))));
  EXPECT_EQ(toFloat16(1e-20f), std::ldexp(1.0f, -24));
  EXPECT_EQ(toFloat16(-1e-20f), -std::ldexp(1.0f, -24));
  EXPECT_EQ(toFloat16(0.0f), 0.0f);
  EXPECT_TRUE(std::signbit(toFloat16(-0.0f)));
  EXPECT_EQ(toFloat16(1.0f), 1.0f);
}

} // namespace
