//===- Stages.h - The stages of planning ------------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// What planFunction does one after the other, each on the same Builder.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_PLANNER_STAGES_H
#define AMPRT_PLANNER_STAGES_H

#include "Lowering.h"

namespace amprt::planner {

/// Makes one step of softmax between two products, and one of its gradient.
void fuseAttention(Builder &builder, const DeviceTraits &traits);

/// Puts casts of variables into the cache, biases and ReLUs into products,
/// element-wise steps and casts into their only reader.
void fuse(Builder &builder, const DeviceTraits &traits);

/// Puts gradients of ReLU, GELU and biases into the epilogues of products.
void fuseGradients(Builder &builder);

/// Computes what only gradients need inside the optimizer steps and finite
/// checks that read it, joins optimizer steps with the same settings into one,
/// and lets them write the 16-bit copies of their variables.
void fuseUpdates(Builder &builder, const DeviceTraits &traits);

/// Makes large values that follow from inputs and variables again for the
/// gradients that read them, so that they need not be kept until then.
void recompute(Builder &builder, const DeviceTraits &traits);

/// Gives convolutions to cuDNN, where the traits say so, with filters in the
/// layout that it wants.
void layOutConvolutions(Builder &builder, const DeviceTraits &traits);

/// Puts every step behind what it reads, and updates behind the readers of
/// what they change. A cycle of those is cut by a copy of a variable.
void order(Builder &builder);

/// Pads the rows of 16-bit products, adds scratch memory, sets the loop nests.
void setLayouts(Builder &builder, const DeviceTraits &traits);

/// Which operand of a loss are its logits, and which result their gradient;
/// ~0 where there is none, and for other steps.
struct LossPlaces {
  size_t logits = ~size_t(0), gradient = ~size_t(0);
};
LossPlaces lossPlaces(const Step &step);

/// Adds up the least time of each step, where the traits have rates.
void addLimit(Builder &builder, const DeviceTraits &traits);

/// Gives every buffer its place, and the program its totals.
void place(Builder &builder, const DeviceTraits &traits);

} // namespace amprt::planner

#endif // AMPRT_PLANNER_STAGES_H
