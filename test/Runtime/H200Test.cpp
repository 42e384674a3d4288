//===- H200Test.cpp - A product planned for an H200, run here -------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// What is planned for a GPU is proven without one: layers of the guide's
// network in 16 bits, planned for an H200's traits (rows padded to multiples of
// 8, bias and ReLU in the product's epilogue, one 16-bit store), executed by
// the cpu device and compared with float64.
//===----------------------------------------------------------------------===//

#include "Support.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace amprt;
using namespace amprt::test;

namespace {

struct Layer {
  DType type;
  int64_t rows, in, out;
};

class H200Probe : public ::testing::TestWithParam<Layer> {};

TEST_P(H200Probe, LayerMatchesFloat64) {
  const Layer &layer = GetParam();
  std::string type(amp::dtypeName(layer.type));
  auto tensor = [&](const char *name, const std::string &shape) {
    return std::string("{\"name\": \"") + name + "\", \"dtype\": \"" + type +
           "\", \"shape\": [" + shape + "]}";
  };
  std::string in = std::to_string(layer.in), out = std::to_string(layer.out);
  SessionOptions options;
  options.planFor = "h200";
  auto session = openSession(
      oneFunction(
          "",
          tensor("x", "\"batch\", " + in) + ", " +
              tensor("w", in + ", " + out) + ", " + tensor("b", out),
          "{\"name\": \"matmul\", \"op\": \"matmul\", \"inputs\": [\"x\", "
          "\"w\"]},\n"
          "{\"name\": \"bias_add\", \"op\": \"bias_add\", \"inputs\": "
          "[\"matmul\", \"b\"]},\n"
          "{\"name\": \"relu\", \"op\": \"relu\", \"inputs\": [\"bias_add\"]}",
          "\"relu\""),
      options);
  ASSERT_TRUE(session);

  // The plan: one product does it all; every row of it is a multiple of 8.
  auto plan = session->plan("f", {{"batch", layer.rows}});
  ASSERT_TRUE(plan.ok()) << plan.status().toString();
  const Program &program = **plan;
  size_t products = 0;
  for (const Step &step : program.steps) {
    if (step.kernel != Kernel::Matmul) {
      EXPECT_EQ(step.nodes, (std::vector<std::string>{"copy"}));
      continue;
    }
    ++products;
    EXPECT_TRUE(step.params.bias && step.params.relu);
    EXPECT_FALSE(step.params.hasScratch);
    EXPECT_EQ(step.nodes,
              (std::vector<std::string>{"matmul", "bias_add", "relu"}));
    for (uint32_t buffer :
         {step.operands[0], step.operands[1], step.results[0]}) {
      EXPECT_EQ(program.buffers[buffer].pitch % 8, 0) << toString(program);
      EXPECT_EQ(program.buffers[buffer].dtype, layer.type);
    }
  }
  EXPECT_EQ(products, 1u);

  std::mt19937_64 random(testSeed());
  Tensor x = randomTensor(layer.type, {layer.rows, layer.in}, random, -1, 1);
  Tensor w = randomTensor(layer.type, {layer.in, layer.out}, random, -0.1, 0.1);
  Tensor b = randomTensor(layer.type, {layer.out}, random, -1, 1);
  auto outputs = session->run("f", {{"x", &x}, {"w", &w}, {"b", &b}});
  ASSERT_TRUE(outputs.ok()) << outputs.status().toString();
  const Tensor &got = (*outputs)[0];
  ASSERT_EQ(got.dims(), (Dims{layer.rows, layer.out}));
  std::vector<double> xs = values(x), ws = values(w), bs = values(b);
  // One rounding to 16 bits, and float32 sums of `in` products: each of the
  // in + 1 additions may be off by 2^-24 of the sum of magnitudes.
  double store = layer.type == DType::Float16 ? 0x1p-11 : 0x1p-8;
  double tiny = layer.type == DType::Float16 ? 0x1p-25 : 0x1p-133;
  for (int64_t i = 0; i < layer.rows; ++i)
    for (int64_t j = 0; j < layer.out; ++j) {
      double sum = bs[size_t(j)], magnitude = std::fabs(sum);
      for (int64_t k = 0; k < layer.in; ++k) {
        double term =
            xs[size_t(i * layer.in + k)] * ws[size_t(k * layer.out + j)];
        sum += term;
        magnitude += std::fabs(term);
      }
      double expected = std::max(sum, 0.0);
      double bound =
          store * expected + double(layer.in + 1) * 0x1p-24 * magnitude + tiny;
      ASSERT_NEAR(got.at(i * layer.out + j), expected, bound)
          << i << ", " << j << " seed " << testSeed();
    }
}

INSTANTIATE_TEST_SUITE_P(
    Layers, H200Probe,
    ::testing::Values(Layer{DType::Float16, 64, 784, 4096}, // dense_1
                      Layer{DType::Float16, 64, 4096, 10},  // out: 10 -> 16
                      Layer{DType::BFloat16, 64, 4096, 10},
                      Layer{DType::Float16, 3, 13, 5}, // every size is odd
                      Layer{DType::BFloat16, 1, 1, 1}),
    [](const auto &info) {
      return std::string(amp::dtypeName(info.param.type)) + "_" +
             std::to_string(info.param.rows) + "x" +
             std::to_string(info.param.in) + "x" +
             std::to_string(info.param.out);
    });

} // namespace
