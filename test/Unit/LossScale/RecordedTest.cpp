//===- RecordedTest.cpp - The scale follows what the frameworks did -------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Replays sequences recorded from TensorFlow, Keras, PyTorch and PaddlePaddle
// (test/data/loss-scale) step by step: scale and counters must be equal to the
// bit. One column differs on purpose: tf_keras counts skipped steps.
//===----------------------------------------------------------------------===//

#include "amp/OpSet/LossScaleRule.h"

#include "nlohmann/json.hpp"
#include "gtest/gtest.h"

#include <fstream>

using namespace amp;
using nlohmann::json;

namespace {

json load(const std::string &name) {
  std::ifstream in(AMP_SOURCE_DIR "/test/data/loss-scale/" + name);
  EXPECT_TRUE(in) << name;
  return in ? json::parse(in) : json();
}

LossScaleParams preset(std::string_view name) {
  for (const LossScalePreset &entry : kLossScalePresets)
    if (entry.name == name)
      return entry.params;
  ADD_FAILURE() << "no preset " << name;
  return {};
}

float number(const json &value) {
  if (value.is_string())
    return std::stof(value.get<std::string>());
  return static_cast<float>(value.get<double>());
}

/// Settings that the recording shortened, so that everything happens.
LossScaleParams shortened(std::string_view name, const json &sequence) {
  LossScaleParams params = preset(name);
  params.initial = number(sequence["initial_scale"]);
  params.growthSteps = sequence["growth_interval"];
  params.growth = number(sequence["multiplier"]);
  params.backoff = 1.0f / params.growth;
  return params;
}

/// Replays one recorded column; calls `check(step, state, applied)`.
template <typename Check>
void replay(const json &sequence, const LossScaleParams &params, Check check) {
  LossScaleState state{params.initial, 0, 0};
  const std::string pattern = sequence["finite"];
  int64_t applied = 0;
  for (size_t i = 0; i < pattern.size(); ++i) {
    bool finite = pattern[i] == '1';
    state = updateLossScale(state, finite, params);
    applied += finite;
    check(i, state, applied, finite);
  }
}

TEST(RecordedLossScale, TensorFlow1) {
  json file = load("tensorflow-keras.json");
  size_t steps = 0;
  for (const json &sequence : file["sequences"]) {
    SCOPED_TRACE(sequence["name"].get<std::string>());
    const json &column = sequence["v1_DynamicLossScale"];
    replay(sequence, shortened("tf1", sequence),
           [&](size_t i, const LossScaleState &state, int64_t, bool finite) {
             ASSERT_EQ(state.scale, number(column[i][0])) << "step " << i;
             ASSERT_EQ(state.goodSteps, column[i][1].get<int>())
                 << "step " << i;
             ASSERT_EQ(finite, column[i][2].get<bool>()) << "step " << i;
             ++steps;
           });
  }
  EXPECT_GT(steps, 800u);
}

TEST(RecordedLossScale, TfKeras) {
  json file = load("tensorflow-keras.json");
  size_t steps = 0;
  bool differs = false;
  for (const json &sequence : file["sequences"]) {
    if (!sequence.contains("tf_keras_LossScaleOptimizer"))
      continue;
    SCOPED_TRACE(sequence["name"].get<std::string>());
    const json &column = sequence["tf_keras_LossScaleOptimizer"];
    replay(sequence, shortened("tf_keras", sequence),
           [&](size_t i, const LossScaleState &state, int64_t applied, bool) {
             ASSERT_EQ(state.scale, number(column[i][0])) << "step " << i;
             ASSERT_EQ(state.goodSteps, column[i][1].get<int>())
                 << "step " << i;
             // The stated difference: tf_keras counts every step, ours counts
             // the steps that were applied.
             ASSERT_EQ(column[i][2].get<int64_t>(), int64_t(i) + 1);
             differs |= applied != int64_t(i) + 1;
             ++steps;
           });
  }
  EXPECT_GT(steps, 700u);
  EXPECT_TRUE(differs) << "no recorded sequence skips a step";
}

TEST(RecordedLossScale, Keras3) {
  json file = load("tensorflow-keras.json");
  size_t steps = 0;
  bool grewPastLargest = false;
  for (const json &sequence : file["sequences"]) {
    if (!sequence.contains("keras3_LossScaleOptimizer"))
      continue;
    SCOPED_TRACE(sequence["name"].get<std::string>());
    const json &column = sequence["keras3_LossScaleOptimizer"];
    replay(sequence, shortened("keras3", sequence),
           [&](size_t i, const LossScaleState &state, int64_t applied, bool) {
             ASSERT_EQ(state.scale, number(column[i][0])) << "step " << i;
             ASSERT_EQ(state.goodSteps, column[i][1].get<int>())
                 << "step " << i;
             ASSERT_EQ(applied, column[i][2].get<int64_t>()) << "step " << i;
             ASSERT_EQ(applied, column[i][3].get<int64_t>()) << "step " << i;
             grewPastLargest |=
                 state.scale == std::numeric_limits<float>::infinity();
             ++steps;
           });
  }
  EXPECT_GT(steps, 700u);
  EXPECT_TRUE(grewPastLargest);
}

TEST(RecordedLossScale, PyTorch) {
  json file = load("pytorch.json");
  size_t steps = 0;
  for (const json &sequence : file["cases"]) {
    SCOPED_TRACE(sequence["name"].get<std::string>());
    LossScaleParams params = preset("pytorch");
    params.growthSteps = sequence["growth_interval"];
    params.growth = number(sequence["growth_factor"]);
    params.backoff = number(sequence["backoff_factor"]);
    LossScaleState state{number(sequence["init_scale"]), 0, 0};
    for (const json &step : sequence["steps"]) {
      ASSERT_EQ(state.scale, number(step["scale_before"])) << step;
      // Not every skipped step was made bad: near the largest float32 the
      // scaled gradients overflow by themselves.
      bool finite = !step["skipped"].get<bool>();
      ASSERT_TRUE(!finite || step["bad"].get<std::string>().empty()) << step;
      state = updateLossScale(state, finite, params);
      ASSERT_EQ(state.scale, number(step["scale_after"])) << step;
      ASSERT_EQ(state.goodSteps, step["tracker_after"].get<int>()) << step;
      ++steps;
    }
  }
  EXPECT_GT(steps, 600u);
}

TEST(RecordedLossScale, Paddle) {
  json file = load("paddle.json");
  size_t steps = 0;
  for (const json &sequence : file["cases"]) {
    SCOPED_TRACE(sequence["name"].get<std::string>());
    LossScaleParams params = preset("paddle");
    params.growthSteps = sequence["incr_every_n_steps"];
    params.growth = number(sequence["incr_ratio"]);
    params.backoff = number(sequence["decr_ratio"]);
    params.decreaseEvery = sequence["decr_every_n_nan_or_inf"];
    LossScaleState state{number(sequence["init"]), 0, 0};
    for (const json &step : sequence["steps"]) {
      ASSERT_EQ(state.scale, number(step["scale_before"])) << step;
      bool finite = !step["found"].get<bool>();
      state = updateLossScale(state, finite, params);
      ASSERT_EQ(state.scale, number(step["scale_after"])) << step;
      ASSERT_EQ(state.goodSteps, step["good"].get<int>()) << step;
      ASSERT_EQ(state.badSteps, step["badn"].get<int>()) << step;
      ++steps;
    }
  }
  EXPECT_GT(steps, 1200u);
}

} // namespace
