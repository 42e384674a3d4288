//===- GoldenTest.cpp - Plans of the guide's network ----------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The whole program of a training step at batch 8192, as text, for the cpu's
// and an H200's traits, compared with the files in Golden. Set
// AMP_UPDATE_GOLDEN=1 to write them anew, and read the difference.
//===----------------------------------------------------------------------===//

#include "Support.h"
#include "amprt/Planner.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

using namespace amprt;
using namespace amprt::test;

namespace {

struct Case {
  const char *name;
  DType type;
  const char *device;
  const char *function;
};

class Golden : public ::testing::TestWithParam<Case> {};

TEST_P(Golden, ProgramIsAsRecorded) {
  const Case &c = GetParam();
  MlpOptions options;
  options.sizes = {784, 4096, 4096, 10};
  options.type = c.type;
  if (c.type == DType::Float16)
    options.lossScale = 32768;
  auto file = readGraph(mlpGraph(options));
  ASSERT_TRUE(file);
  size_t function = file->file.functions[0].name == c.function ? 0 : 1;
  auto program = planFunction(*file, function, {{"batch", 8192}},
                              *DeviceTraits::find(c.device));
  ASSERT_TRUE(program.ok()) << program.status().toString();
  std::string text = toString(*program);
  std::string path =
      std::string(AMP_SOURCE_DIR) + "/test/Runtime/Golden/" + c.name + ".txt";
  if (std::getenv("AMP_UPDATE_GOLDEN")) {
    std::ofstream(path) << text;
    return;
  }
  std::ifstream in(path);
  ASSERT_TRUE(in) << "no file " << path;
  std::stringstream expected;
  expected << in.rdbuf();
  EXPECT_EQ(text, expected.str());
}

INSTANTIATE_TEST_SUITE_P(
    Guide, Golden,
    ::testing::Values(
        Case{"train.float32.cpu", DType::Float32, "cpu", "train"},
        Case{"train.float16.cpu", DType::Float16, "cpu", "train"},
        Case{"train.float16.h200", DType::Float16, "h200", "train"},
        Case{"train.bfloat16.h200", DType::BFloat16, "h200", "train"},
        Case{"predict.float16.h200", DType::Float16, "h200", "predict"},
        Case{"predict.float16.cpu", DType::Float16, "cpu", "predict"}),
    [](const auto &info) {
      std::string name = info.param.name;
      for (char &c : name)
        if (c == '.')
          c = '_';
      return name;
    });

} // namespace
