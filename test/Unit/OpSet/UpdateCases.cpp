//===- UpdateCases.cpp - Variables and loss scaling -----------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Cases of the ops that change variables and of the loss-scale ops.
//===----------------------------------------------------------------------===//

#include "OpCase.h"

namespace amp::test {

#define AMP_SCALE                                                              \
  "growth_steps=2000 growth=2 backoff=0.5 min=1 max=inf decrease_every=1"

const std::vector<OpCase> updateCases = {
    {"assign", "f32[3] f32[3]", "", ""},
    {"assign", "b[3] b[?] b[]", "", ""},
    {"assign", "f32[3] f32[4]", "",
     "error at 1: operand 'value' is float32 [4], expected float32 [3], the "
     "type of the variable"},
    {"assign", "f32[3] f16[3]", "",
     "error at 1: operand 'value' is float16 [3], expected float32 [3], the "
     "type of the variable"},
    {"assign", "f32[3] f32[3] f32[]", "",
     "error at 2: operand 'condition' is float32, expected bool"},
    {"assign", "f32[3] f32[3] b[1]", "",
     "error at 2: operand 'condition' is bool [1], expected a scalar"},
    {"assign", "f32[3]", "",
     "error: 'assign' takes the operands (variable, value[, condition]), got "
     "1"},
    {"assign_add", "i64[] i64[] b[]", "", ""},
    {"assign_add", "b[] b[]", "",
     "error at 0: operand 'variable' is bool, expected a number"},
    {"apply_sgd", "f32[3] f32[] f32[3]", "", ""},
    {"apply_sgd", "f32[3] f32[] f32[3] b[]", "weight_decay=0.1", ""},
    {"apply_sgd", "f32[3] f32[1] f32[3]", "",
     "error at 1: operand 'learning_rate' is float32 [1], expected a scalar"},
    {"apply_sgd", "f32[3] f16[] f32[3]", "",
     "error at 1: operand 'learning_rate' is float16, expected float32"},
    {"apply_sgd", "f32[3] f32[] f16[3]", "",
     "error at 2: operand 'gradient' is float16 [3], expected float32 [3], the "
     "type of the variable"},
    {"apply_sgd", "i32[3] f32[] f32[3]", "",
     "error at 0: operand 'variable' is int32, expected a floating dtype"},
    {"apply_momentum", "f32[3] f32[3] f32[] f32[3]",
     "momentum=0.9 nesterov=true", ""},
    {"apply_momentum", "f32[3] f32[2] f32[] f32[3]", "momentum=0.9",
     "error at 1: operand 'slot' is float32 [2], expected float32 [3], the "
     "type of the variable"},
    {"apply_momentum", "f32[3] f32[3] f32[] f32[3]", "",
     "error: 'apply_momentum' needs the attribute 'momentum'"},
    {"apply_momentum", "f32[3] f32[3] f32[] f32[3]", "momentum=1.1",
     "error at momentum: attribute 'momentum' is 1.1, expected from 0 to 1"},
    // RMSprop's slots follow from its attributes, the condition from the count.
    {"apply_rmsprop", "f32[3] f32[3] f32[] f32[3]", "", ""},
    {"apply_rmsprop", "f32[3] f32[3] f32[] f32[3] b[]", "", ""},
    {"apply_rmsprop", "f32[3] f32[3] f32[3] f32[] f32[3]", "centered=true", ""},
    {"apply_rmsprop", "f32[3] f32[3] f32[3] f32[] f32[3] b[]", "momentum=0.9",
     ""},
    {"apply_rmsprop", "f32[3] f32[3] f32[3] f32[3] f32[] f32[3]",
     "momentum=0.9 centered=true", ""},
    {"apply_rmsprop", "f32[3] f32[3] f32[3] f32[3] f32[] f32[3] b[]",
     "momentum=0.9 centered=true", ""},
    {"apply_rmsprop", "f32[3] f32[3] f32[3] f32[] f32[3]", "",
     "error at 4: operand 'condition' is float32, expected bool; with these "
     "attributes the operands are (variable, rms, learning_rate, gradient[, "
     "condition])"},
    {"apply_rmsprop", "f32[3] f32[3] f32[] f32[3]", "centered=true",
     "error: 'apply_rmsprop' takes the operands (variable, rms, mg, "
     "learning_rate, gradient[, condition]), got 4"},
    {"apply_rmsprop", "f32[3] f32[3] f32[2] f32[] f32[3]", "centered=true",
     "error at 2: operand 'mg' is float32 [2], expected float32 [3], the type "
     "of the variable"},
    {"apply_rmsprop", "f32[3] f32[3] f32[2] f32[] f32[3]", "momentum=0.5",
     "error at 2: operand 'momentum' is float32 [2], expected float32 [3], the "
     "type of the variable"},
    {"apply_adam", "f32[3] f32[3] f32[3] i64[] f32[] f32[3] b[]", "", ""},
    {"apply_adam", "f32[3] f32[3] f32[3] i32[] f32[] f32[3]", "",
     "error at 3: operand 'iterations' is int32, expected int64"},
    {"apply_adam", "f32[3] f32[3] f32[3] i64[1] f32[] f32[3]", "",
     "error at 3: operand 'iterations' is int64 [1], expected a scalar"},
    {"apply_adam", "f32[3] f32[3] f32[3] i64[] f32[] f32[3]", "beta_2=1",
     "error at beta_2: attribute 'beta_2' is 1, expected from 0 to below 1"},
    {"apply_adamw", "f32[3] f32[3] f32[3] i64[] f32[] f32[3]",
     "weight_decay=0.01", ""},
    {"apply_adamw", "f32[3] f32[3] f32[3] i64[] f32[] f32[3]",
     "weight_decay=-1",
     "error at weight_decay: attribute 'weight_decay' is -1, expected at least "
     "0"},

    {"scale_loss", "f32[] f32[]", "", "f32[]"},
    {"scale_loss", "f32[batch] f32[]", "", "f32[batch]"},
    {"scale_loss", "f32[] f32[1]", "",
     "error at 1: operand 'scale' is float32 [1], expected a scalar"},
    {"scale_loss", "f16[] f32[]", "",
     "error at 0: operand 'loss_gradient' is float16, expected float32"},
    {"all_finite", "f32[3] f32[batch,4] f32[]", "", "b[]"},
    {"all_finite", "f32[3] f16[4]", "",
     "error at 1: operand 'gradients' is float16, expected float32"},
    {"unscale", "f32[2,3] f32[]", "", "f32[2,3]"},
    {"unscale", "f32[2,3] f16[]", "",
     "error at 1: operand 'scale' is float16, expected float32"},
    {"update_loss_scale", "f32[] i32[] i32[] b[]", AMP_SCALE,
     "f32[] i32[] i32[]"},
    {"update_loss_scale", "f32[] i64[] i32[] b[]", AMP_SCALE,
     "error at 1: operand 'good_steps' is int64, expected int32"},
    {"update_loss_scale", "f32[] i32[] i32[2] b[]", AMP_SCALE,
     "error at 2: operand 'bad_steps' is int32 [2], expected a scalar"},
    {"update_loss_scale", "f32[] i32[] i32[] b[]",
     "growth_steps=1 growth=2 backoff=0.5 min=2 max=1 decrease_every=1",
     "error at min: attribute 'min' is 2, more than 'max', 1"},
    {"update_loss_scale", "f32[] i32[] i32[] b[]",
     "growth_steps=1 growth=2 backoff=0.5 min=1 max=nan decrease_every=1",
     "error at max: attribute 'max' is not a number"},
    {"update_loss_scale", "f32[] i32[] i32[] b[]",
     "growth_steps=0 growth=2 backoff=0.5 min=1 max=1 decrease_every=1",
     "error at growth_steps: attribute 'growth_steps' is 0, expected at least "
     "1"},
    {"update_loss_scale", "f32[] i32[] i32[] b[]",
     "growth_steps=1 growth=0.5 backoff=0.5 min=1 max=1 decrease_every=1",
     "error at growth: attribute 'growth' is 0.5, expected at least 1"},
};

#undef AMP_SCALE

} // namespace amp::test
