//===- LossScalerTest.cpp - The loss scale of a loop of one's own ---------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Replays what the frameworks did (test/data/loss-scale) through the whole
// class, with real gradients: scale, counters, which steps were made, and the
// parameters that PyTorch's optimizer left. Then against the ops of a graph.
//===----------------------------------------------------------------------===//

#include "amprt/LossScaler.h"
#include "amprt/Half.h"
#include "amprt/Session.h"

#include "nlohmann/json.hpp"
#include "gtest/gtest.h"

#include <cmath>
#include <cstring>
#include <fstream>
#include <random>

using namespace amprt;
using nlohmann::json;

namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

json load(const std::string &name) {
  std::ifstream in(AMP_SOURCE_DIR "/test/data/loss-scale/" + name);
  EXPECT_TRUE(in) << name;
  return in ? json::parse(in) : json();
}

float number(const json &value) {
  if (value.is_string())
    return std::stof(value.get<std::string>());
  return static_cast<float>(value.get<double>());
}

amp::LossScaleParams preset(std::string_view name) {
  auto scaler = LossScaler::dynamic(name);
  EXPECT_TRUE(scaler.ok());
  return scaler->params();
}

std::vector<Tensor> tensors(const std::vector<float> &values) {
  std::vector<Tensor> list;
  for (float value : values) {
    auto tensor = Tensor::copyOf(DType::Float32, {}, &value);
    EXPECT_TRUE(tensor.ok());
    list.push_back(*std::move(tensor));
  }
  return list;
}

/// The gradients that a backward part gives for a scaled loss: `wanted` times
/// the scale, one of them bad if the recording says so.
std::vector<Tensor> scaled(const LossScaler &scaler, std::vector<float> wanted,
                           float bad) {
  for (float &value : wanted)
    value = scaler.getScaledLoss(value);
  if (bad != 0)
    wanted.back() = bad;
  return tensors(wanted);
}

float badValue(const std::string &name) {
  if (name.find("nan") != std::string::npos)
    return std::nanf("");
  if (name.find("inf") == std::string::npos)
    return 0;
  return name[0] == '-' ? -kInf : kInf;
}

TEST(LossScaler, FollowsTensorFlowAndKeras) {
  const json file = load("tensorflow-keras.json");
  const struct {
    const char *preset, *column;
  } kinds[] = {{"tf1", "v1_DynamicLossScale"},
               {"tf_keras", "tf_keras_LossScaleOptimizer"},
               {"keras3", "keras3_LossScaleOptimizer"}};
  size_t steps = 0;
  for (const auto &kind : kinds)
    for (const json &sequence : file["sequences"]) {
      if (!sequence.contains(kind.column))
        continue;
      SCOPED_TRACE(kind.column + (": " + sequence["name"].get<std::string>()));
      amp::LossScaleParams params = preset(kind.preset);
      params.initial = number(sequence["initial_scale"]);
      params.growthSteps = sequence["growth_interval"];
      params.growth = number(sequence["multiplier"]);
      params.backoff = 1 / params.growth;
      auto scaler = LossScaler::dynamic(params);
      ASSERT_TRUE(scaler.ok()) << scaler.status().message();
      const std::string pattern = sequence["finite"];
      int64_t applied = 0;
      for (size_t i = 0; i < pattern.size(); ++i) {
        const float bad = pattern[i] == '1' ? 0
                          : i % 3 == 0      ? std::nanf("")
                          : i % 3 == 1      ? kInf
                                            : -kInf;
        // Small enough not to overflow at any scale but an infinite one.
        auto gradients = scaler->getUnscaledGradients(
            scaled(*scaler, {0x1p-100f, -0x1p-100f}, bad));
        ASSERT_TRUE(gradients.ok());
        const bool infinite = std::isinf(scaler->scale());
        const bool made =
            scaler->applyGradients(*gradients, [&] { ++applied; });
        // 0 from 1/inf: at an infinite scale nothing is left of a gradient,
        // inf·0 is NaN, and the recording counts by its own pattern.
        if (infinite) {
          ASSERT_FALSE(made);
          break;
        }
        ASSERT_EQ(made, pattern[i] == '1') << "step " << i;
        const json &row = sequence[kind.column][i];
        ASSERT_EQ(scaler->scale(), number(row[0])) << "step " << i;
        ASSERT_EQ(scaler->state().goodSteps, row[1].get<int>()) << "step " << i;
        if (kind.preset == std::string("keras3")) {
          ASSERT_EQ(applied, row[2].get<int64_t>()) << "step " << i;
        }
        ++steps;
      }
    }
  EXPECT_GT(steps, 2000u);
}

