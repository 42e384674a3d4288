//===- Optimizers.h - Optimizers of a training section ----------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The optimizers that `training` may name, their settings with Keras's
// defaults, and the names of the state variables: what the reader checks and
// the expansion of a training function uses.
//===----------------------------------------------------------------------===//

#ifndef AMP_OPSET_OPTIMIZERS_H
#define AMP_OPSET_OPTIMIZERS_H

#include "amp/OpSet/Types.h"

#include <limits>

namespace amp {

/// One setting of an optimizer: a finite number from `min` to `max`, or a bool.
struct OptimizerParam {
  std::string_view name;
  bool isBool = false;
  double defaultValue = 0; ///< 0 or 1 for a bool
  double min = 0;
  /// Settings are float32 where they are used.
  double max = std::numeric_limits<float>::max();
  bool belowMax = false; ///< `max` itself is excluded
};

struct OptimizerDef {
  std::string_view kind;
  Span<OptimizerParam> params;

  const OptimizerParam *find(std::string_view name) const {
    for (const OptimizerParam &param : params)
      if (param.name == name)
        return &param;
    return nullptr;
  }
};

namespace detail {
inline constexpr OptimizerParam sgdParams[] = {
    {"learning_rate", false, 0.01},
    {"momentum", false, 0.0, 0.0, 1.0},
    {"nesterov", true, 0.0},
    {"weight_decay", false, 0.0},
};
inline constexpr OptimizerParam rmspropParams[] = {
    {"learning_rate", false, 0.001},
    {"rho", false, 0.9, 0.0, 1.0, true},
    {"momentum", false, 0.0, 0.0, 1.0},
    {"epsilon", false, 1e-7},
    {"centered", true, 0.0},
};
inline constexpr OptimizerParam adamParams[] = {
    {"learning_rate", false, 0.001},
    {"beta_1", false, 0.9, 0.0, 1.0, true},
    {"beta_2", false, 0.999, 0.0, 1.0, true},
    {"epsilon", false, 1e-7},
};
inline constexpr OptimizerParam adamwParams[] = {
    {"learning_rate", false, 0.001},
    {"beta_1", false, 0.9, 0.0, 1.0, true},
    {"beta_2", false, 0.999, 0.0, 1.0, true},
    {"epsilon", false, 1e-7},
    {"weight_decay", false, 0.004},
};
} // namespace detail

inline constexpr OptimizerDef kOptimizers[] = {
    {"sgd", detail::sgdParams},
    {"rmsprop", detail::rmspropParams},
    {"adam", detail::adamParams},
    {"adamw", detail::adamwParams},
};

/// The optimizer of that name, or null.
inline const OptimizerDef *findOptimizer(std::string_view kind) {
  for (const OptimizerDef &optimizer : kOptimizers)
    if (optimizer.kind == kind)
      return &optimizer;
  return nullptr;
}

/// Names of state variables that every optimizer has; its slots are
/// VARIABLE/SLOT.
inline constexpr std::string_view kIterationsVariable = "optimizer/iterations";
inline constexpr std::string_view kLearningRateVariable =
    "optimizer/learning_rate";
/// With `accumulate_steps`: the calls of the group so far, an int64. The sums
/// are VARIABLE/accumulator.
inline constexpr std::string_view kAccumulatedStepsVariable =
    "optimizer/accumulated_steps";

} // namespace amp

#endif // AMP_OPSET_OPTIMIZERS_H
