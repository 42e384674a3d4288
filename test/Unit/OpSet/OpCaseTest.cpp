//===- OpCaseTest.cpp - Type rules, case by case --------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Runs the tables of cases, and sees that no op is left out of them.
//===----------------------------------------------------------------------===//

#include "OpCase.h"

#include <gtest/gtest.h>

#include <set>

using namespace amp;
using namespace amp::test;

namespace {

void runAll(const std::vector<OpCase> &cases) {
  for (const OpCase &opCase : cases)
    EXPECT_EQ(run(opCase), opCase.expected)
        << opCase.op << " (" << opCase.operands << ") {" << opCase.attrs << "}";
}

TEST(OpCases, Elementwise) { runAll(elementwiseCases); }
TEST(OpCases, Layers) { runAll(layerCases); }
TEST(OpCases, Shapes) { runAll(shapeCases); }
TEST(OpCases, Updates) { runAll(updateCases); }

/// Every op has a case that fits and one that does not.
TEST(OpCases, CoverEveryOp) {
  std::set<std::string_view> fitting, failing;
  for (const auto *cases :
       {&elementwiseCases, &layerCases, &shapeCases, &updateCases})
    for (const OpCase &opCase : *cases) {
      bool isError = opCase.expected.substr(0, 5) == "error";
      (isError ? failing : fitting).insert(opCase.op);
    }
  for (const OpDef &def : allOps()) {
    EXPECT_TRUE(fitting.count(def.name)) << def.name;
    EXPECT_TRUE(failing.count(def.name)) << def.name;
  }
}

/// Messages are lower case, without a trailing period and without "should".
TEST(OpCases, MessagesFollowTheStyle) {
  for (const auto *cases :
       {&elementwiseCases, &layerCases, &shapeCases, &updateCases})
    for (const OpCase &opCase : *cases) {
      if (opCase.expected.substr(0, 5) != "error")
        continue;
      std::string text = run(opCase);
      EXPECT_NE(text.back(), '.') << text;
      EXPECT_EQ(text.find("should"), std::string::npos) << text;
    }
}

/// After an error the results are as they were before the call.
TEST(OpCases, AnErrorLeavesNoResults) {
  const OpDef *def = findOp("split");
  std::vector<TensorType> results = parseTypes("f32[7]");
  auto error = inferTypes(*def, parseTypes("f32[4]"),
                          parseAttrs(*def, "axis=0 sizes=1,2"), results);
  ASSERT_TRUE(error);
  EXPECT_EQ(results, parseTypes("f32[7]"));
  error = inferTypes(*def, parseTypes("f32[4]"),
                     parseAttrs(*def, "axis=0 sizes=1,3"), results);
  ASSERT_FALSE(error);
  EXPECT_EQ(results, parseTypes("f32[7] f32[1] f32[3]"));
}

} // namespace
