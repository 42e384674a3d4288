//===- LossScaleConfigTest.cpp - The value of --loss-scale ----------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// What parseLossScale takes, what it makes of presets, and the exact message
// for everything it refuses.
//===----------------------------------------------------------------------===//

#include "amp/Transforms/LossScale.h"

#include "gtest/gtest.h"

using namespace amp;

namespace {

LossScaleConfig parsed(std::string_view text) {
  std::string error;
  std::optional<LossScaleConfig> config = parseLossScale(text, error);
  EXPECT_TRUE(config) << text << ": " << error;
  EXPECT_EQ(error, "") << text;
  return config.value_or(LossScaleConfig());
}

std::string message(std::string_view text) {
  std::string error;
  EXPECT_FALSE(parseLossScale(text, error)) << text;
  return error;
}

TEST(LossScaleConfig, Modes) {
  EXPECT_EQ(parsed("none").mode, LossScaleConfig::Mode::None);
  EXPECT_EQ(parsed("dynamic").mode, LossScaleConfig::Mode::Dynamic);
  EXPECT_EQ(parsed("dynamic").params.initial, 32768.0f);
  EXPECT_EQ(parsed("128").mode, LossScaleConfig::Mode::Fixed);
  EXPECT_EQ(parsed("128").value, 128.0f);
  EXPECT_EQ(parsed("0.5").value, 0.5f);
  EXPECT_EQ(parsed("1e3").value, 1000.0f);
}

TEST(LossScaleConfig, EveryPreset) {
  for (const LossScalePreset &preset : kLossScalePresets) {
    LossScaleConfig config =
        parsed("dynamic:preset=" + std::string(preset.name));
    EXPECT_EQ(config.mode, LossScaleConfig::Mode::Dynamic) << preset.name;
    EXPECT_EQ(config.params.initial, preset.params.initial) << preset.name;
    EXPECT_EQ(config.params.min, preset.params.min) << preset.name;
    EXPECT_EQ(config.params.max, preset.params.max) << preset.name;
  }
}

TEST(LossScaleConfig, SettingsBeatThePresetInAnyOrder) {
  for (const char *text :
       {"dynamic:initial=8,growth_steps=3,growth=4,backoff=0.25,min=0.125,"
        "max=64,decrease_every=2,preset=pytorch",
        "dynamic:preset=pytorch,decrease_every=2,max=64,min=0.125,"
        "backoff=0.25,growth=4,growth_steps=3,initial=8"}) {
    LossScaleParams params = parsed(text).params;
    EXPECT_EQ(params.initial, 8.0f);
    EXPECT_EQ(params.growthSteps, 3);
    EXPECT_EQ(params.growth, 4.0f);
    EXPECT_EQ(params.backoff, 0.25f);
    EXPECT_EQ(params.min, 0.125f);
    EXPECT_EQ(params.max, 64.0f);
    EXPECT_EQ(params.decreaseEvery, 2);
  }
  EXPECT_EQ(parsed("dynamic:max=inf").params.max,
            std::numeric_limits<float>::infinity());
  EXPECT_EQ(parsed("dynamic:min=0").params.min, 0.0f);
}

TEST(LossScaleConfig, TextReadsBack) {
  for (const char *text :
       {"none", "128", "0.1", "dynamic", "dynamic:initial=65536,min=0,max=inf",
        "dynamic:growth_steps=7,growth=1.5,backoff=0.3,decrease_every=4",
        "3.4028235e+38"})
    EXPECT_EQ(toString(parsed(text)), text);
  for (const LossScalePreset &preset : kLossScalePresets) {
    LossScaleConfig config = LossScaleConfig::dynamic(preset.params);
    LossScaleConfig again = parsed(toString(config));
    EXPECT_EQ(again.params.initial, preset.params.initial);
    EXPECT_EQ(again.params.min, preset.params.min);
    EXPECT_EQ(again.params.max, preset.params.max);
  }
  EXPECT_EQ(toString(parsed("dynamic:preset=mxnet")),
            "dynamic:initial=65536,min=0,max=16777216");
}

TEST(LossScaleConfig, Refused) {
  struct {
    const char *text, *expected;
  } cases[] = {
      {"", "a loss scale is 'dynamic', 'none' or a positive number, not ''"},
      {"dynamc", "a loss scale is 'dynamic', 'none' or a positive number, not "
                 "'dynamc'; did you mean 'dynamic'?"},
      {"0", "a fixed loss scale must be a positive, finite float32, not '0'"},
      {"-4", "a fixed loss scale must be a positive, finite float32, not '-4'"},
      {"1e39",
       "a fixed loss scale must be a positive, finite float32, not '1e39'"},
      {"1e-50",
       "a fixed loss scale must be a positive, finite float32, not '1e-50'"},
      {"nan",
       "a loss scale is 'dynamic', 'none' or a positive number, not 'nan'"},
      {"inf",
       "a loss scale is 'dynamic', 'none' or a positive number, not 'inf'"},
      {"0x10",
       "a loss scale is 'dynamic', 'none' or a positive number, not '0x10'"},
      {" 8",
       "a loss scale is 'dynamic', 'none' or a positive number, not ' 8'"},
      {"8 ",
       "a loss scale is 'dynamic', 'none' or a positive number, not '8 '"},
      {"1e999",
       "a loss scale is 'dynamic', 'none' or a positive number, not '1e999'"},
      {"dynamic:", "expected key=value after 'dynamic:', not ''"},
      {"dynamic:tf1", "expected key=value after 'dynamic:', not 'tf1'"},
      {"dynamic:preset=tf1,", "expected key=value after 'dynamic:', not ''"},
      {"dynamic:=3", "expected key=value after 'dynamic:', not '=3'"},
      {"dynamic:growth_step=3",
       "unknown setting 'growth_step' of a dynamic scale; did you mean "
       "'growth_steps'?"},
      {"dynamic:min=1,min=2", "setting 'min' is given twice"},
      {"dynamic:preset=tensorflow",
       "unknown preset 'tensorflow' (tf1, tf_keras, keras3, pytorch, mxnet, "
       "paddle)"},
      {"dynamic:preset=pytorh",
       "unknown preset 'pytorh'; did you mean 'pytorch'? (tf1, tf_keras, "
       "keras3, pytorch, mxnet, paddle)"},
      {"dynamic:initial=0",
       "initial must be a positive, finite float32, not '0'"},
      {"dynamic:initial=inf",
       "initial must be a positive, finite float32, not 'inf'"},
      {"dynamic:initial=nan", "initial is a number, not 'nan'"},
      {"dynamic:initial=", "initial is a number, not ''"},
      {"dynamic:growth=1", "growth must be greater than 1 and finite, not '1'"},
      {"dynamic:growth=inf",
       "growth must be greater than 1 and finite, not 'inf'"},
      {"dynamic:backoff=1", "backoff must be between 0 and 1, not '1'"},
      {"dynamic:backoff=0", "backoff must be between 0 and 1, not '0'"},
      {"dynamic:backoff=x", "backoff is a number, not 'x'"},
      {"dynamic:growth_steps=0",
       "growth_steps is an integer from 1 to 2147483647, not '0'"},
      {"dynamic:growth_steps=1.5",
       "growth_steps is an integer from 1 to 2147483647, not '1.5'"},
      {"dynamic:growth_steps=2147483648",
       "growth_steps is an integer from 1 to 2147483647, not '2147483648'"},
      {"dynamic:growth_steps=99999999999999999999",
       "growth_steps is an integer from 1 to 2147483647, not "
       "'99999999999999999999'"},
      {"dynamic:decrease_every=-1",
       "decrease_every is an integer from 1 to 2147483647, not '-1'"},
      {"dynamic:min=-1", "min must be zero or more and finite, not '-1'"},
      {"dynamic:min=inf", "min must be zero or more and finite, not 'inf'"},
      {"dynamic:max=0", "max must be positive, not '0'"},
      {"dynamic:max=1e39", "max does not fit float32; 'inf' means no limit"},
      {"dynamic:min=4,max=2", "min is greater than max"},
      {"dynamic:max=100",
       "the initial scale lies outside min and max; give initial too"},
      {"dynamic:initial=0.5", "the initial scale lies outside min and max"},
  };
  for (auto &test : cases)
    EXPECT_EQ(message(test.text), test.expected);
}

} // namespace