TEST(LossScaler, FollowsPyTorchDownToTheParameters) {
  const json file = load("pytorch.json");
  size_t steps = 0, skipped = 0;
  for (const json &sequence : file["cases"]) {
    SCOPED_TRACE(sequence["name"].get<std::string>());
    amp::LossScaleParams params = preset("pytorch");
    params.initial = number(sequence["init_scale"]);
    params.growthSteps = sequence["growth_interval"];
    params.growth = number(sequence["growth_factor"]);
    params.backoff = number(sequence["backoff_factor"]);
    auto scaler = LossScaler::dynamic(params);
    ASSERT_TRUE(scaler.ok());
    // The recorded training: p begins at (1, 2), the loss is the sum of its
    // squares, one step subtracts 1/128 of the gradient 2p. Near the largest
    // float32 the scaled gradient overflows by itself.
    float p[2] = {1, 2};
    for (const json &step : sequence["steps"]) {
      ASSERT_EQ(scaler->scale(), number(step["scale_before"])) << step;
      auto gradients = scaler->getUnscaledGradients(
          scaled(*scaler, {2 * p[0], 2 * p[1]}, badValue(step["bad"])));
      ASSERT_TRUE(gradients.ok());
      const bool made = scaler->applyGradients(*gradients, [&] {
        for (int i = 0; i < 2; ++i)
          p[i] -= (*gradients)[size_t(i)].as<float>()[0] / 128;
      });
      ASSERT_EQ(made, !step["skipped"].get<bool>()) << step;
      ASSERT_EQ(scaler->scale(), number(step["scale_after"])) << step;
      ASSERT_EQ(scaler->state().goodSteps, step["tracker_after"].get<int>());
      for (int i = 0; i < 2; ++i)
        ASSERT_EQ(p[i], number(step["p"][size_t(i)])) << step;
      ++steps;
      skipped += !made;
    }
  }
  EXPECT_GT(steps, 600u);
  EXPECT_GT(skipped, 50u);
}

TEST(LossScaler, FollowsPaddle) {
  const json file = load("paddle.json");
  size_t steps = 0;
  for (const json &sequence : file["cases"]) {
    SCOPED_TRACE(sequence["name"].get<std::string>());
    amp::LossScaleParams params = preset("paddle");
    params.initial = number(sequence["init"]);
    params.growthSteps = sequence["incr_every_n_steps"];
    params.growth = number(sequence["incr_ratio"]);
    params.backoff = number(sequence["decr_ratio"]);
    params.decreaseEvery = sequence["decr_every_n_nan_or_inf"];
    // Some recordings begin below the floor, which settings may not.
    const float initial = params.initial;
    params.initial = std::max(initial, params.min);
    auto scaler = LossScaler::dynamic(params);
    ASSERT_TRUE(scaler.ok()) << scaler.status().message();
    scaler->setState({initial, 0, 0});
    for (const json &step : sequence["steps"]) {
      ASSERT_EQ(scaler->scale(), number(step["scale_before"])) << step;
      auto gradients = scaler->getUnscaledGradients(
          scaled(*scaler, {1, 2}, badValue(step["bad"])));
      ASSERT_TRUE(gradients.ok());
      const bool found = !scaler->applyGradients(*gradients, [] {});
      ASSERT_EQ(found, step["found"].get<bool>()) << step;
      // Paddle zeroes the gradients of a bad step.
      for (size_t i = 0; i < 2 && !found; ++i)
        ASSERT_EQ((*gradients)[i].at(0), number(step["grad_after"][i]));
      ASSERT_EQ(scaler->scale(), number(step["scale_after"])) << step;
      ASSERT_EQ(scaler->state().goodSteps, step["good"].get<int>()) << step;
      ASSERT_EQ(scaler->state().badSteps, step["badn"].get<int>()) << step;
      ++steps;
    }
  }
  EXPECT_GT(steps, 1200u);
}

