//===- RecomputeTest.cpp - Large values that are made twice ---------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A cast of an input that is read at both ends of a function is made at both,
// where it is large; the numbers are those of a function that is given the
// cast itself.
//===----------------------------------------------------------------------===//

#include "Support.h"

#include <gtest/gtest.h>

#include <algorithm>

using namespace amprt;
using namespace amprt::test;

namespace {

/// Products of low, the rounded input, at both ends of a chain of steps. `low`
/// is made by these nodes.
std::string graphOf(const std::string &input, const std::string &nodes) {
  std::string chain;
  std::string last = "product";
  for (int i = 0; i < 10; ++i) {
    const std::string name = "s" + std::to_string(i);
    chain += ",\n{\"name\": \"" + name +
             "\", \"op\": \"softmax\", \"inputs\": [\"" + last +
             "\"], \"attrs\": {\"axis\": 0}}";
    last = name;
  }
  return oneFunction(
      "{\"name\": \"bias\", \"dtype\": \"float32\", \"shape\": [8192], "
      "\"init\": {\"uniform\": {\"seed\": 3}}}",
      input + ", {\"name\": \"w\", \"dtype\": \"float16\", \"shape\": [8192, "
              "8]}",
      nodes +
          "{\"name\": \"product\", \"op\": \"matmul\", \"inputs\": [\"low\", "
          "\"w\"]}" +
          chain +
          ",\n{\"name\": \"back\", \"op\": \"matmul\", \"inputs\": [\"low\", "
          "\"" +
          last + "\"], \"attrs\": {\"transpose_a\": true}}",
      "\"back\"");
}
std::string rowsOf(const char *name, const char *dtype) {
  return std::string("{\"name\": \"") + name + "\", \"dtype\": \"" + dtype +
         "\", \"shape\": [\"rows\", 8192]}";
}

const std::string kSum =
    "{\"name\": \"sum\", \"op\": \"add\", \"inputs\": [\"x\", \"bias\"]},\n"
    "{\"name\": \"low\", \"op\": \"cast\", \"inputs\": [\"sum\"], \"attrs\": "
    "{\"to\": \"float16\"}},\n";

size_t casts(Session &session, int64_t rows, size_t &peak) {
  auto plan = session.plan("f", {{"rows", rows}});
  EXPECT_TRUE(plan.ok()) << plan.status().toString();
  if (!plan.ok())
    return 0;
  const Program &program = **plan;
  peak = program.totals.peakLive;
  return size_t(std::count_if(
      program.steps.begin(), program.steps.end(), [](const Step &step) {
        return step.kernel == Kernel::Elementwise && step.name == "low";
      }));
}

TEST(Recompute, LargeCastsOfInputsAreMadeAgain) {
  auto session = openSession(graphOf(rowsOf("x", "float32"), kSum));
  auto given = openSession(graphOf(rowsOf("low", "float16"), ""));
  ASSERT_TRUE(session && given);
  // 64 MiB and less.
  size_t large = 0, small = 0;
  EXPECT_EQ(casts(*session, 4096, large), 2u);
  EXPECT_EQ(casts(*session, 4095, small), 1u);

  std::mt19937_64 random(testSeed());
  Tensor x = randomTensor(DType::Float32, {4096, 8192}, random, -1, 1);
  Tensor w = randomTensor(DType::Float16, {8192, 8}, random, -0.01, 0.01);
  auto bias = session->variable("bias");
  ASSERT_TRUE(bias.ok());
  Tensor low = *Tensor::create(DType::Float16, {4096, 8192});
  for (int64_t i = 0; i < x.size(); ++i)
    low.set(i, double(float(x.at(i)) + float(bias->at(i % 8192))));
  auto a = session->run("f", {{"x", &x}, {"w", &w}});
  auto b = given->run("f", {{"low", &low}, {"w", &w}});
  ASSERT_TRUE(a.ok() && b.ok())
      << a.status().toString() << b.status().toString();
  EXPECT_TRUE(sameBytes((*a)[0], (*b)[0])) << "seed " << testSeed();
}

/// Where a variable changes in the call, every reader still sees it as it was.
TEST(Recompute, ReadsVariablesAsTheyWereOnEntry) {
  const std::string kUpdate =
      "{\"name\": \"one\", \"op\": \"constant\", \"attrs\": {\"dtype\": "
      "\"float32\", \"shape\": [8192], \"value\": 1.0}},\n"
      "{\"name\": \"step\", \"op\": \"assign_add\", \"inputs\": [\"bias\", "
      "\"one\"]},\n";
  auto still = openSession(graphOf(rowsOf("x", "float32"), kSum));
  auto moves = openSession(graphOf(rowsOf("x", "float32"), kUpdate + kSum));
  ASSERT_TRUE(still && moves);
  std::mt19937_64 random(testSeed());
  Tensor x = randomTensor(DType::Float32, {4096, 8192}, random, -1, 1);
  Tensor w = randomTensor(DType::Float16, {8192, 8}, random, -0.01, 0.01);
  auto a = still->run("f", {{"x", &x}, {"w", &w}});
  auto b = moves->run("f", {{"x", &x}, {"w", &w}});
  ASSERT_TRUE(a.ok() && b.ok())
      << a.status().toString() << b.status().toString();
  EXPECT_TRUE(sameBytes((*a)[0], (*b)[0])) << "seed " << testSeed();
}

} // namespace
