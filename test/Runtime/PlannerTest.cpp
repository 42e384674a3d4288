//===- PlannerTest.cpp - Plans keep what they promise ---------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Memory plans never let live buffers overlap, orders keep readers in front of
// updates, and unsupported functions are refused with all their ops.
//===----------------------------------------------------------------------===//

#include "amprt/Planner.h"
#include "Support.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

using namespace amprt;
using namespace amprt::test;

namespace {

size_t aligned(size_t bytes) { return (bytes + 255) / 256 * 256; }

void expectNoOverlap(const std::vector<LiveRange> &ranges,
                     const MemoryPlan &plan) {
  for (size_t i = 0; i < ranges.size(); ++i) {
    EXPECT_EQ(plan.offsets[i] % 256, 0u);
    EXPECT_LE(plan.offsets[i] + ranges[i].bytes, plan.bytes);
    for (size_t j = 0; j < i; ++j) {
      bool together = ranges[i].first <= ranges[j].last &&
                      ranges[j].first <= ranges[i].last;
      bool overlap =
          plan.offsets[i] < plan.offsets[j] + aligned(ranges[j].bytes) &&
          plan.offsets[j] < plan.offsets[i] + aligned(ranges[i].bytes);
      EXPECT_FALSE(together && overlap && ranges[i].bytes && ranges[j].bytes)
          << i << " and " << j << " seed " << testSeed();
    }
  }
}

TEST(MemoryPlan, RandomRangesNeverOverlap) {
  std::mt19937_64 random(testSeed());
  for (int round = 0; round < 200; ++round) {
    std::vector<LiveRange> ranges(1 + random() % 60);
    std::vector<int64_t> live(41, 0);
    for (LiveRange &range : ranges) {
      range.bytes = random() % 5 ? random() % 5000 : 0;
      range.first = uint32_t(random() % 40);
      range.last = std::min(39u, range.first + uint32_t(random() % 10));
      for (uint32_t t = range.first; t <= range.last; ++t)
        live[t] += int64_t(aligned(range.bytes));
    }
    MemoryPlan plan = planMemory(ranges);
    expectNoOverlap(ranges, plan);
    EXPECT_EQ(plan.peakLive,
              size_t(*std::max_element(live.begin(), live.end())));
    EXPECT_GE(plan.bytes, plan.peakLive);
  }
}

TEST(MemoryPlan, TrainingLifetimesReachTheLowerBound) {
  // Activations live from forward to backward, gradients for two steps.
  std::vector<LiveRange> ranges;
  constexpr uint32_t layers = 24;
  for (uint32_t i = 0; i < layers; ++i) {
    ranges.push_back({1000 + 300 * i, i, 2 * layers - i});
    ranges.push_back({1000 + 300 * i, 2 * layers - i - 1, 2 * layers - i});
  }
  MemoryPlan plan = planMemory(ranges);
  expectNoOverlap(ranges, plan);
  EXPECT_EQ(plan.bytes, plan.peakLive);
}

TEST(MemoryPlan, Nothing) {
  MemoryPlan plan = planMemory({});
  EXPECT_EQ(plan.bytes, 0u);
  EXPECT_EQ(plan.peakLive, 0u);
}

/// Runs a program on paper: which buffers are whole in the arena.
void expectSoundProgram(const Program &program) {
  struct Written {
    size_t begin, end;
  };
  std::vector<Written> whole;
  auto placeOf = [&](uint32_t index) {
    const Buffer &buffer = program.buffers[index];
    EXPECT_LE(buffer.offset + buffer.bytes(), program.totals.arenaBytes);
    return Written{buffer.offset, buffer.offset + buffer.bytes()};
  };
  auto inArena = [&](uint32_t index) {
    return program.buffers[index].space == Space::Arena &&
           program.buffers[index].bytes() > 0;
  };
  std::map<uint32_t, size_t> updated; // variable -> step
  for (size_t i = 0; i < program.steps.size(); ++i) {
    const Step &step = program.steps[i];
    auto read = [&](uint32_t operand) {
      if (inArena(operand)) {
        Written place = placeOf(operand);
        EXPECT_TRUE(std::any_of(whole.begin(), whole.end(),
                                [&](const Written &w) {
                                  return w.begin == place.begin &&
                                         w.end == place.end;
                                }))
            << "step " << i << " reads what is not there, seed " << testSeed()
            << "\n"
            << toString(program);
      }
      const Buffer &buffer = program.buffers[operand];
      EXPECT_FALSE(buffer.space == Space::Variable &&
                   updated.count(buffer.index))
          << "step " << i << " reads a variable after its update\n"
          << toString(program);
    };
    for (uint32_t operand : step.operands)
      read(operand);
    if (step.condition != kNoBuffer)
      read(step.condition);
    for (uint32_t result : step.results) {
      if (inArena(result)) {
        Written place = placeOf(result);
        whole.erase(std::remove_if(whole.begin(), whole.end(),
                                   [&](const Written &w) {
                                     return w.begin < place.end &&
                                            place.begin < w.end;
                                   }),
                    whole.end());
        whole.push_back(place);
      }
      if (program.buffers[result].space == Space::Variable)
        updated[program.buffers[result].index] = i;
    }
  }
  EXPECT_GE(program.totals.arenaBytes, program.totals.peakLive);
}

/// A random graph of element-wise ops, products, reductions and updates over
/// matrices of one size.
std::string randomGraph(std::mt19937_64 &random) {
  std::string nodes, variables;
  std::vector<std::string> values = {"x", "y"};
  for (int i = 0; i < 4; ++i) {
    std::string name = "v" + std::to_string(i);
    variables += (i ? ", " : "") + std::string("{\"name\": \"") + name +
                 "\", \"dtype\": \"float32\", \"shape\": [6, 6], \"init\": "
                 "{\"uniform\": {\"seed\": " +
                 std::to_string(i) + "}}}";
    values.push_back(name);
  }
  auto pick = [&] { return values[random() % values.size()]; };
  int count = 5 + int(random() % 40);
  auto node = [&](const std::string &name, const std::string &op,
                  const std::vector<std::string> &inputs,
                  const std::string &attrs = "") {
    nodes += (nodes.empty() ? "" : ",\n") + std::string("{\"name\": \"") +
             name + "\", \"op\": \"" + op + "\", \"inputs\": [";
    for (size_t i = 0; i < inputs.size(); ++i)
      nodes += (i ? ", \"" : "\"") + inputs[i] + "\"";
    nodes += "]" + (attrs.empty() ? "" : ", \"attrs\": {" + attrs + "}") + "}";
  };
  for (int i = 0; i < count; ++i) {
    std::string name = "n" + std::to_string(i);
    switch (random() % 8) {
    case 0:
      node(name, "matmul", {pick(), pick()},
           random() % 2 ? "\"transpose_b\": true" : "");
      break;
    case 1:
      node(name, "tanh", {pick()});
      break;
    case 2:
      node(name, "relu", {pick()});
      break;
    case 3:
      node(name, "reshape", {pick()}, "\"shape\": [6, 6]");
      break;
    case 4:
      node(name, "transpose", {pick()}, "\"perm\": [1, 0]");
      break;
    case 5:
      node(name, "identity", {pick()});
      break;
    default:
      node(name, random() % 2 ? "sub" : "maximum", {pick(), pick()});
    }
    values.push_back(name);
  }
  for (int i = 0; i < 4; ++i)
    if (random() % 3)
      node("u" + std::to_string(i), random() % 2 ? "assign" : "assign_add",
           {"v" + std::to_string(i), pick()});
  std::string outputs;
  for (int i = 0; i < 3; ++i) {
    std::string value = pick();
    outputs += (i ? ", " : "") + std::string("{\"name\": \"o") +
               std::to_string(i) + "\", \"value\": \"" + value + "\"}";
  }
  return oneFunction(
      variables,
      "{\"name\": \"x\", \"dtype\": \"float32\", \"shape\": [6, 6]}, "
      "{\"name\": \"y\", \"dtype\": \"float32\", \"shape\": [6, 6]}",
      nodes, outputs);
}

/// Every step on its own, with no fusion at all.
DeviceTraits literalTraits() {
  DeviceTraits traits;
  traits.name = "literal";
  traits.productEpilogue = false;
  traits.maxFused = 0;
  return traits;
}

TEST(Planner, RandomGraphsArePlannedSoundly) {
  std::mt19937_64 random(testSeed());
  for (int round = 0; round < 150; ++round) {
    auto file = readGraph(randomGraph(random));
    ASSERT_TRUE(file);
    for (const DeviceTraits &traits :
         {DeviceTraits::cpu(), DeviceTraits::h200(), literalTraits()}) {
      auto program = planFunction(*file, 0, {}, traits);
      ASSERT_TRUE(program.ok()) << program.status().toString();
      expectSoundProgram(*program);
    }
  }
}

TEST(Planner, MlpProgramsAreSound) {
  for (DType type : {DType::Float32, DType::Float16, DType::BFloat16}) {
    MlpOptions options;
    options.type = type;
    options.sizes = {784, 4096, 4096, 10};
    options.lossScale = 32768;
    auto file = readGraph(mlpGraph(options));
    ASSERT_TRUE(file);
    for (const DeviceTraits &traits :
         {DeviceTraits::cpu(), DeviceTraits::h200(), literalTraits()}) {
      auto program = planFunction(*file, 1, {{"batch", 8192}}, traits);
      ASSERT_TRUE(program.ok()) << program.status().toString();
      expectSoundProgram(*program);
      EXPECT_LE(double(program->totals.arenaBytes),
                1.02 * double(program->totals.peakLive));
      // 6 FLOP per weight and example, without the first layer's input
      // gradient.
      uint64_t weights = 784u * 4096 + 4096u * 4096 + 4096u * 10;
      EXPECT_EQ(program->totals.flop,
                6 * 8192 * weights - 2ull * 8192 * 784 * 4096);
    }
  }
}

TEST(Planner, AllUnsupportedOpsAreNamed) {
  auto file = readGraph(oneFunction(
      "", "{\"name\": \"x\", \"dtype\": \"float32\", \"shape\": [1, 8, 8, 4]}",
      "{\"name\": \"p\", \"op\": \"mylib.pool\", \"inputs\": [\"x\"], "
      "\"types\": [{\"dtype\": \"float32\", \"shape\": [1, 4]}]},\n"
      "{\"name\": \"r\", \"op\": \"relu\", \"inputs\": [\"p\"]},\n"
      "{\"name\": \"c\", \"op\": \"mylib.scan\", \"inputs\": [\"r\"], "
      "\"types\": [{\"dtype\": \"float32\", \"shape\": [1, 4]}]}",
      "\"c\""));
  ASSERT_TRUE(file);
  auto program = planFunction(*file, 0, {}, DeviceTraits::cpu());
  ASSERT_FALSE(program.ok());
  EXPECT_EQ(program.status().code(), Code::Unimplemented);
  EXPECT_EQ(program.status().message(),
            "function 'f' has ops that the device 'cpu' does not run: "
            "mylib.pool (node 'p'), mylib.scan (node 'c')");
}

TEST(Planner, UnknownSizeIsNamed) {
  auto file = readGraph(oneFunction(
      "", "{\"name\": \"x\", \"dtype\": \"float32\", \"shape\": [\"batch\"]}",
      "{\"name\": \"r\", \"op\": \"relu\", \"inputs\": [\"x\"]}", "\"r\""));
  ASSERT_TRUE(file);
  auto program = planFunction(*file, 0, {}, DeviceTraits::cpu());
  ASSERT_FALSE(program.ok());
  EXPECT_EQ(program.status().code(), Code::InvalidArgument);
  EXPECT_NE(program.status().message().find("size 'batch' of 'x'"),
            std::string::npos);
}

} // namespace
