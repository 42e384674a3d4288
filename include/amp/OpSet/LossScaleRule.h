//===- LossScaleRule.h - How a dynamic loss scale changes -------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The meaning of the op `update_loss_scale`: one step of the scale's state
// machine, its settings, and the settings that the frameworks use. The compiler
// writes the settings into the graph, every device executes this one function.
//===----------------------------------------------------------------------===//

#ifndef AMP_OPSET_LOSSSCALERULE_H
#define AMP_OPSET_LOSSSCALERULE_H

#include <cstdint>
#include <limits>
#include <string_view>

namespace amp {

/// Settings of dynamic loss scaling, as the op `update_loss_scale` carries
/// them (`initial` is the value of the variable `loss_scale/scale`). One
/// counter step per call.
struct LossScaleParams {
  float initial = 32768.0f;
  /// Good steps in a row before the scale grows.
  int64_t growthSteps = 2000;
  float growth = 2.0f;
  float backoff = 0.5f;
  /// A decrease stops here.
  float min = 1.0f;
  /// Growth beyond this does not happen; infinity lets the scale grow past the
  /// largest float32.
  float max = std::numeric_limits<float>::max();
  /// Bad steps in a row before the scale shrinks.
  int64_t decreaseEvery = 1;
};

/// The three state variables of the loss scale.
struct LossScaleState {
  float scale = 32768.0f;
  int32_t goodSteps = 0;
  int32_t badSteps = 0;
};

/// The state after a step whose unscaled gradients were all finite, or not.
/// All arithmetic is float32, one rounding per product.
inline LossScaleState updateLossScale(LossScaleState state, bool finite,
                                      const LossScaleParams &params) {
  // Counters stop at their largest value: a limit beyond it is never reached.
  auto next = [](int32_t steps) {
    return steps < std::numeric_limits<int32_t>::max() ? steps + 1 : steps;
  };
  if (!finite) {
    state.goodSteps = 0;
    state.badSteps = next(state.badSteps);
    if (state.badSteps >= params.decreaseEvery) {
      float reduced = state.scale * params.backoff;
      state.scale = reduced < params.min ? params.min : reduced;
      state.badSteps = 0;
    }
    return state;
  }
  state.badSteps = 0;
  state.goodSteps = next(state.goodSteps);
  if (state.goodSteps >= params.growthSteps) {
    float grown = state.scale * params.growth;
    if (!(grown > params.max))
      state.scale = grown;
    // Also when the scale stayed: the next attempt is growthSteps away.
    state.goodSteps = 0;
  }
  return state;
}

/// The settings of a framework under the name that `--loss-scale` takes.
struct LossScalePreset {
  std::string_view name;
  LossScaleParams params;
};

/// Presets in the order of the documentation; the first is the default. All
/// double and halve, and grow after 2000 good steps. `mxnet` is without
/// MXNet's lag of one step: a decrease takes effect in the next step.
inline constexpr LossScalePreset kLossScalePresets[] = {
    {"tf1", {32768.0f, 2000, 2.0f, 0.5f, 1.0f}},
    {"tf_keras", {32768.0f, 2000, 2.0f, 0.5f, 1.0f}},
    {"keras3",
     {32768.0f, 2000, 2.0f, 0.5f, 0.0f,
      std::numeric_limits<float>::infinity()}},
    {"pytorch", {65536.0f, 2000, 2.0f, 0.5f, 0.0f}},
    {"mxnet", {65536.0f, 2000, 2.0f, 0.5f, 0.0f, 16777216.0f}},
    {"paddle", {65536.0f, 2000, 2.0f, 0.5f, 1.0f}},
};

} // namespace amp

#endif // AMP_OPSET_LOSSSCALERULE_H
