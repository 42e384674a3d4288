//===- LossScaleRuleTest.cpp - The loss scale, sequence by sequence -------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Every sequence of good and bad steps up to 16 against a reference that has no
// counters: it cuts the sequence into runs and divides their lengths. Also the
// sequences of TensorFlow's own unit test and the limits of the arithmetic.
//===----------------------------------------------------------------------===//

#include "amp/OpSet/LossScaleRule.h"

#include "gtest/gtest.h"

#include <cmath>
#include <string>
#include <vector>

using namespace amp;

namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kLargest = std::numeric_limits<float>::max();

/// Settings in powers of two, and a start: scales are exponents.
struct Exponents {
  int initial, growth, backoff, min, max;
  int64_t growthSteps, decreaseEvery;
};

/// What `bits` (lowest first, 1 is good) leads to, from the lengths of its
/// runs. A run of good steps begins with no good step counted, whatever came
/// before it, and so does a run of bad ones.
LossScaleState byRuns(uint32_t bits, int length, const Exponents &e) {
  int exponent = e.initial;
  int64_t good = 0, bad = 0;
  for (int at = 0; at < length;) {
    bool isGood = bits >> at & 1;
    int end = at;
    while (end < length && (bits >> end & 1) == uint32_t(isGood))
      ++end;
    int64_t run = end - at;
    at = end;
    int64_t changes = run / (isGood ? e.growthSteps : e.decreaseEvery);
    int64_t rest = run % (isGood ? e.growthSteps : e.decreaseEvery);
    good = isGood ? rest : 0;
    bad = isGood ? 0 : rest;
    for (int64_t k = 0; k < changes; ++k) {
      if (isGood)
        exponent = exponent + e.growth > e.max ? exponent : exponent + e.growth;
      else
        exponent = std::max(exponent - e.backoff, e.min);
    }
  }
  return {std::ldexp(1.0f, exponent), int32_t(good), int32_t(bad)};
}

TEST(LossScaleRule, EverySequenceUpToSixteen) {
  const Exponents settings[] = {
      {4, 1, 1, 0, 127, 1, 1},  {4, 1, 1, 0, 127, 2, 1},
      {4, 1, 1, 0, 127, 3, 1},  {4, 1, 1, 0, 127, 5, 1},
      {4, 1, 1, 0, 127, 17, 1}, {4, 1, 1, 0, 127, 2, 2},
      {4, 1, 1, 0, 127, 1, 3},  {4, 1, 1, 0, 127, 3, 17},
      {4, 1, 1, -100, 6, 2, 1}, {4, 2, 1, 3, 7, 1, 1},
      {4, 1, 3, -2, 127, 2, 2}, {126, 1, 1, 0, 127, 1, 1},
      {0, 1, 1, 0, 0, 1, 1},    {-1, 1, 1, -3, 127, 4, 1},
  };
  size_t sequences = 0;
  for (const Exponents &e : settings) {
    LossScaleParams params;
    params.growthSteps = e.growthSteps;
    params.decreaseEvery = e.decreaseEvery;
    params.growth = std::ldexp(1.0f, e.growth);
    params.backoff = std::ldexp(1.0f, -e.backoff);
    params.min = std::ldexp(1.0f, e.min);
    params.max = e.max == 127 ? kLargest : std::ldexp(1.0f, e.max);
    for (int length = 0; length <= 16; ++length) {
      for (uint32_t bits = 0; bits < 1u << length; ++bits) {
        LossScaleState state{std::ldexp(1.0f, e.initial), 0, 0};
        for (int i = 0; i < length; ++i)
          state = updateLossScale(state, bits >> i & 1, params);
        LossScaleState expected = byRuns(bits, length, e);
        ASSERT_EQ(state.scale, expected.scale)
            << "setting " << &e - settings << " bits " << bits << "/" << length;
        ASSERT_EQ(state.goodSteps, expected.goodSteps)
            << "setting " << &e - settings << " bits " << bits << "/" << length;
        ASSERT_EQ(state.badSteps, expected.badSteps)
            << "setting " << &e - settings << " bits " << bits << "/" << length;
        ++sequences;
      }
    }
  }
  EXPECT_EQ(sequences, std::size(settings) * ((1u << 17) - 1));
}

/// Scales after each step of a sequence written in T and F.
std::vector<float> scales(const std::string &sequence, float initial,
                          int64_t growthSteps, float multiplier) {
  LossScaleParams params;
  params.growthSteps = growthSteps;
  params.growth = multiplier;
  params.backoff = 1.0f / multiplier;
  LossScaleState state{initial, 0, 0};
  std::vector<float> result;
  for (char step : sequence) {
    state = updateLossScale(state, step == 'T', params);
    result.push_back(state.scale);
  }
  return result;
}

