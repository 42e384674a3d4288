//===- PhiloxTest.cpp - Random numbers and initial values -----------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The published test vectors of Philox 4x32-10, and the ranges and moments of
// the initial values made with it.
//===----------------------------------------------------------------------===//

#include "amprt/Philox.h"
#include "Support.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace amprt;
using namespace amprt::test;

namespace {

// Known answers of Random123 1.09 (Salmon et al.), philox4x32 with 10 rounds.
TEST(Philox, PublishedVectors) {
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}),
            (Philox4{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
                   {0xffffffff, 0xffffffff}),
            (Philox4{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                   {0xa4093822, 0x299f31d0}),
            (Philox4{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

/// A session with one variable "v" of 200 x 300, initialised by `init`.
Tensor initialised(const std::string &init, uint64_t seed = 0,
                   const std::string &name = "v") {
  SessionOptions options;
  options.seed = seed;
  auto session = openSession(
      oneFunction("{\"name\": \"" + name +
                      "\", \"dtype\": \"float32\", \"shape\": [200, 300], "
                      "\"init\": {" +
                      init + "}}",
                  "",
                  "{\"name\": \"n\", \"op\": \"identity\", \"inputs\": [\"" +
                      name + "\"]}",
                  "\"n\""),
      options);
  return *session->variable(name);
}

struct Moments {
  double mean, deviation, low, high;
};
Moments momentsOf(const Tensor &tensor) {
  double sum = 0, squares = 0, low = INFINITY, high = -INFINITY;
  for (double x : values(tensor)) {
    sum += x;
    squares += x * x;
    low = std::min(low, x);
    high = std::max(high, x);
  }
  double n = double(tensor.size()), mean = sum / n;
  return {mean, std::sqrt(squares / n - mean * mean), low, high};
}

TEST(Initialise, Uniforms) {
  double limit = std::sqrt(6.0 / 500);
  Moments m = momentsOf(initialised("\"glorot_uniform\": {\"seed\": 1}"));
  // Five standard errors of the mean of 60,000 numbers.
  EXPECT_NEAR(m.mean, 0, 5 * limit / std::sqrt(3.0 * 60000));
  EXPECT_NEAR(m.deviation, limit / std::sqrt(3.0), 0.01 * limit);
  EXPECT_GE(m.low, -limit);
  EXPECT_LT(m.high, limit);
  EXPECT_LT(m.low, -0.999 * limit);
  EXPECT_GT(m.high, 0.999 * limit);
  m = momentsOf(initialised("\"he_uniform\": {\"seed\": 1}"));
  EXPECT_NEAR(m.high, std::sqrt(6.0 / 200), 1e-3 * std::sqrt(6.0 / 200));
  m = momentsOf(
      initialised("\"uniform\": {\"low\": 2.0, \"high\": 5.0, \"seed\": 9}"));
  EXPECT_NEAR(m.mean, 3.5, 0.02);
  EXPECT_GE(m.low, 2);
  EXPECT_LE(m.high, 5);
}

TEST(Initialise, Normals) {
  Moments m = momentsOf(
      initialised("\"normal\": {\"mean\": 1.0, \"stddev\": 2.0, \"seed\": 4}"));
  EXPECT_NEAR(m.mean, 1, 5 * 2 / std::sqrt(60000.0));
  EXPECT_NEAR(m.deviation, 2, 0.03);
  double deviation = std::sqrt(2.0 / 500);
  m = momentsOf(initialised("\"glorot_normal\": {\"seed\": 4}"));
  EXPECT_NEAR(m.deviation, deviation, 0.02 * deviation);
  // Cut off at two standard deviations of the uncut distribution.
  EXPECT_LE(m.high, 2 * deviation / 0.8796256 * 1.0001);
  m = momentsOf(initialised("\"he_normal\": {\"seed\": 4}"));
  EXPECT_NEAR(m.deviation, std::sqrt(2.0 / 200), 0.02 * std::sqrt(2.0 / 200));
}

TEST(Initialise, DependsOnSeedAndName) {
  std::string init = "\"uniform\": {\"seed\": 3}";
  Tensor a = initialised(init), b = initialised(init);
  EXPECT_TRUE(sameBytes(a, b));
  EXPECT_FALSE(sameBytes(a, initialised(init, 1)));
  EXPECT_FALSE(sameBytes(a, initialised(init, 0, "w")));
  EXPECT_FALSE(sameBytes(a, initialised("\"uniform\": {\"seed\": 4}")));
  // Element i comes from Philox's word i % 4 of block i / 4.
  Philox4 words = philoxBlock(3, 1, 0, philoxNode("v"));
  EXPECT_EQ(a.as<float>()[6], float(-0.05 + 0.1 * philoxUniform(words[2])));
}

TEST(Initialise, Constants) {
  EXPECT_EQ(momentsOf(initialised("\"zeros\": {}")).high, 0);
  EXPECT_EQ(momentsOf(initialised("\"ones\": {}")).low, 1);
  EXPECT_EQ(momentsOf(initialised("\"constant\": {\"value\": 0.5}")).low, 0.5);
}

} // namespace
