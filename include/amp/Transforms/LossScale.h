//===- LossScale.h - What to do about small gradients -----------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The value of --loss-scale as a struct, and the pass as a plain function. The
// scale's own rule is amp/OpSet/LossScaleRule.h.
//===----------------------------------------------------------------------===//

#ifndef AMP_TRANSFORMS_LOSSSCALE_H
#define AMP_TRANSFORMS_LOSSSCALE_H

#include "amp/OpSet/LossScaleRule.h"

#include <optional>
#include <string>
#include <string_view>

namespace mlir {
class ModuleOp;
} // namespace mlir
namespace llvm {
struct LogicalResult;
} // namespace llvm

namespace amp {

/// Whether and how the loss gradient is scaled.
struct LossScaleConfig {
  enum class Mode : uint8_t {
    None,   ///< no loss-scale op at all
    Fixed,  ///< a constant; a step with a bad gradient is skipped
    Dynamic ///< a variable that follows updateLossScale
  };
  Mode mode = Mode::None;
  /// The scale of mode Fixed.
  float value = 1.0f;
  /// The settings of mode Dynamic.
  LossScaleParams params;

  static LossScaleConfig none() { return {}; }
  static LossScaleConfig fixed(float value) { return {Mode::Fixed, value, {}}; }
  static LossScaleConfig dynamic(const LossScaleParams &params = {}) {
    return {Mode::Dynamic, 1.0f, params};
  }
};

/// Reads `none`, a number, or `dynamic[:key=value,…]` with the keys preset,
/// initial, growth_steps, growth, backoff, min, max and decrease_every, each at
/// most once and in any order: the preset (tf1 by default) is taken first.
/// Nothing on error; `error` then says what is wrong.
std::optional<LossScaleConfig> parseLossScale(std::string_view text,
                                              std::string &error);

/// Text that parseLossScale reads back to the same config; every setting that
/// differs from preset tf1 is written.
std::string toString(const LossScaleConfig &config);

/// Adds loss scaling to every function of the module that has an op marked
/// `amp.loss_gradient`; the work of the pass `amp-loss-scale`.
llvm::LogicalResult applyLossScale(mlir::ModuleOp module,
                                   const LossScaleConfig &config);

} // namespace amp

#endif // AMP_TRANSFORMS_LOSSSCALE_H
