//===- LossScaler.cpp - The loss scale for a loop of one's own ------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Settings are checked as amp-opt checks them; arithmetic is float32.
//===----------------------------------------------------------------------===//

#include "amprt/LossScaler.h"
#include "amp/OpSet/Types.h"
#include "amprt/Half.h"

#include <cmath>

using namespace amprt;

/// Why settings are none, or nothing.
static std::string mistakeOf(const amp::LossScaleParams &p) {
  constexpr int64_t most = std::numeric_limits<int32_t>::max();
  if (!(p.initial > 0) || !std::isfinite(p.initial))
    return "initial must be positive and finite";
  if (p.growthSteps < 1 || p.growthSteps > most)
    return "growth_steps is an integer from 1 to 2147483647";
  if (p.decreaseEvery < 1 || p.decreaseEvery > most)
    return "decrease_every is an integer from 1 to 2147483647";
  if (!(p.growth > 1) || !std::isfinite(p.growth))
    return "growth must be greater than 1 and finite";
  if (!(p.backoff > 0) || !(p.backoff < 1))
    return "backoff must be between 0 and 1";
  if (!(p.min >= 0) || !std::isfinite(p.min))
    return "min must be zero or more and finite";
  if (!(p.max > 0))
    return "max must be positive";
  if (p.min > p.max)
    return "min is greater than max";
  if (p.initial < p.min || p.initial > p.max)
    return "the initial scale lies outside min and max";
  return {};
}

Result<LossScaler> LossScaler::dynamic(std::string_view preset) {
  std::string names;
  for (const amp::LossScalePreset &entry : amp::kLossScalePresets) {
    if (entry.name == preset)
      return dynamic(entry.params);
    names += (names.empty() ? "" : ", ") + std::string(entry.name);
  }
  return Status(Code::InvalidArgument,
                "unknown preset '" + std::string(preset) +
                    "' of the loss scale; there is " + names);
}

Result<LossScaler> LossScaler::dynamic(const amp::LossScaleParams &params) {
  if (const std::string mistake = mistakeOf(params); !mistake.empty())
    return Status(Code::InvalidArgument, "loss scale: " + mistake);
  LossScaler scaler;
  scaler.settings = params;
  scaler.current = {params.initial, 0, 0};
  return scaler;
}

Result<LossScaler> LossScaler::fixed(float scale) {
  if (!(scale > 0) || !std::isfinite(scale))
    return Status(Code::InvalidArgument,
                  "loss scale: a fixed scale must be positive and finite");
  LossScaler scaler;
  scaler.settings.initial = scaler.current.scale = scale;
  scaler.follows = false;
  return scaler;
}

void LossScaler::unscale(float *gradient, int64_t count) const {
  const float inverse = 1 / current.scale;
  for (int64_t i = 0; i < count; ++i)
    gradient[i] *= inverse;
}

Result<std::vector<Tensor>>
LossScaler::getUnscaledGradients(const std::vector<Tensor> &gradients) const {
  std::vector<Tensor> unscaled;
  for (const Tensor &gradient : gradients) {
    const DType dtype = gradient.dtype();
    if (!amp::isLow(dtype) && dtype != DType::Float32)
      return Status(Code::InvalidArgument,
                    "a gradient is float16, bfloat16 or float32, not " +
                        describe(dtype, gradient.dims()));
    AMPRT_ASSIGN_OR_RETURN(Tensor result,
                           Tensor::create(DType::Float32, gradient.dims()));
    float *to = result.as<float>();
    for (int64_t i = 0, e = gradient.size(); i < e; ++i)
      to[i] = dtype == DType::Float32 ? gradient.as<float>()[i]
              : dtype == DType::Float16
                  ? halfToFloat(gradient.as<uint16_t>()[i])
                  : bfloatToFloat(gradient.as<uint16_t>()[i]);
    unscale(to, gradient.size());
    unscaled.push_back(std::move(result));
  }
  return unscaled;
}

bool LossScaler::areFinite(const std::vector<Tensor> &gradients) {
  for (const Tensor &gradient : gradients) {
    if (!amp::isFloating(gradient.dtype()))
      continue;
    // All bits of the exponent set, as in the kernel of all_finite.
    const int64_t count = gradient.size();
    bool bad = false;
    if (gradient.dtype() == DType::Float32) {
      const auto *bits = gradient.as<uint32_t>();
      for (int64_t i = 0; i < count; ++i)
        bad |= (bits[i] & 0x7f800000) == 0x7f800000;
    } else {
      for (int64_t i = 0; i < count && !bad; ++i)
        bad = !std::isfinite(gradient.at(i));
    }
    if (bad)
      return false;
  }
  return true;
}