TEST(LossScaleRule, SequencesOfTensorFlowsTest) {
  using V = std::vector<float>;
  EXPECT_EQ(scales("TTTTTT", 1, 2, 2), (V{1, 2, 2, 4, 4, 8}));
  float m = kLargest / 4;
  EXPECT_EQ(scales("TTTTTT", m, 2, 2),
            (V{m, 2 * m, 2 * m, kLargest, kLargest, kLargest}));
  EXPECT_EQ(scales("FFFFFF", 1024, 2, 2), (V{512, 256, 128, 64, 32, 16}));
  EXPECT_EQ(scales("FFFFFF", 16, 2, 2), (V{8, 4, 2, 1, 1, 1}));
  EXPECT_EQ(scales("TTTFT", 1, 2, 2), (V{1, 2, 2, 1, 1}));
  EXPECT_EQ(scales("TTTFTT", 1, 1, 2), (V{2, 4, 8, 4, 8, 16}));
  EXPECT_EQ(scales("TFTFTFTFT", 1, 1, 2), (V{2, 1, 2, 1, 2, 1, 2, 1, 2}));
  EXPECT_EQ(scales("TFTFTFT", 32, 2, 2), (V{32, 16, 16, 8, 8, 4, 4}));
  EXPECT_EQ(scales("TTFTT", 4, 2, 3), (V{4, 12, 4, 4, 12}));
  EXPECT_EQ(scales("FTTTFTFTTTF", 4, 2, 2),
            (V{2, 2, 4, 4, 2, 2, 1, 1, 2, 2, 1}));
}

TEST(LossScaleRule, Presets) {
  std::vector<std::string_view> names;
  for (const LossScalePreset &preset : kLossScalePresets) {
    names.push_back(preset.name);
    EXPECT_EQ(preset.params.growthSteps, 2000) << preset.name;
    EXPECT_EQ(preset.params.growth, 2.0f) << preset.name;
    EXPECT_EQ(preset.params.backoff, 0.5f) << preset.name;
    EXPECT_EQ(preset.params.decreaseEvery, 1) << preset.name;
  }
  EXPECT_EQ(names,
            (std::vector<std::string_view>{"tf1", "tf_keras", "keras3",
                                           "pytorch", "mxnet", "paddle"}));
}

/// MXNet stops at 2^24 and has no floor. Its own scaler lets a decrease take
/// effect one step late; ours does not, which is the stated difference.
TEST(LossScaleRule, MxnetStopsAtItsLimitAndHasNoLag) {
  LossScaleParams params = kLossScalePresets[4].params;
  LossScaleState state{params.initial, 0, 0};
  std::vector<float> seen;
  for (int i = 0; i < 20000; ++i) {
    LossScaleState next = updateLossScale(state, true, params);
    if (next.scale != state.scale)
      seen.push_back(std::log2(next.scale));
    state = next;
  }
  EXPECT_EQ(seen, (std::vector<float>{17, 18, 19, 20, 21, 22, 23, 24}));
  state = updateLossScale(state, false, params);
  EXPECT_EQ(state.scale, 8388608.0f);
  for (int i = 0; i < 24; ++i)
    state = updateLossScale(state, false, params);
  EXPECT_EQ(state.scale, 0.5f);
}

TEST(LossScaleRule, LimitsOfTheArithmetic) {
  LossScaleParams params;
  params.growthSteps = 1;
  // Growth that overflows stays at the last finite scale ...
  LossScaleState state{kLargest, 0, 0};
  state = updateLossScale(state, true, params);
  EXPECT_EQ(state.scale, kLargest);
  EXPECT_EQ(state.goodSteps, 0);
  // ... unless infinity is allowed; nothing brings it back from there.
  params.max = kInf;
  state = updateLossScale(state, true, params);
  EXPECT_EQ(state.scale, kInf);
  state = updateLossScale(state, false, params);
  EXPECT_EQ(state.scale, kInf);
  // A start below the floor is lifted to it by the first bad step.
  EXPECT_EQ(updateLossScale({0.5f, 0, 0}, false, LossScaleParams()).scale,
            1.0f);
  EXPECT_EQ(updateLossScale({0.5f, 0, 0}, true, LossScaleParams()).scale, 0.5f);
  // A start above `max` never grows but does shrink.
  params.max = 8.0f;
  EXPECT_EQ(updateLossScale({64.0f, 0, 0}, true, params).scale, 64.0f);
  EXPECT_EQ(updateLossScale({64.0f, 0, 0}, false, params).scale, 32.0f);
  // Counters do not wrap.
  params.growthSteps = int64_t(1) << 40;
  params.decreaseEvery = int64_t(1) << 40;
  int32_t top = std::numeric_limits<int32_t>::max();
  EXPECT_EQ(updateLossScale({2.0f, top, 0}, true, params).goodSteps, top);
  EXPECT_EQ(updateLossScale({2.0f, 0, top}, false, params).badSteps, top);
}

} // namespace
