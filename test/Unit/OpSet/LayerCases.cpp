//===- LayerCases.cpp - Products, convolutions, normalisations, losses ----===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Cases of the ops that a network's layers are made of.
//===----------------------------------------------------------------------===//

#include "OpCase.h"

namespace amp::test {

const std::vector<OpCase> layerCases = {
    // Matrix.
    {"matmul", "f32[batch,784] f32[784,10]", "", "f32[batch,10]"},
    {"matmul", "f32[784,batch] f32[784,10]", "transpose_a=true",
     "f32[batch,10]"},
    {"matmul", "f32[batch,784] f32[10,784]", "transpose_b=true",
     "f32[batch,10]"},
    {"matmul", "f32[3,2] f32[4,3]", "transpose_a=true transpose_b=true",
     "f32[2,4]"},
    {"matmul", "f16[n,1,2,3] f16[5,3,4]", "", "f16[n,5,2,4]"},
    {"matmul", "f16[2,3] f16[n,3,4]", "", "f16[n,2,4]"},
    {"matmul", "f32[n,?] f32[4,m]", "", "f32[n,m]"},
    {"matmul", "f32[n,batch] f32[batch,m]", "", "f32[n,m]"},
    {"matmul", "f32[3] f32[3,2]", "",
     "error at 0: operand 'a' is float32 [3], expected 2 dimensions or more"},
    {"matmul", "f32[2,3] f32[4,5]", "",
     "error at 1: cannot multiply float32 [2, 3] by float32 [4, 5]: axis 1 of "
     "'a' is 3, axis 0 of 'b' is 4"},
    {"matmul", "f32[2,batch] f32[seq,5]", "",
     "error at 1: cannot multiply float32 [2, \"batch\"] by float32 [\"seq\", "
     "5]: axis 1 of 'a' is \"batch\", axis 0 of 'b' is \"seq\""},
    {"matmul", "f32[2,2,3] f32[3,3,5]", "",
     "error at 1: the leading sizes of float32 [2, 2, 3] and float32 [3, 3, 5] "
     "do not broadcast"},
    {"matmul", "f32[2,3] f32[3,5]", "transpose=true",
     "error at transpose: 'matmul' has no attribute 'transpose'; did you mean "
     "'transpose_a'"},
    {"bias_add", "f32[batch,10] f32[10]", "", "f32[batch,10]"},
    {"bias_add", "f32[batch,10,4] f32[10]", "axis=1", "f32[batch,10,4]"},
    {"bias_add", "f32[batch,?] f32[10]", "", "f32[batch,10]"},
    {"bias_add", "f32[batch,10] f32[9]", "",
     "error at 1: operand 'bias' is float32 [9], expected 10 at axis 0, as "
     "axis "
     "1 of 'x', [\"batch\", 10]"},
    {"bias_add", "f32[batch,10] f32[1,10]", "",
     "error at 1: operand 'bias' is float32 [1, 10], expected 1 dimension"},
    {"bias_add", "f32[batch,10] f32[10]", "axis=2",
     "error at axis: attribute 'axis' is 2, expected an axis from -2 to 1"},
    {"bias_add_grad", "f16[batch,10]", "", "f16[10]"},
    {"bias_add_grad", "f16[batch,10,4]", "axis=1", "f16[10]"},
    {"bias_add_grad", "f16[]", "",
     "error at axis: attribute 'axis' names axis -1, but the operand has no "
     "axes"},

    // Convolution.
    {"conv2d", "f32[n,28,28,1] f32[3,3,1,32]", "", "f32[n,28,28,32]"},
    {"conv2d", "f32[n,28,27,1] f32[3,3,1,32]", "strides=2", "f32[n,14,14,32]"},
    {"conv2d", "f32[n,28,28,1] f32[3,5,1,32]", "padding=valid",
     "f32[n,26,24,32]"},
    {"conv2d", "f32[n,28,28,1] f32[3,3,1,32]",
     "padding=valid strides=2,3 dilations=2,1", "f32[n,12,9,32]"},
    {"conv2d", "f32[n,8,28,28] f32[3,3,4,6]", "groups=2 layout=NCHW",
     "f32[n,6,28,28]"},
    {"conv2d", "f32[n,h,w,3] f32[3,3,3,8]", "", "f32[n,h,w,8]"},
    {"conv2d", "f32[n,h,w,3] f32[3,3,3,8]", "strides=2", "f32[n,?,?,8]"},
    {"conv2d", "f32[n,h,w,3] f32[1,3,3,8]", "padding=valid", "f32[n,h,?,8]"},
    {"conv2d", "f32[n,9,9,3] f32[?,k,3,8]", "padding=valid", "f32[n,?,?,8]"},
    {"conv2d", "f32[n,9,9,?] f32[3,3,4,8]", "groups=2", "f32[n,9,9,8]"},
    {"conv2d", "f32[28,28,1] f32[3,3,1,32]", "",
     "error at 0: operand 'x' is float32 [28, 28, 1], expected 4 dimensions"},
    {"conv2d", "f32[n,28,28,1] f32[3,3,32]", "",
     "error at 1: operand 'filter' is float32 [3, 3, 32], expected 4 "
     "dimensions"},
    {"conv2d", "f32[n,28,28,3] f32[3,3,1,32]", "",
     "error at 1: operand 'filter' is float32 [3, 3, 1, 32], expected 3 at "
     "axis "
     "2, the channels of 'x', float32 [\"n\", 28, 28, 3]"},
    {"conv2d", "f32[n,28,28,4] f32[3,3,4,32]", "groups=2",
     "error at 1: operand 'filter' is float32 [3, 3, 4, 32], expected 2 at "
     "axis "
     "2, the channels of 'x', float32 [\"n\", 28, 28, 4], by 2 groups"},
    {"conv2d", "f32[n,28,28,3] f32[3,3,1,32]", "groups=2",
     "error at groups: attribute 'groups' is 2, which does not divide 3 "
     "channels"},
    {"conv2d", "f32[n,28,28,4] f32[3,3,2,5]", "groups=2",
     "error at groups: attribute 'groups' is 2, which does not divide 5 "
     "channels"},
    {"conv2d", "f32[n,4,28,1] f32[5,3,1,32]", "padding=valid",
     "error at 0: a window of 5 does not fit a size of 4 along the height of "
     "float32 [\"n\", 4, 28, 1]"},
    {"conv2d", "f32[n,4,4,1] f32[2,2,1,3]", "padding=valid dilations=1,4",
     "error at 0: a window of 5 does not fit a size of 4 along the width of "
     "float32 [\"n\", 4, 4, 1]"},
    {"conv2d", "f32[n,4,4,1] f32[0,2,1,3]", "",
     "error at 1: operand 'filter' is float32 [0, 2, 1, 3], expected a window "
     "of at least 1 by 1"},
    {"conv2d", "f32[n,28,28,1] f32[3,3,1,32]", "strides=1,2,1",
     "error at strides: attribute 'strides' has 3 elements, expected one "
     "integer, or two for height and width"},
    {"conv2d", "f32[n,28,28,1] f32[3,3,1,32]", "strides=0",
     "error at strides: an element of attribute 'strides' is 0, expected at "
     "least 1"},
    {"conv2d", "f32[n,28,28,1] f32[3,3,1,32]", "padding=full",
     "error at padding: attribute 'padding' is \"full\", expected \"same\" or "
     "\"valid\""},
    {"conv2d", "f32[n,28,28,1] f32[3,3,1,32]", "groups=0",
     "error at groups: attribute 'groups' is 0, expected at least 1"},
    {"conv2d", "f32[n,28,28,1] f16[3,3,1,32]", "",
     "error at 1: operand 'filter' is float16 but operand 'x' is float32; "
     "nothing is converted implicitly"},
    {"conv2d_input_grad", "f16[n,26,26,8] f32[n,28,28,1] f16[3,3,1,8]",
     "padding=valid", "f16[n,28,28,1]"},
    {"conv2d_input_grad", "f16[n,28,26,8] f32[n,28,28,1] f16[3,3,1,8]",
     "padding=valid",
     "error at 0: operand 'gradient' is float16 [\"n\", 28, 26, 8], expected "
     "[\"n\", 26, 26, 8], the sizes of the forward result"},
    {"conv2d_filter_grad", "f16[n,14,14,8] f16[n,28,28,1] f32[3,3,1,8]",
     "strides=2", "f16[3,3,1,8]"},
    {"conv2d_filter_grad", "f16[n,14,14,8] f16[n,28,28,2] f32[3,3,1,8]",
     "strides=2",
     "error at 2: operand 'filter' is float32 [3, 3, 1, 8], expected 2 at axis "
     "2, the channels of 'x', float16 [\"n\", 28, 28, 2]"},
    {"depthwise_conv2d", "f32[n,28,28,3] f32[3,3,3,2]", "", "f32[n,28,28,6]"},
    {"depthwise_conv2d", "f32[n,c,28,28] f32[3,3,c,1]",
     "layout=NCHW padding=valid", "f32[n,c,26,26]"},
    {"depthwise_conv2d", "f32[n,28,28,c] f32[3,3,c,2]", "", "f32[n,28,28,?]"},
    {"depthwise_conv2d", "f32[n,28,28,3] f32[3,3,1,6]", "",
     "error at 1: operand 'filter' is float32 [3, 3, 1, 6], expected 3 at axis "
     "2, the channels of 'x', float32 [\"n\", 28, 28, 3]"},
    {"depthwise_conv2d", "f32[n,28,28,3] f32[3,3,3,1]", "groups=3",
     "error at groups: 'depthwise_conv2d' has no attribute 'groups'"},
    {"depthwise_conv2d_input_grad",
     "f16[n,28,28,6] f16[n,28,28,3] f16[3,3,3,2]", "", "f16[n,28,28,3]"},
    {"depthwise_conv2d_input_grad",
     "f16[n,28,28,3] f16[n,28,28,3] f16[3,3,3,2]", "",
     "error at 0: operand 'gradient' is float16 [\"n\", 28, 28, 3], expected "
     "[\"n\", 28, 28, 6], the sizes of the forward result"},
    {"depthwise_conv2d_filter_grad",
     "f16[n,28,28,6] f16[n,28,28,3] f16[3,3,3,2]", "", "f16[3,3,3,2]"},
    {"depthwise_conv2d_filter_grad", "f16[n,28,28,6] f16[n,28,28,3]", "",
     "error: 'depthwise_conv2d_filter_grad' takes 3 operands (gradient, x, "
     "filter), got 2"},
    {"conv2d_transpose", "f32[n,14,14,8] f32[3,3,8,4]", "strides=2",
     "f32[n,28,28,4]"},
    {"conv2d_transpose", "f32[n,14,14,8] f32[3,4,8,4]",
     "strides=2 padding=valid", "f32[n,29,30,4]"},
    {"conv2d_transpose", "f32[n,14,h,8] f32[3,1,8,4]",
     "padding=valid dilations=2", "f32[n,18,h,4]"},
    {"conv2d_transpose", "f32[n,h,h,8] f32[3,3,8,4]", "strides=2",
     "f32[n,?,?,4]"},
    {"conv2d_transpose", "f32[n,14,14,4] f32[3,3,8,4]", "",
     "error at 1: operand 'filter' is float32 [3, 3, 8, 4], expected 4 at axis "
     "2, the channels of 'x', float32 [\"n\", 14, 14, 4]"},
    {"conv2d_transpose", "f32[n,4611686018427387904,1,4] f32[3,3,4,4]",
     "strides=2",
     "error at 0: the window does not fit 64 bits along the height of float32 "
     "[\"n\", 4611686018427387904, 1, 4]"},
    {"conv2d_transpose_input_grad",
     "f16[n,28,28,4] f16[n,14,14,8] f16[3,3,8,4]", "strides=2",
     "f16[n,14,14,8]"},
    {"conv2d_transpose_input_grad",
     "f16[n,14,14,4] f16[n,14,14,8] f16[3,3,8,4]", "strides=2",
     "error at 0: operand 'gradient' is float16 [\"n\", 14, 14, 4], expected "
     "[\"n\", 28, 28, 4], the sizes of the forward result"},
    {"conv2d_transpose_filter_grad",
     "f16[n,28,28,4] f16[n,14,14,8] f16[3,3,8,4]", "strides=2", "f16[3,3,8,4]"},
    {"conv2d_transpose_filter_grad",
     "f16[n,28,28,4] f32[n,14,14,8] f16[3,3,8,4]", "strides=2",
     "error at 1: operand 'x' is float32 but operand 'gradient' is float16; "
     "nothing is converted implicitly"},
    {"max_pool2d", "f32[n,28,28,8]", "window=2", "f32[n,14,14,8]"},
    {"max_pool2d", "f32[n,27,28,8]", "window=2", "f32[n,13,14,8]"},
    {"max_pool2d", "f32[n,27,28,8]", "window=2 padding=same", "f32[n,14,14,8]"},
    {"max_pool2d", "f32[n,28,28,8]", "window=3,2 strides=1", "f32[n,26,27,8]"},
    {"max_pool2d", "f32[n,8,28,28]", "window=2,4 layout=NCHW", "f32[n,8,14,7]"},
    {"max_pool2d", "f32[n,28,28,8]", "",
     "error: 'max_pool2d' needs the attribute 'window'"},
    {"max_pool2d", "f32[n,28,28,8]", "window=",
     "error at window: attribute 'window' has 0 elements, expected one "
     "integer, or two for height and width"},
    {"max_pool2d", "f32[n,2,28,8]", "window=3",
     "error at 0: a window of 3 does not fit a size of 2 along the height of "
     "float32 [\"n\", 2, 28, 8]"},
    {"max_pool2d_grad", "f16[n,14,14,8] f16[n,28,28,8]", "window=2",
     "f16[n,28,28,8]"},
    {"max_pool2d_grad", "f16[n,14,14,8] f16[n,20,28,8]", "window=2",
     "error at 0: operand 'gradient' is float16 [\"n\", 14, 14, 8], expected "
     "[\"n\", 10, 14, 8], the sizes of the forward result"},
    {"avg_pool2d", "f32[n,28,28,8]", "window=2 strides=2", "f32[n,14,14,8]"},
    {"avg_pool2d", "f32[28,28,8]", "window=2",
     "error at 0: operand 'x' is float32 [28, 28, 8], expected 4 dimensions"},
    {"avg_pool2d_grad", "f16[n,14,14,8] f32[n,28,28,8]", "window=2",
     "f16[n,28,28,8]"},
    {"avg_pool2d_grad", "f16[n,14,14,8] f32[28,28,8]", "window=2",
     "error at 1: operand 'x' is float32 [28, 28, 8], expected 4 dimensions"},
    {"global_avg_pool2d", "f32[n,7,h,512]", "", "f32[n,512]"},
    {"global_avg_pool2d", "f32[n,512,7,7]", "layout=NCHW", "f32[n,512]"},
    {"global_avg_pool2d", "f32[7,7,512]", "",
     "error at 0: operand 'x' is float32 [7, 7, 512], expected 4 dimensions"},
    {"global_avg_pool2d_grad", "f16[n,512] f16[n,7,7,512]", "",
     "f16[n,7,7,512]"},
    {"global_avg_pool2d_grad", "f16[n,7] f16[n,7,7,512]", "",
     "error at 0: operand 'gradient' is float16 [\"n\", 7], expected [\"n\", "
     "512], the sizes of the forward result"},

    // Normalisation.
    {"batch_norm", "f16[n,8,8,3] f32[3] f32[3] f32[3] f32[3]", "",
     "f16[n,8,8,3]"},
    {"batch_norm", "f16[n,?] f32[3] f32[3] f32[3] f32[3]", "training=true",
     "f16[n,?] f32[3] f32[3]"},
    {"batch_norm", "f64[n,3,8,8] f64[3] f64[3] f64[3] f64[3]",
     "training=true layout=NCHW", "f64[n,3,8,8] f64[3] f64[3]"},
    {"batch_norm", "f16[n,8,8,3] f16[3] f32[3] f32[3] f32[3]", "",
     "error at 1: operand 'scale' is float16, expected float32"},
    {"batch_norm", "f64[n,3] f64[3] f64[3] f64[3] f32[3]", "",
     "error at 4: operand 'moving_variance' is float32, expected float64"},
    {"batch_norm", "f32[n,8,8,3] f32[3] f32[3] f32[8] f32[3]", "",
     "error at 3: operand 'moving_mean' is float32 [8], expected 3 at axis 0, "
     "as axis 3 of 'x', [\"n\", 8, 8, 3]"},
    {"batch_norm", "f32[3] f32[3] f32[3] f32[3] f32[3]", "",
     "error at 0: operand 'x' is float32 [3], expected 2 dimensions or more"},
    {"batch_norm", "f32[n,3] f32[3] f32[3] f32[3] f32[3]", "momentum=1.5",
     "error at momentum: attribute 'momentum' is 1.5, expected from 0 to 1"},
    {"batch_norm_grad", "f16[n,8,3] f16[n,8,3] f32[3] f32[3] f32[3] f32[3]",
     "training=true", "f16[n,8,3] f32[3] f32[3]"},
    {"batch_norm_grad", "f16[n,8,3] f16[n,8,3] f32[3] f32[3] f32[8] f32[3]", "",
     "error at 4: operand 'moving_mean' is float32 [8], expected 3 at axis 0, "
     "as axis 2 of 'x', [\"n\", 8, 3]"},
    {"batch_norm_grad", "f16[n,8,3] f16[n,8,3] f32[3] f32[3] f32[3] f32[3]",
     "momentum=0.5",
     "error at momentum: 'batch_norm_grad' has no attribute 'momentum'"},
    {"layer_norm", "bf16[n,seq,64] f32[64] f32[64]", "", "bf16[n,seq,64]"},
    {"layer_norm", "bf16[n,64,seq] f32[64] f32[64]", "axis=1",
     "bf16[n,64,seq]"},
    {"layer_norm", "bf16[n,64] f32[64] f32[32]", "",
     "error at 2: operand 'offset' is float32 [32], expected 64 at axis 0, as "
     "axis 1 of 'x', [\"n\", 64]"},
    {"layer_norm", "f32[n,64] f32[64] f32[64]", "epsilon=-1",
     "error at epsilon: attribute 'epsilon' is -1, expected at least 0"},
    {"layer_norm_grad", "f16[n,64] f16[n,64] f32[64] f32[64]", "",
     "f16[n,64] f32[64] f32[64]"},
    {"layer_norm_grad", "f16[n,64] f16[n,64] f32[64] f32[64]", "axis=0",
     "error at 2: operand 'scale' is float32 [64], expected \"n\" at axis 0, "
     "as axis 0 of 'x', [\"n\", 64]"},
    {"rms_norm", "f16[n,64] f32[64]", "", "f16[n,64]"},
    {"rms_norm", "f16[n,64] f32[64] f32[64]", "", "f16[n,64]"},
    {"rms_norm", "f16[n,64]", "",
     "error: 'rms_norm' takes the operands (x, scale[, offset]), got 1"},
    {"rms_norm_grad", "f16[n,64] f16[n,64] f32[64]", "", "f16[n,64] f32[64]"},
    {"rms_norm_grad", "f16[n,64] f16[n,64] f32[64] f32[64]", "",
     "f16[n,64] f32[64] f32[64]"},
    {"rms_norm_grad", "f16[n,64] f16[n,64] f32[64] f32[32]", "",
     "error at 3: operand 'offset' is float32 [32], expected 64 at axis 0, as "
     "axis 1 of 'x', [\"n\", 64]"},

    // Softmax and losses.
    {"softmax", "f32[batch,10]", "", "f32[batch,10]"},
    {"softmax", "f32[]", "",
     "error at axis: attribute 'axis' names axis -1, but the operand has no "
     "axes"},
    {"log_softmax", "f16[batch,10]", "axis=0", "f16[batch,10]"},
    {"log_softmax", "f16[batch,10]", "axis=-3",
     "error at axis: attribute 'axis' is -3, expected an axis from -2 to 1"},
    {"softmax_grad", "f32[batch,10] f32[batch,10]", "axis=1", "f32[batch,10]"},
    {"softmax_grad", "f32[batch,10] f32[batch,9]", "",
     "error at 0: operand 'gradient' is float32 [\"batch\", 10], expected "
     "[\"batch\", 9], the sizes of the forward result"},
    {"log_softmax_grad", "f32[batch,10] f32[batch,10]", "", "f32[batch,10]"},
    {"log_softmax_grad", "f32[batch] f32[batch,10]", "",
     "error at 0: operand 'gradient' is float32 [\"batch\"], expected "
     "[\"batch\", 10], the sizes of the forward result"},
    {"softmax_cross_entropy", "f32[batch,10] f32[batch,10]", "", "f32[]"},
    {"softmax_cross_entropy", "f32[?,seq,10] f32[batch,?,10]", "reduction=none",
     "f32[batch,seq]"},
    {"softmax_cross_entropy", "f32[batch,10] f32[batch,9]", "",
     "error at 1: operand 'probabilities' is float32 [\"batch\", 9], expected "
     "[\"batch\", 10], the sizes of 'logits'"},
    {"softmax_cross_entropy", "f32[] f32[]", "",
     "error at 0: operand 'logits' is float32 [], expected 1 dimension or "
     "more"},
    {"softmax_cross_entropy", "f32[2] f32[2]", "reduction=max",
     "error at reduction: attribute 'reduction' is \"max\", expected \"mean\" "
     "or \"sum\" or \"none\""},
    {"softmax_cross_entropy_grad", "f32[] f32[batch,10] f32[batch,10]", "",
     "f32[batch,10]"},
    {"softmax_cross_entropy_grad", "f32[batch] f32[batch,10] f32[batch,10]",
     "reduction=none", "f32[batch,10]"},
    {"softmax_cross_entropy_grad", "f32[batch] f32[batch,10] f32[batch,10]", "",
     "error at 0: operand 'gradient' is float32 [\"batch\"], expected [], the "
     "sizes of the forward result"},
    {"sparse_softmax_cross_entropy", "f32[batch,10] i32[batch]", "", "f32[]"},
    {"sparse_softmax_cross_entropy", "f32[?,10] i64[batch]", "reduction=none",
     "f32[batch]"},
    {"sparse_softmax_cross_entropy", "f32[batch,10] i32[batch,1]", "",
     "error at 1: operand 'labels' is int32 [\"batch\", 1], expected "
     "[\"batch\"], one label for each row of 'logits'"},
    {"sparse_softmax_cross_entropy", "f32[batch,10] f32[batch]", "",
     "error at 1: operand 'labels' is float32, expected int32 or int64"},
    {"sparse_softmax_cross_entropy_grad", "f32[] f32[batch,10] i32[batch]", "",
     "f32[batch,10]"},
    {"sparse_softmax_cross_entropy_grad", "f32[] f32[batch,10] i32[seq]", "",
     "error at 2: operand 'labels' is int32 [\"seq\"], expected [\"batch\"], "
     "one label for each row of 'logits'"},
    {"sigmoid_cross_entropy", "f32[batch,3] f32[batch,3]", "reduction=sum",
     "f32[]"},
    {"sigmoid_cross_entropy", "f32[batch,?] f32[batch,3]", "reduction=none",
     "f32[batch,3]"},
    {"sigmoid_cross_entropy", "f32[batch,3] f32[3]", "",
     "error at 1: operand 'labels' is float32 [3], expected [\"batch\", 3], "
     "the sizes of 'logits'"},
    {"sigmoid_cross_entropy_grad", "f32[batch,3] f32[batch,3] f32[batch,3]",
     "reduction=none", "f32[batch,3]"},
    {"sigmoid_cross_entropy_grad", "f32[3] f32[batch,3] f32[batch,3]",
     "reduction=none",
     "error at 0: operand 'gradient' is float32 [3], expected [\"batch\", 3], "
     "the sizes of the forward result"},
    {"mean_squared_error", "f64[] f64[]", "", "f64[]"},
    {"mean_squared_error", "f32[2] f32[3]", "",
     "error at 1: operand 'targets' is float32 [3], expected [2], the sizes of "
     "'predictions'"},
    {"mean_squared_error_grad", "f32[] f32[2] f32[2]", "reduction=sum",
     "f32[2]"},
    {"mean_squared_error_grad", "f32[] f32[2] f32[3]", "reduction=sum",
     "error at 2: operand 'targets' is float32 [3], expected [2], the sizes of "
     "'predictions'"},
};

} // namespace amp::test
