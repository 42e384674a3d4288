//===- SpecialTest.cpp - Conformance: what references do not show ---------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Dropout and its random numbers, shared maxima, gradients at zeros, look-ups
// out of range.
//===----------------------------------------------------------------------===//

#include "Conformance.h"
#include "amprt/Philox.h"

using namespace amprt;
using namespace amprt::test;

namespace {

const Covers covers({"dropout", "dropout_grad"});

template <typename... Tensors> std::vector<Tensor> list(Tensors... tensors) {
  std::vector<Tensor> result;
  (result.push_back(std::move(tensors)), ...);
  return result;
}

class SpecialConformance : public Conformance {};

/// x, its dropout and the gradient of that, from one function.
std::string dropoutGraph(int64_t count, const std::string &seed,
                         const std::string &dtype) {
  std::string attrs = "\"attrs\": {\"rate\": 0.25, \"seed\": " + seed +
                      ", \"training\": true}}";
  return oneFunction(
      "",
      "{\"name\": \"x\", \"dtype\": \"" + dtype + "\", \"shape\": [" +
          std::to_string(count) + "]}",
      "{\"name\": \"drop\", \"op\": \"dropout\", \"inputs\": [\"x\"], " +
          attrs +
          ",\n{\"name\": \"back\", \"op\": \"dropout_grad\", \"inputs\": "
          "[\"x\", \"x\"], \"origin\": \"drop\", " +
          attrs,
      "\"drop\", \"back\"");
}

TEST_P(SpecialConformance, DropoutIsPhilox) {
  constexpr int64_t count = 50001;
  for (const char *dtype : {"float32", "float16", "bfloat16", "float64"})
    // A seed that no double holds.
    for (int64_t seed : {int64_t(0), int64_t(-3), (int64_t(1) << 60) + 1})
      for (uint64_t own : {0u, 5u}) {
        SessionOptions options;
        selectDevice(options);
        options.seed = own;
        options.threads = 2;
        auto session = openSession(
            dropoutGraph(count, std::to_string(seed), dtype), options);
        ASSERT_TRUE(session);
        Tensor x = tensorOf(*amp::parseDType(dtype), {count},
                            std::vector<double>(count, 3));
        for (uint32_t step = 0; step < 2; ++step) {
          auto got = session->run("f", {{"x", &x}});
          ASSERT_TRUE(got.ok()) << got.status().toString();
          if (isNull())
            continue;
          ASSERT_TRUE(sameBytes((*got)[0], (*got)[1]))
              << "another mask backward";
          int64_t kept = 0;
          for (int64_t i = 0; i < count; ++i) {
            Philox4 words =
                philox({uint32_t(i / 4), 0, step, philoxNode("drop")},
                       {uint32_t(mixSeeds(uint64_t(seed), own)),
                        uint32_t(mixSeeds(uint64_t(seed), own) >> 32)});
            bool keep = (words[size_t(i % 4)] >> 8) >= (1u << 22); // 2^24 / 4
            ASSERT_EQ((*got)[0].at(i), keep ? 4.0 : 0.0) << i;
            kept += keep;
          }
          // Five standard deviations of a binomial distribution.
          EXPECT_NEAR(double(kept), 0.75 * count,
                      5 * std::sqrt(count * 0.75 * 0.25));
        }
      }
}

TEST_P(SpecialConformance, DropoutKeepsNothingOfNaN) {
  Tensor x = tensorOf(DType::Float32, {64}, std::vector<double>(64, NAN));
  auto got = run("dropout", list(std::move(x)),
                 "\"rate\": 0.5, \"seed\": 1, \"training\": true");
  ASSERT_FALSE(got.empty());
  if (isNull())
    return;
  int zeros = 0;
  for (double value : values(got[0])) {
    EXPECT_TRUE(value == 0 || std::isnan(value));
    zeros += value == 0;
  }
  EXPECT_GT(zeros, 10);
  EXPECT_LT(zeros, 54);
}

TEST_P(SpecialConformance, EqualElementsShareTheGradient) {
  for (DType dtype : kFloats) {
    Tensor g = tensorOf(dtype, {2}, {6, 4});
    Tensor x = tensorOf(dtype, {2, 4}, {2, 5, 5, 5, -1, -1, 3, -1});
    expectExactly(
        run("reduce_max_grad", list(*g.clone(), *x.clone()), "\"axes\": 1"),
        {0, 2, 2, 2, 0, 0, 4, 0}, "reduce_max_grad");
    Tensor least = tensorOf(dtype, {2}, {8, 9});
    expectExactly(run("reduce_min_grad", list(std::move(least), std::move(x)),
                      "\"axes\": 1"),
                  {8, 0, 0, 0, 3, 3, 0, 3}, "reduce_min_grad");
    Tensor zeros = tensorOf(dtype, {2, 3}, {2, 0, 5, 0, 7, 0});
    Tensor two = tensorOf(dtype, {2}, {1, 1});
    expectExactly(run("reduce_prod_grad",
                      list(std::move(two), std::move(zeros)), "\"axes\": 1"),
                  {0, 10, 0, 0, 0, 0}, "reduce_prod_grad");
    Tensor a = tensorOf(dtype, {3}, {1, 2, 3}),
           b = tensorOf(dtype, {3}, {1, 3, 2});
    Tensor ones = tensorOf(dtype, {3}, {1, 1, 1});
    expectExactly(
        run("maximum_grad", list(*ones.clone(), *a.clone(), *b.clone())),
        {1, 0, 1}, "maximum_grad");
    expectExactly(
        run("minimum_grad", list(*ones.clone(), *a.clone(), *b.clone())),
        {1, 1, 0}, "minimum_grad");
  }
}

TEST_P(SpecialConformance, GradientsAtTheEdges) {
  double inf = INFINITY, nan = std::nan("");
  for (DType dtype : kFloats) {
    auto grad = [&](const char *op, std::vector<double> x,
                    const char *attrs = "") {
      Tensor g = tensorOf(dtype, {int64_t(x.size())},
                          std::vector<double>(x.size(), 2));
      return run(op,
                 list(std::move(g), tensorOf(dtype, {int64_t(x.size())}, x)),
                 attrs);
    };
    expectExactly(grad("relu_grad", {0, -0.0, nan}), {0, 0, 0}, "relu_grad");
    expectExactly(grad("relu6_grad", {0, 6, 3, nan}), {0, 0, 2, 0},
                  "relu6_grad");
    expectExactly(
        grad("clip_grad", {-1, 1, 1.5, nan}, "\"min\": -1, \"max\": 1"),
        {2, 2, 0, 0}, "clip_grad");
    expectExactly(grad("abs_grad", {0, -3, inf}), {0, -2, 2}, "abs_grad");
    expectExactly(grad("tanh_grad", {inf, -inf, 0}), {0, 0, 2}, "tanh_grad");
    expectExactly(grad("sigmoid_grad", {inf, -inf, 0}), {0, 0, 0.5},
                  "sigmoid_grad");
    expectExactly(grad("softplus_grad", {inf, -inf, 0}), {2, 0, 1},
                  "softplus_grad");
    // 0 ** 0 is 1 whatever its exponent does.
    Tensor g = tensorOf(dtype, {2}, {1, 1}), a = tensorOf(dtype, {2}, {0, 0}),
           b = tensorOf(dtype, {2}, {0, 2});
    auto both =
        run("pow_grad", list(std::move(g), std::move(a), std::move(b)), "", 2);
    expectExactly(both, {0, 0}, "pow_grad");
    if (!isNull()) {
      EXPECT_EQ(values(both[1]), (std::vector<double>{0, 0}));
    }
  }
}

TEST_P(SpecialConformance, LookupsOutOfRangeAreErrors) {
  for (int64_t bad : {-1, 3}) {
    SessionOptions options;
    selectDevice(options);
    auto session = openSession(
        oneFunction("",
                    "{\"name\": \"p\", \"dtype\": \"float32\", \"shape\": "
                    "[3, 2]}, {\"name\": \"i\", \"dtype\": \"int32\", "
                    "\"shape\": [2]}",
                    "{\"name\": \"rows\", \"op\": \"gather\", \"inputs\": "
                    "[\"p\", \"i\"]}",
                    "\"rows\""),
        options);
    ASSERT_TRUE(session);
    Tensor p = randomTensor(DType::Float32, {3, 2}, random);
    Tensor i = tensorOf(DType::Int32, {2}, {0, double(bad)});
    auto got = session->run("f", {{"p", &p}, {"i", &i}});
    if (isNull())
      continue;
    ASSERT_FALSE(got.ok());
    EXPECT_EQ(got.status().code(), Code::InvalidArgument);
    EXPECT_EQ(got.status().message(),
              "node 'rows': element 1 of the indices is " +
                  std::to_string(bad) + ", expected 0 to 2");
  }
}

AMP_CONFORMANCE_DEVICES(SpecialConformance);

} // namespace
