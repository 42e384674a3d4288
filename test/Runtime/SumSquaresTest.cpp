//===- SumSquaresTest.cpp - Norms of gradients ----------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// What clipping by the norm of all gradients needs: one step that reads them as
// they are, in 16 bits and scaled. Also on the emulated kernels.
//===----------------------------------------------------------------------===//

#ifdef AMPRT_EMULATED_DEVICE
#include "Conformance/Conformance.h"
#endif
#include "Support.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace amprt;
using namespace amprt::test;

namespace {

#ifdef AMPRT_EMULATED_DEVICE
SessionOptions optionsFor(int) {
  SessionOptions options;
  options.openWith = conformanceCuda();
  return options;
}
bool isDry() { return conformanceIsDry(); }
#else
SessionOptions optionsFor(int threads) {
  SessionOptions options;
  options.threads = threads;
  return options;
}
constexpr bool isDry() { return false; }
#endif

std::string node(const std::string &name, const std::string &op,
                 const std::string &inputs, const std::string &attrs = "") {
  return "{\"name\": \"" + name + "\", \"op\": \"" + op + "\", \"inputs\": [" +
         inputs + "]" + (attrs.empty() ? "" : ", \"attrs\": {" + attrs + "}") +
         "}";
}

/// Σ of the squares of a float16 gradient that is divided by the scale, of a
/// bfloat16 one and of a float32 one; then `more`.
std::string graphOf(const std::string &more, const std::string &outputs) {
  auto input = [](const char *name, const char *dtype, const char *shape) {
    return std::string("{\"name\": \"") + name + "\", \"dtype\": \"" + dtype +
           "\", \"shape\": [" + shape + "]}";
  };
  const std::string sums = "\"axes\": [0, 1]";
  return oneFunction(
      "",
      input("a", "float16", "300, 233") + ", " +
          input("b", "bfloat16", "1, 5") + ", " +
          input("c", "float32", "4096, 1") + ", " +
          input("scale", "float32", ""),
      node("a/wide", "cast", "\"a\"", "\"to\": \"float32\"") + ",\n" +
          node("a/true", "unscale", "\"a/wide\", \"scale\"") + ",\n" +
          node("a/square", "square", "\"a/true\"") + ",\n" +
          node("a/sum", "reduce_sum", "\"a/square\"", sums) + ",\n" +
          node("b/wide", "cast", "\"b\"", "\"to\": \"float32\"") + ",\n" +
          node("b/square", "mul", "\"b/wide\", \"b/wide\"") + ",\n" +
          node("b/sum", "reduce_sum", "\"b/square\"", sums) + ",\n" +
          node("c/square", "square", "\"c\"") + ",\n" +
          node("c/sum", "reduce_sum", "\"c/square\"", sums) + more,
      outputs);
}

size_t count(const Program &program, Kernel kernel, size_t *parts) {
  size_t found = 0;
  for (const Step &step : program.steps)
    if (step.kernel == kernel) {
      ++found;
      *parts += step.parts.size();
    }
  return found;
}

TEST(SumSquares, OneStepReadsTheGradientsAsTheyAre) {
  std::mt19937_64 random(testSeed());
  Tensor a = randomTensor(DType::Float16, {300, 233}, random, -100, 100);
  Tensor b = randomTensor(DType::BFloat16, {1, 5}, random);
  Tensor c = randomTensor(DType::Float32, {4096, 1}, random);
  Tensor scale = tensorOf(DType::Float32, {}, {64});
  std::vector<Tensor> first;
  for (int threads : {1, 2, 3}) {
    auto session = openSession(graphOf("", "\"a/sum\", \"b/sum\", \"c/sum\""),
                               optionsFor(threads));
    ASSERT_TRUE(session);
    auto plan = session->plan("f", {});
    ASSERT_TRUE(plan.ok()) << plan.status().toString();
    size_t parts = 0;
    EXPECT_EQ(count(**plan, Kernel::SumSquares, &parts), 1u)
        << toString(**plan);
    EXPECT_EQ(parts, 3u);
    EXPECT_EQ((*plan)->steps.size(), 1u) << toString(**plan);
    auto got = session->run(
        "f", {{"a", &a}, {"b", &b}, {"c", &c}, {"scale", &scale}});
    ASSERT_TRUE(got.ok()) << got.status().toString();
    if (isDry())
      return;
    const Tensor *inputs[] = {&a, &b, &c};
    for (size_t i = 0; i < 3; ++i) {
      double sum = 0;
      for (int64_t j = 0; j < inputs[i]->size(); ++j) {
        double x = inputs[i]->at(j) / (i == 0 ? 64 : 1);
        sum += x * x;
      }
      // The squares and the sum are rounded to float32.
      EXPECT_NEAR((*got)[i].at(0), sum, 0x1p-23 * sum)
          << "result " << i << ", seed " << testSeed();
    }
    if (first.empty())
      first = *std::move(got);
    else
      for (size_t i = 0; i < 3; ++i)
        EXPECT_TRUE(sameBytes(first[i], (*got)[i])) << threads << " threads";
  }
}

/// A sum that something in between needs is made before it.
TEST(SumSquares, SumsThatOthersReadAreNotJoined) {
  const std::string more =
      ",\n" + node("d", "mul", "\"c\", \"a/sum\"") + ",\n" +
      node("d/square", "square", "\"d\"") + ",\n" +
      node("d/sum", "reduce_sum", "\"d/square\"", "\"axes\": [0, 1]");
  auto session = openSession(graphOf(more, "\"d/sum\""), optionsFor(1));
  ASSERT_TRUE(session);
  std::mt19937_64 random(testSeed());
  Tensor a = randomTensor(DType::Float16, {300, 233}, random, -1, 1);
  Tensor b = randomTensor(DType::BFloat16, {1, 5}, random);
  Tensor c = randomTensor(DType::Float32, {4096, 1}, random);
  Tensor scale = tensorOf(DType::Float32, {}, {1});
  auto got =
      session->run("f", {{"a", &a}, {"b", &b}, {"c", &c}, {"scale", &scale}});
  ASSERT_TRUE(got.ok()) << got.status().toString();
  if (isDry())
    return;
  double factor = 0, sum = 0;
  for (int64_t i = 0; i < a.size(); ++i)
    factor += a.at(i) * a.at(i);
  for (int64_t i = 0; i < c.size(); ++i)
    sum += c.at(i) * c.at(i) * factor * factor;
  EXPECT_NEAR((*got)[0].at(0), sum, 8 * 0x1p-23 * sum) << testSeed();
}

} // namespace
