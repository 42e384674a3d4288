//===- GpuTest.cpp - Which products tensor cores multiply -----------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// By the line that describes a GPU and the types of a function's products.
//===----------------------------------------------------------------------===//

#include "Support.h"
#include "amprt/Gpu.h"

#include <gtest/gtest.h>

using namespace amprt;
using namespace amprt::test;

namespace {

TEST(TensorCores, CapabilityOfADevice) {
  EXPECT_EQ(computeCapability("NVIDIA H200, compute capability 9.0, 150 GB"),
            std::pair(9, 0));
  EXPECT_EQ(computeCapability("Tesla T4, compute capability 7.5"),
            std::pair(7, 5));
  EXPECT_EQ(computeCapability("no GPU"), std::pair(0, 0));
  EXPECT_EQ(computeCapability("x, compute capability ?"), std::pair(0, 0));
}

/// What is said of a network whose products have this type.
std::pair<std::string, std::string> said(DType type, int major, bool tf32) {
  MlpOptions options;
  options.type = type;
  auto file = readGraph(mlpGraph(options));
  EXPECT_TRUE(file);
  TensorCoreUse use = tensorCoreUse({major, 0}, *file, 0, tf32);
  return {use.describe(), use.warning(major >= 8)};
}

TEST(TensorCores, WarnsOfProductsThatTheyDoNotMultiply) {
  using Said = std::pair<std::string, std::string>;
  EXPECT_EQ(said(DType::Float16, 9, false),
            Said("tensor cores multiply float16", ""));
  EXPECT_EQ(said(DType::Float16, 7, false),
            Said("tensor cores multiply float16", ""));
  EXPECT_EQ(said(DType::BFloat16, 8, false),
            Said("tensor cores multiply bfloat16", ""));
  EXPECT_EQ(said(DType::BFloat16, 7, false),
            Said("tensor cores multiply nothing of this function",
                 "products of bfloat16 run outside the tensor cores"));
  EXPECT_EQ(said(DType::Float16, 6, false).second,
            "products of float16 run outside the tensor cores");
  EXPECT_EQ(said(DType::Float32, 9, true),
            Said("tensor cores multiply float32", ""));
  EXPECT_EQ(said(DType::Float32, 9, false).second,
            "products of float32 run outside the tensor cores; --tf32=on or a "
            "file that amp-opt has rewritten uses them");
  EXPECT_EQ(said(DType::Float32, 7, true).second,
            "products of float32 run outside the tensor cores; a file that "
            "amp-opt has rewritten uses them");
}

} // namespace
