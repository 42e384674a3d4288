//===- GradientEpilogueTest.cpp - Gradients in the epilogues of products --===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A dense layer with ReLU or GELU, forward and backward, planned for an H200:
// which steps are left, and that the cpu device gives the same numbers for this
// plan as for its own.
//===----------------------------------------------------------------------===//

#include "Layers.h"
#include "amprt/Planner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

using namespace amprt;
using namespace amprt::test;

namespace {

Program planLayer(const LayerOptions &layer, const char *device) {
  auto file = readGraph(layerGraph(layer));
  EXPECT_TRUE(file);
  auto program = planFunction(*file, 0, {}, *DeviceTraits::find(device));
  EXPECT_TRUE(program.ok()) << program.status().toString();
  return *std::move(program);
}

/// The texts of the products, from their names on.
std::vector<std::string> products(const Program &program) {
  std::vector<std::string> lines;
  std::string text = toString(program);
  for (size_t at = 0; (at = text.find(": matmul ", at)) != std::string::npos;) {
    at += 9;
    lines.push_back(text.substr(at, text.find(" (", at) - at));
  }
  return lines;
}
size_t count(const Program &program, Kernel kernel) {
  return size_t(std::count_if(
      program.steps.begin(), program.steps.end(),
      [&](const Step &step) { return step.kernel == kernel; }));
}

TEST(GradientEpilogue, ReluAndBiasAreInTheProducts) {
  Program program = planLayer({}, "h200");
  EXPECT_EQ(products(program),
            (std::vector<std::string>{
                "relu m=24 n=40 k=16 +bias +relu_mask",
                "out m=24 n=8 k=40",
                "relu_grad m=24 n=40 k=8 transpose_b +relu_grad +sum_rows",
                "out_grad m=40 n=8 k=24 transpose_a +sum_b",
                "kernel_grad m=16 n=40 k=24 transpose_a"}))
      << toString(program);
  EXPECT_EQ(count(program, Kernel::Reduce), 0u) << toString(program);
  EXPECT_EQ(count(program, Kernel::Elementwise), 0u) << toString(program);
  // The cpu's own plan has them apart.
  for (const std::string &line : products(planLayer({}, "cpu")))
    EXPECT_EQ(line.find("_grad +"), std::string::npos) << line;
}

TEST(GradientEpilogue, GeluKeepsTheValueItReads) {
  LayerOptions layer;
  layer.activation = "gelu";
  Program program = planLayer(layer, "h200");
  EXPECT_EQ(products(program)[0], "gelu m=24 n=40 k=16 +bias +gelu_input");
  EXPECT_EQ(products(program)[2],
            "gelu_grad m=24 n=40 k=8 transpose_b +gelu_grad +sum_rows");
  EXPECT_EQ(count(program, Kernel::Elementwise), 0u) << toString(program);
  // The form with erf is no epilogue of a GPU's.
  layer.approximate = false;
  EXPECT_GE(count(planLayer(layer, "h200"), Kernel::Elementwise), 2u);
}

TEST(GradientEpilogue, MasksHaveRowsOf128Bits) {
  EXPECT_EQ(maskPitch(1), 128);
  EXPECT_EQ(maskPitch(128), 128);
  EXPECT_EQ(maskPitch(129), 256);
  LayerOptions layer;
  layer.hidden = 136;
  Program program = planLayer(layer, "h200");
  auto mask = std::find_if(
      program.buffers.begin(), program.buffers.end(),
      [](const Buffer &buffer) { return buffer.name == "relu/mask"; });
  ASSERT_NE(mask, program.buffers.end());
  EXPECT_EQ(mask->dtype, DType::UInt8);
  EXPECT_EQ(mask->dims, (Dims{24, 32}));
}

TEST(GradientEpilogue, WhatIsReadElsewhereStays) {
  LayerOptions layer;
  layer.alsoOutput = "input_grad"; // the gradient in front of ReLU's
  Program program = planLayer(layer, "h200");
  for (const std::string &line : products(program))
    EXPECT_EQ(line.find("+relu_grad"), std::string::npos) << line;
  // Float32 products have none of it.
  layer = {};
  layer.type = DType::Float32;
  for (const std::string &line : products(planLayer(layer, "h200")))
    EXPECT_TRUE(line.find("grad +") == std::string::npos &&
                line.find("mask") == std::string::npos)
        << line;
}

TEST(GradientEpilogue, NumbersAreThoseOfTheCpusPlan) {
  for (DType type : {DType::Float16, DType::BFloat16})
    for (const char *activation : {"relu", "gelu"})
      for (auto [rows, hidden] :
           {std::pair(24, 40), {1, 8}, {3, 136}, {70, 264}, {5, 7}}) {
        LayerOptions layer;
        layer.type = type;
        layer.activation = activation;
        layer.rows = rows;
        layer.hidden = hidden;
        SCOPED_TRACE(std::string(amp::dtypeName(type)) + " " + activation +
                     " " + std::to_string(rows) + " x " +
                     std::to_string(hidden));
        SessionOptions gpu;
        gpu.planFor = "h200";
        expectSameLayer(layer, {}, gpu);
      }
}

/// NaN and infinity: ReLU's gradient is 0 where the value is not above 0.
TEST(GradientEpilogue, MasksOfNumbersThatAreNotFinite) {
  LayerOptions layer;
  SessionOptions gpu;
  gpu.planFor = "h200";
  std::mt19937_64 random(testSeed());
  std::vector<Tensor> inputs = layerInputs(layer, random);
  for (int64_t j = 0; j < 16; ++j) {
    inputs[0].set(16 + j, std::nan(""));
    inputs[0].set(32 + j, 60000);
  }
  expectSameLayer(layer, {}, gpu, &inputs);
}

} // namespace