/// The same arithmetic as the ops of a graph, bit for bit, in each type.
TEST(LossScaler, GivesTheBitsOfTheGraphsOps) {
  std::random_device device;
  const char *given = std::getenv("AMP_TEST_SEED");
  const uint64_t seed = given ? std::strtoull(given, nullptr, 10) : device();
  SCOPED_TRACE("AMP_TEST_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (const char *type : {"float16", "bfloat16", "float32"}) {
    const std::string text =
        std::string(R"({"format": "amp-graph", "version": "1.0", "name": "g",
"variables": [
 {"name": "loss_scale/scale", "dtype": "float32", "shape": [], "init": {"constant": {"value": 24}}, "trainable": false},
 {"name": "loss_scale/good_steps", "dtype": "int32", "shape": [], "init": {"zeros": {}}, "trainable": false},
 {"name": "loss_scale/bad_steps", "dtype": "int32", "shape": [], "init": {"zeros": {}}, "trainable": false}],
"functions": [{"name": "f", "inputs": [{"name": "g", "dtype": ")") +
        type + R"(", "shape": [1000]}], "nodes": [
 {"name": "wide", "op": "cast", "inputs": ["g"], "attrs": {"to": "float32"}},
 {"name": "u", "op": "unscale", "inputs": ["wide", "loss_scale/scale"]},
 {"name": "ok", "op": "all_finite", "inputs": ["u"]},
 {"name": "next", "op": "update_loss_scale", "inputs": ["loss_scale/scale", "loss_scale/good_steps", "loss_scale/bad_steps", "ok"],
  "attrs": {"growth_steps": 2, "growth": 3, "backoff": 0.3, "min": 0.125, "max": 1e30, "decrease_every": 2}},
 {"name": "a", "op": "assign", "inputs": ["loss_scale/scale", "next"]},
 {"name": "b", "op": "assign", "inputs": ["loss_scale/good_steps", "next:1"]},
 {"name": "c", "op": "assign", "inputs": ["loss_scale/bad_steps", "next:2"]}],
 "outputs": ["u", "ok"]}]})";
    amp::graphfile::SourceText source("g.json", text);
    amp::graphfile::Diagnostics diagnostics;
    auto file = amp::graphfile::readGraphFile(source, diagnostics);
    ASSERT_TRUE(file) << diagnostics.render(source);
    auto session = Session::create(std::move(*file));
    ASSERT_TRUE(session.ok());
    amp::LossScaleParams params;
    params.initial = 24;
    params.growthSteps = 2;
    params.growth = 3;
    params.backoff = 0.3f;
    params.min = 0.125f;
    params.max = 1e30f;
    params.decreaseEvery = 2;
    auto scaler = LossScaler::dynamic(params);
    ASSERT_TRUE(scaler.ok());
    std::normal_distribution<double> numbers(0, 10);
    for (int step = 0; step < 60; ++step) {
      const DType dtype = type == std::string("float16")    ? DType::Float16
                          : type == std::string("bfloat16") ? DType::BFloat16
                                                            : DType::Float32;
      std::vector<Tensor> gradient;
      auto made = Tensor::create(dtype, {1000});
      ASSERT_TRUE(made.ok());
      gradient.push_back(*std::move(made));
      for (int64_t i = 0; i < 1000; ++i)
        gradient[0].set(i, numbers(random));
      if (random() % 3 == 0)
        gradient[0].set(int64_t(random() % 1000),
                        random() % 2 ? double(kInf) : std::nan(""));
      auto ours = scaler->getUnscaledGradients(gradient);
      ASSERT_TRUE(ours.ok());
      auto graphs = (*session)->run("f", {{"g", &gradient[0]}});
      ASSERT_TRUE(graphs.ok()) << graphs.status().message();
      const bool finite = scaler->applyGradients(*ours, [] {});
      ASSERT_EQ(finite, (*graphs)[1].at(0) != 0) << "step " << step;
      for (int64_t i = 0; finite && i < 1000; ++i)
        ASSERT_EQ((*ours)[0].at(i), (*graphs)[0].at(i)) << "step " << step;
      auto scale = (*session)->variable("loss_scale/scale");
      auto good = (*session)->variable("loss_scale/good_steps");
      auto bad = (*session)->variable("loss_scale/bad_steps");
      ASSERT_TRUE(scale.ok() && good.ok() && bad.ok());
      ASSERT_EQ(scaler->scale(), scale->as<float>()[0]) << "step " << step;
      ASSERT_EQ(scaler->state().goodSteps, good->as<int32_t>()[0]);
      ASSERT_EQ(scaler->state().badSteps, bad->as<int32_t>()[0]);
    }
  }
}

