//===- PropertyTest.cpp - What holds for every type rule ------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Knowing less about the sizes never turns a fitting node into an error, and
// never gives a result that knowing more contradicts. And no node, however
// odd, crashes a rule.
//===----------------------------------------------------------------------===//

#include "OpCase.h"
#include "Sizes.h"

#include <gtest/gtest.h>

#include <random>

using namespace amp;
using namespace amp::test;

namespace {

constexpr unsigned seed = 20240612;

class PropertyTest : public ::testing::Test {
protected:
  std::mt19937 random{seed};

  int64_t pick(int64_t limit) {
    return std::uniform_int_distribution<int64_t>(0, limit - 1)(random);
  }

  /// Calls `visit` with every case that fits.
  template <typename Visit> void forFittingCases(Visit visit) {
    for (const auto *cases :
         {&elementwiseCases, &layerCases, &shapeCases, &updateCases})
      for (const OpCase &opCase : *cases) {
        if (opCase.expected.substr(0, 5) == "error")
          continue;
        SCOPED_TRACE(::testing::Message()
                     << opCase.op << " (" << opCase.operands << ") {"
                     << opCase.attrs << "}, seed " << seed);
        const OpDef &def = *findOp(opCase.op);
        std::vector<TensorType> operands = parseTypes(opCase.operands);
        std::vector<Attr> attrs = parseAttrs(def, opCase.attrs);
        std::vector<TensorType> results;
        ASSERT_FALSE(inferTypes(def, operands, attrs, results));
        visit(def, operands, attrs, results);
      }
  }
};

void expectFitting(const std::vector<TensorType> &results,
                   const std::vector<TensorType> &others) {
  ASSERT_EQ(results.size(), others.size());
  for (size_t i = 0; i < results.size(); ++i) {
    EXPECT_EQ(results[i].dtype, others[i].dtype);
    EXPECT_TRUE(opset::fits(results[i].shape, others[i].shape))
        << toString(results[i]) << " and " << toString(others[i]);
  }
}

TEST_F(PropertyTest, KnowingLessFitsToo) {
  forFittingCases([&](const OpDef &def, const std::vector<TensorType> &operands,
                      const std::vector<Attr> &attrs,
                      const std::vector<TensorType> &results) {
    for (int round = 0; round < 50; ++round) {
      std::vector<TensorType> vague = operands;
      for (TensorType &type : vague)
        for (Dim &dim : type.shape)
          if (pick(3) == 0)
            dim = Dim::unknown();
      std::vector<TensorType> vagueResults;
      auto error = inferTypes(def, vague, attrs, vagueResults);
      ASSERT_FALSE(error) << error->message;
      expectFitting(vagueResults, results);
    }
  });
}

TEST_F(PropertyTest, NamesMayBecomeNumbers) {
  forFittingCases([&](const OpDef &def, const std::vector<TensorType> &operands,
                      const std::vector<Attr> &attrs,
                      const std::vector<TensorType> &results) {
    // Distinct numbers that many others divide, by the first letter; k is the
    // size of a window.
    auto numbers = [](Shape &shape) {
      for (Dim &dim : shape)
        if (dim.isNamed())
          dim = Dim::fixed(
              dim.name() == "k" ? 3 : 720 * (1 + dim.name().front() - 'a'));
    };
    std::vector<TensorType> exact = operands, expected = results;
    for (auto *types : {&exact, &expected})
      for (TensorType &type : *types)
        numbers(type.shape);
    std::vector<Attr> exactAttrs = attrs;
    for (Attr &attr : exactAttrs)
      if (Shape *shape = std::get_if<Shape>(&attr.value))
        numbers(*shape);
    std::vector<TensorType> exactResults;
    auto error = inferTypes(def, exact, exactAttrs, exactResults);
    ASSERT_FALSE(error) << error->message;
    expectFitting(exactResults, expected);
  });
}

TEST_F(PropertyTest, NoNodeCrashesARule) {
  const int64_t numbers[] = {0,  1,  2, 3,         4,         5,
                             -1, -2, 7, INT64_MAX, INT64_MIN, int64_t(1) << 40};
  auto number = [&] { return numbers[pick(std::size(numbers))]; };
  auto dim = [&] {
    switch (pick(5)) {
    case 0:
      return Dim::unknown();
    case 1:
      return Dim::named(pick(2) ? "n" : "m");
    default:
      int64_t size = number();
      return Dim::fixed(size < 0 ? 1 : size);
    }
  };
  auto shape = [&] {
    Shape result;
    for (int64_t rank = pick(6); rank > 0; --rank)
      result.push_back(dim());
    return result;
  };
  auto value = [&](AttrKind kind, const AttrDef *attr) -> AttrValue {
    switch (kind) {
    case AttrKind::Bool:
      return pick(2) == 1;
    case AttrKind::Int:
      return number();
    case AttrKind::Float: {
      const double floats[] = {0, 0.5, 1, 2, -1, 1e300, 0.0 / 0.0, 1.0 / 0.0};
      return floats[pick(std::size(floats))];
    }
    case AttrKind::DType:
      return DType(pick(numDTypes));
    case AttrKind::Enum:
      if (!attr->choices.empty() && pick(4))
        return std::string(attr->choices[pick(attr->choices.size())]);
      return std::string("odd");
    case AttrKind::Ints: {
      std::vector<int64_t> list;
      for (int64_t length = pick(6); length > 0; --length)
        list.push_back(number());
      return list;
    }
    case AttrKind::Dims:
      return shape();
    case AttrKind::Value: {
      if (pick(4) == 0)
        return std::shared_ptr<const Literal>();
      Literal literal;
      literal.splat = pick(2);
      for (int64_t i = pick(4); i > 0; --i)
        literal.ints.push_back(number());
      for (int64_t i = pick(4); i > 0; --i)
        literal.floats.push_back(1e39);
      for (int64_t i = pick(3); i > 0; --i)
        literal.nesting.push_back(number());
      return std::make_shared<const Literal>(literal);
    }
    }
    return false;
  };

  int fitting = 0;
  for (int round = 0; round < 200000; ++round) {
    const OpDef &def = allOps()[pick(allOps().size())];
    DType dtype = pick(3) ? DType::Float32 : DType(pick(numDTypes));
    std::vector<TensorType> operands;
    size_t count = def.minOperands();
    if (pick(4) == 0)
      count = size_t(pick(8));
    Shape common = shape();
    for (size_t i = 0; i < count; ++i)
      operands.push_back({pick(8) ? dtype : DType(pick(numDTypes)),
                          pick(3) ? common : shape()});
    std::vector<Attr> attrs;
    for (const AttrDef &attr : def.attrs)
      if (pick(3))
        attrs.push_back(
            {attr.name,
             value(pick(50) ? attr.kind : AttrKind(pick(8)), &attr)});
    std::vector<TensorType> results;
    auto error = inferTypes(def, operands, attrs, results);
    if (error) {
      EXPECT_TRUE(results.empty());
      EXPECT_FALSE(error->message.empty());
      EXPECT_LT(error->operand, int(operands.size()));
    } else {
      ++fitting;
      if (!def.variadicResults) {
        EXPECT_EQ(results.size(), def.results.size()) << def.name;
      }
    }
  }
  EXPECT_GT(fitting, 10000);
}

} // namespace
