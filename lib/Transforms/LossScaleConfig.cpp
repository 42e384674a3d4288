//===- LossScaleConfig.cpp - The value of --loss-scale --------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Text to LossScaleConfig and back. Plain C++, no MLIR.
//===----------------------------------------------------------------------===//

#include "amp/OpSet/Types.h"
#include "amp/OpSet/Words.h"
#include "amp/Transforms/LossScale.h"

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

using namespace amp;

namespace {

constexpr std::string_view kKeys[] = {"preset", "initial",       "growth_steps",
                                      "growth", "backoff",       "min",
                                      "max",    "decrease_every"};

std::string suggest(std::string_view word, Span<std::string_view> candidates) {
  return didYouMeanText(didYouMean(word, candidates));
}

/// The whole text as a number; infinity is one, NaN and overflow are not.
std::optional<double> parseNumber(std::string_view text) {
  if (text == "inf" || text == "infinity")
    return std::numeric_limits<double>::infinity();
  // strtod also takes leading spaces, hexadecimal and names of NaN.
  if (text.empty() ||
      text.find_first_not_of("0123456789.eE+-") != std::string_view::npos)
    return std::nullopt;
  std::string copy(text);
  char *end = nullptr;
  double value = std::strtod(copy.c_str(), &end);
  if (end != copy.c_str() + copy.size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

/// A scale: positive, and positive and finite as a float32 too.
bool parseScale(std::string_view what, std::string_view text, float &scale,
                std::string &error) {
  std::optional<double> value = parseNumber(text);
  if (!value) {
    error = std::string(what) + " is a number, not " + quoted(text);
    return false;
  }
  float rounded = static_cast<float>(*value);
  if (!(rounded > 0) || !std::isfinite(rounded)) {
    error = std::string(what) + " must be a positive, finite float32, not " +
            quoted(text);
    return false;
  }
  scale = rounded;
  return true;
}

/// Where one `key=value` goes.
class SettingsReader {
public:
  SettingsReader(LossScaleParams &params, std::string &error)
      : params(params), error(error) {}

  bool read(std::string_view key, std::string_view text) {
    if (key == "initial")
      return parseScale("initial", text, params.initial, error);
    if (key == "growth_steps")
      return readSteps(key, text, params.growthSteps);
    if (key == "decrease_every")
      return readSteps(key, text, params.decreaseEvery);
    std::optional<double> value = parseNumber(text);
    if (!value)
      return fail(std::string(key) + " is a number, not " + quoted(text));
    float number = static_cast<float>(*value);
    if (key == "growth") {
      if (!(number > 1) || !std::isfinite(number))
        return fail("growth must be greater than 1 and finite, not " +
                    quoted(text));
      params.growth = number;
    } else if (key == "backoff") {
      if (!(number > 0) || !(number < 1))
        return fail("backoff must be between 0 and 1, not " + quoted(text));
      params.backoff = number;
    } else if (key == "min") {
      if (!(number >= 0) || !std::isfinite(number))
        return fail("min must be zero or more and finite, not " + quoted(text));
      params.min = number;
    } else {
      if (!(number > 0))
        return fail("max must be positive, not " + quoted(text));
      params.max = number;
      // A finite text beyond the largest float32 is not the wish for no limit.
      if (std::isinf(number) && std::isfinite(*value))
        return fail("max does not fit float32; 'inf' means no limit");
    }
    return true;
  }

private:
  bool fail(std::string message) {
    error = std::move(message);
    return false;
  }

  bool readSteps(std::string_view key, std::string_view text, int64_t &steps) {
    constexpr int64_t most = std::numeric_limits<int32_t>::max();
    if (text.empty() || text.size() > 10 ||
        text.find_first_not_of("0123456789") != std::string_view::npos)
      return fail(std::string(key) +
                  " is an integer from 1 to 2147483647, not " + quoted(text));
    int64_t value = std::strtoll(std::string(text).c_str(), nullptr, 10);
    if (value < 1 || value > most)
      return fail(std::string(key) +
                  " is an integer from 1 to 2147483647, not " + quoted(text));
    steps = value;
    return true;
  }

  LossScaleParams &params;
  std::string &error;
};

struct KeyValue {
  std::string_view key, value;
};

/// Cuts `key=value,…`; false with a message for anything else.
bool splitSettings(std::string_view text, std::vector<KeyValue> &settings,
                   std::string &error) {
  while (true) {
    size_t comma = text.find(',');
    std::string_view item = text.substr(0, comma);
    size_t equals = item.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      error = "expected key=value after 'dynamic:', not " + quoted(item);
      return false;
    }
    KeyValue setting{item.substr(0, equals), item.substr(equals + 1)};
    bool known = false;
    for (std::string_view key : kKeys)
      known |= key == setting.key;
    if (!known) {
      error = "unknown setting " + quoted(setting.key) + " of a dynamic scale" +
              suggest(setting.key, kKeys);
      return false;
    }
    for (const KeyValue &earlier : settings) {
      if (earlier.key == setting.key) {
        error = "setting " + quoted(setting.key) + " is given twice";
        return false;
      }
    }
    settings.push_back(setting);
    if (comma == std::string_view::npos)
      return true;
    text.remove_prefix(comma + 1);
  }
}

bool readPreset(std::string_view name, LossScaleParams &params,
                std::string &error) {
  std::vector<std::string_view> names;
  for (const LossScalePreset &preset : kLossScalePresets) {
    if (preset.name == name) {
      params = preset.params;
      return true;
    }
    names.push_back(preset.name);
  }
  error = "unknown preset " + quoted(name) + suggest(name, names) +
          " (tf1, tf_keras, keras3, pytorch, mxnet, paddle)";
  return false;
}

bool parseDynamic(std::string_view text, LossScaleParams &params,
                  std::string &error) {
  std::vector<KeyValue> settings;
  if (!splitSettings(text, settings, error))
    return false;
  for (const KeyValue &setting : settings)
    if (setting.key == "preset" && !readPreset(setting.value, params, error))
      return false;
  bool initialGiven = false;
  SettingsReader reader(params, error);
  for (const KeyValue &setting : settings) {
    initialGiven |= setting.key == "initial";
    if (setting.key != "preset" && !reader.read(setting.key, setting.value))
      return false;
  }
  if (params.min > params.max) {
    error = "min is greater than max";
    return false;
  }
  if (params.initial < params.min || params.initial > params.max) {
    error = "the initial scale lies outside min and max";
    if (!initialGiven)
      error += "; give initial too";
    return false;
  }
  return true;
}

/// The shortest text that reads back to the same float32.
std::string shortest(float value) {
  if (std::isinf(value))
    return "inf";
  char buffer[40];
  for (int digits = 1; digits <= 9; ++digits) {
    std::snprintf(buffer, sizeof buffer, "%.*g", digits, double(value));
    if (std::strtof(buffer, nullptr) == value)
      break;
  }
  return buffer;
}

} // namespace

std::optional<LossScaleConfig> amp::parseLossScale(std::string_view text,
                                                   std::string &error) {
  if (text == "none")
    return LossScaleConfig::none();
  if (text == "dynamic")
    return LossScaleConfig::dynamic();
  constexpr std::string_view prefix = "dynamic:";
  if (text.substr(0, prefix.size()) == prefix) {
    LossScaleParams params;
    if (!parseDynamic(text.substr(prefix.size()), params, error))
      return std::nullopt;
    return LossScaleConfig::dynamic(params);
  }
  if (!parseNumber(text) || text == "inf" || text == "infinity") {
    constexpr std::string_view words[] = {"none", "dynamic"};
    error = "a loss scale is 'dynamic', 'none' or a positive number, not " +
            quoted(text) + suggest(text, words);
    return std::nullopt;
  }
  float value = 1.0f;
  if (!parseScale("a fixed loss scale", text, value, error))
    return std::nullopt;
  return LossScaleConfig::fixed(value);
}

std::string amp::toString(const LossScaleConfig &config) {
  if (config.mode == LossScaleConfig::Mode::None)
    return "none";
  if (config.mode == LossScaleConfig::Mode::Fixed)
    return shortest(config.value);
  const LossScaleParams defaults, &params = config.params;
  std::string text = "dynamic";
  auto add = [&](std::string_view key, const std::string &value) {
    text += text == "dynamic" ? ":" : ",";
    text += key;
    text += "=" + value;
  };
  auto number = [&](std::string_view key, float value, float usual) {
    if (value != usual)
      add(key, shortest(value));
  };
  auto steps = [&](std::string_view key, int64_t value, int64_t usual) {
    if (value != usual)
      add(key, std::to_string(value));
  };
  number("initial", params.initial, defaults.initial);
  steps("growth_steps", params.growthSteps, defaults.growthSteps);
  number("growth", params.growth, defaults.growth);
  number("backoff", params.backoff, defaults.backoff);
  number("min", params.min, defaults.min);
  number("max", params.max, defaults.max);
  steps("decrease_every", params.decreaseEvery, defaults.decreaseEvery);
  return text;
}