TEST(LossScaler, AFixedScaleStays) {
  auto scaler = LossScaler::fixed(128);
  ASSERT_TRUE(scaler.ok());
  EXPECT_FALSE(scaler->isDynamic());
  EXPECT_EQ(scaler->getScaledLoss(0.5f), 64);
  bool called = false;
  EXPECT_FALSE(
      scaler->applyGradients(tensors({1, kInf}), [&] { called = true; }));
  EXPECT_FALSE(called);
  EXPECT_EQ(scaler->scale(), 128);
  EXPECT_TRUE(scaler->applyGradients(tensors({1, 2}), [&] { called = true; }));
  EXPECT_TRUE(called);
  EXPECT_EQ(scaler->scale(), 128);
}

TEST(LossScaler, RefusesWhatIsNoScale) {
  auto message = [](const amp::LossScaleParams &params) {
    auto scaler = LossScaler::dynamic(params);
    EXPECT_FALSE(scaler.ok());
    return scaler.status().message();
  };
  auto with = [&](auto member, auto value) {
    amp::LossScaleParams params;
    params.*member = value;
    return message(params);
  };
  using P = amp::LossScaleParams;
  EXPECT_EQ(with(&P::initial, -1.f),
            "loss scale: initial must be positive and finite");
  EXPECT_EQ(with(&P::initial, kInf),
            "loss scale: initial must be positive and finite");
  EXPECT_EQ(with(&P::growthSteps, 0),
            "loss scale: growth_steps is an integer from 1 to 2147483647");
  EXPECT_EQ(with(&P::decreaseEvery, int64_t(1) << 40),
            "loss scale: decrease_every is an integer from 1 to 2147483647");
  EXPECT_EQ(with(&P::growth, 1.f),
            "loss scale: growth must be greater than 1 and finite");
  EXPECT_EQ(with(&P::backoff, 1.f),
            "loss scale: backoff must be between 0 and 1");
  EXPECT_EQ(with(&P::backoff, std::nanf("")),
            "loss scale: backoff must be between 0 and 1");
  EXPECT_EQ(with(&P::min, -1.f),
            "loss scale: min must be zero or more and finite");
  EXPECT_EQ(with(&P::max, 0.f), "loss scale: max must be positive");
  EXPECT_EQ(with(&P::max, 0.5f), "loss scale: min is greater than max");
  EXPECT_EQ(with(&P::max, 4.f),
            "loss scale: the initial scale lies outside min and max");
  EXPECT_EQ(LossScaler::dynamic("tensorflow").status().message(),
            "unknown preset 'tensorflow' of the loss scale; there is tf1, "
            "tf_keras, keras3, pytorch, mxnet, paddle");
  EXPECT_EQ(LossScaler::fixed(0).status().message(),
            "loss scale: a fixed scale must be positive and finite");
  auto integers = Tensor::create(DType::Int32, {3});
  ASSERT_TRUE(integers.ok());
  std::vector<Tensor> list;
  list.push_back(*std::move(integers));
  auto scaler = LossScaler::dynamic();
  ASSERT_TRUE(scaler.ok());
  EXPECT_EQ(scaler->getUnscaledGradients(list).status().message(),
            "a gradient is float16, bfloat16 or float32, not int32 [3]");
}

} // namespace
