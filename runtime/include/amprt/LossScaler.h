//===- LossScaler.h - The loss scale for a loop of one's own ----*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// For a training whose optimizer is not in the graph: the loss, or the gradient
// that seeds the backward part, is multiplied by a scale, the gradients are
// divided by it, and a step with a gradient that is not finite is left out. The
// names are those of TensorFlow's LossScaleOptimizer; the rule is the one that
// the op update_loss_scale follows in a graph.
//
//   auto scaler = LossScaler::dynamic("tf1");
//   Tensor seed = …; seed.set(0, scaler->getScaledLoss(1));
//   auto outputs = session->run("gradients", {…, {"loss_gradient", &seed}});
//   auto gradients = scaler->getUnscaledGradients(…);
//   scaler->applyGradients(*gradients, [&] { … one step of the optimizer … });
//===----------------------------------------------------------------------===//

#ifndef AMPRT_LOSSSCALER_H
#define AMPRT_LOSSSCALER_H

#include "amp/OpSet/LossScaleRule.h"
#include "amprt/Tensor.h"

namespace amprt {

class LossScaler {
public:
  /// A scale that follows the gradients, with the settings of a framework:
  /// tf1, tf_keras, keras3, pytorch, mxnet or paddle.
  static Result<LossScaler> dynamic(std::string_view preset = "tf1");
  /// With settings of one's own; what amp-opt refuses in --loss-scale is an
  /// error here too.
  static Result<LossScaler> dynamic(const amp::LossScaleParams &params);
  /// A scale that stays: positive and finite.
  static Result<LossScaler> fixed(float scale);

  /// The scale of the next step.
  float scale() const { return current.scale; }
  bool isDynamic() const { return follows; }
  const amp::LossScaleParams &params() const { return settings; }

  /// Scale and counters, for a checkpoint; a graph keeps them in the variables
  /// loss_scale/scale, loss_scale/good_steps and loss_scale/bad_steps.
  const amp::LossScaleState &state() const { return current; }
  void setState(const amp::LossScaleState &state) { current = state; }

  /// The loss times the scale, or the scale itself for the loss gradient 1.
  float getScaledLoss(float loss) const { return loss * current.scale; }

  /// g · (1 / scale) in float32, as the op `unscale`, for gradients in
  /// float16, bfloat16 or float32.
  Result<std::vector<Tensor>>
  getUnscaledGradients(const std::vector<Tensor> &gradients) const;
  /// The same in place, for numbers that are float32 already.
  void unscale(float *gradient, int64_t count) const;

  /// False when an element of a floating gradient is infinite or NaN.
  static bool areFinite(const std::vector<Tensor> &gradients);

  /// Calls `apply`, which makes the step, if all gradients are finite, and
  /// moves the scale on. Returns whether it was called.
  template <typename Apply>
  bool applyGradients(const std::vector<Tensor> &unscaled, Apply &&apply) {
    const bool finite = areFinite(unscaled);
    if (finite)
      apply();
    update(finite);
    return finite;
  }
  /// The second half alone: the step had finite gradients, or had not.
  void update(bool finite) {
    if (follows)
      current = amp::updateLossScale(current, finite, settings);
  }

private:
  LossScaler() = default;

  amp::LossScaleParams settings;
  amp::LossScaleState current;
  bool follows = true;
};

} // namespace amprt

#endif // AMPRT_LOSSSCALER_H
