//===- GraphBackward.td - Backward ops ----------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Backward ops. Names and attributes only: what an op
// is stands in OpSet, and a test holds the two against each other.
//===----------------------------------------------------------------------===//

#ifndef AMP_DIALECT_GRAPH_IR_GRAPHBACKWARD_TD
#define AMP_DIALECT_GRAPH_IR_GRAPHBACKWARD_TD

include "amp/Dialect/Graph/IR/GraphBase.td"

def Graph_AbsGradOp : Graph_PureOp<"abs_grad", "abs_grad(gradient, x)">;

def Graph_ExpGradOp : Graph_PureOp<"exp_grad", "exp_grad(gradient, x)">;

def Graph_Expm1GradOp : Graph_PureOp<"expm1_grad", "expm1_grad(gradient, x)">;

def Graph_LogGradOp : Graph_PureOp<"log_grad", "log_grad(gradient, x)">;

def Graph_Log1pGradOp : Graph_PureOp<"log1p_grad", "log1p_grad(gradient, x)">;

def Graph_SqrtGradOp : Graph_PureOp<"sqrt_grad", "sqrt_grad(gradient, x)">;

def Graph_RsqrtGradOp : Graph_PureOp<"rsqrt_grad", "rsqrt_grad(gradient, x)">;

def Graph_ReciprocalGradOp : Graph_PureOp<"reciprocal_grad",
    "reciprocal_grad(gradient, x)">;

def Graph_SquareGradOp : Graph_PureOp<"square_grad",
    "square_grad(gradient, x)">;

def Graph_SinGradOp : Graph_PureOp<"sin_grad", "sin_grad(gradient, x)">;

def Graph_CosGradOp : Graph_PureOp<"cos_grad", "cos_grad(gradient, x)">;

def Graph_TanhGradOp : Graph_PureOp<"tanh_grad", "tanh_grad(gradient, x)">;

def Graph_SigmoidGradOp : Graph_PureOp<"sigmoid_grad",
    "sigmoid_grad(gradient, x)">;

def Graph_ReluGradOp : Graph_PureOp<"relu_grad", "relu_grad(gradient, x)">;

def Graph_Relu6GradOp : Graph_PureOp<"relu6_grad", "relu6_grad(gradient, x)">;

def Graph_SiluGradOp : Graph_PureOp<"silu_grad", "silu_grad(gradient, x)">;

def Graph_SoftplusGradOp : Graph_PureOp<"softplus_grad",
    "softplus_grad(gradient, x)">;

def Graph_ErfGradOp : Graph_PureOp<"erf_grad", "erf_grad(gradient, x)">;

def Graph_GeluGradOp : Graph_PureOp<"gelu_grad", "gelu_grad(gradient, x)"> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       DefaultValuedOptionalAttr<BoolAttr, "false">:$approximate);
}

def Graph_EluGradOp : Graph_PureOp<"elu_grad", "elu_grad(gradient, x)"> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       DefaultValuedOptionalAttr<F64Attr, "1.0">:$alpha);
}

def Graph_LeakyReluGradOp : Graph_PureOp<"leaky_relu_grad",
    "leaky_relu_grad(gradient, x)"> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       DefaultValuedOptionalAttr<F64Attr, "0.2">:$alpha);
}

def Graph_ClipGradOp : Graph_PureOp<"clip_grad", "clip_grad(gradient, x)"> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       F64Attr:$min,
                       F64Attr:$max);
}

def Graph_DivGradOp : Graph_PureOp<"div_grad",
    "Both in the broadcast shape; `sum_to` follows.">;

def Graph_PowGradOp : Graph_PureOp<"pow_grad",
    "Both in the broadcast shape; `sum_to` follows.">;

def Graph_MaximumGradOp : Graph_PureOp<"maximum_grad",
    "Where both are equal, a takes the gradient.">;

def Graph_MinimumGradOp : Graph_PureOp<"minimum_grad",
    "Where both are equal, a takes the gradient.">;

def Graph_BiasAddGradOp : Graph_PureOp<"bias_add_grad",
    "The sum over all axes but one, accumulated in float32."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       DefaultValuedOptionalAttr<I64Attr, "-1">:$axis);
}

def Graph_Conv2dInputGradOp : Graph_PureOp<"conv2d_input_grad",
    "conv2d_input_grad(gradient, x, filter)"> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       OptionalAttr<DenseI64ArrayAttr>:$strides,
                       DefaultValuedOptionalAttr<StrAttr, "\"same\"">:$padding,
                       OptionalAttr<DenseI64ArrayAttr>:$dilations,
                       DefaultValuedOptionalAttr<I64Attr, "1">:$groups,
                       DefaultValuedOptionalAttr<StrAttr, "\"NHWC\"">:$layout);
}

def Graph_Conv2dFilterGradOp : Graph_PureOp<"conv2d_filter_grad",
    "conv2d_filter_grad(gradient, x, filter)"> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       OptionalAttr<DenseI64ArrayAttr>:$strides,
                       DefaultValuedOptionalAttr<StrAttr, "\"same\"">:$padding,
                       OptionalAttr<DenseI64ArrayAttr>:$dilations,
                       DefaultValuedOptionalAttr<I64Attr, "1">:$groups,
                       DefaultValuedOptionalAttr<StrAttr, "\"NHWC\"">:$layout);
}

def Graph_DepthwiseConv2dInputGradOp : Graph_PureOp<"depthwise_conv2d_input_grad",
    "depthwise_conv2d_input_grad(gradient, x, filter)"> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       OptionalAttr<DenseI64ArrayAttr>:$strides,
                       DefaultValuedOptionalAttr<StrAttr, "\"same\"">:$padding,
                       OptionalAttr<DenseI64ArrayAttr>:$dilations,
                       DefaultValuedOptionalAttr<StrAttr, "\"NHWC\"">:$layout);
}

def Graph_DepthwiseConv2dFilterGradOp : Graph_PureOp<"depthwise_conv2d_filter_grad",
    "depthwise_conv2d_filter_grad(gradient, x, filter)"> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       OptionalAttr<DenseI64ArrayAttr>:$strides,
                       DefaultValuedOptionalAttr<StrAttr, "\"same\"">:$padding,
                       OptionalAttr<DenseI64ArrayAttr>:$dilations,
                       DefaultValuedOptionalAttr<StrAttr, "\"NHWC\"">:$layout);
}

def Graph_Conv2dTransposeInputGradOp : Graph_PureOp<"conv2d_transpose_input_grad",
    "conv2d_transpose_input_grad(gradient, x, filter)"> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       OptionalAttr<DenseI64ArrayAttr>:$strides,
                       DefaultValuedOptionalAttr<StrAttr, "\"same\"">:$padding,
                       OptionalAttr<DenseI64ArrayAttr>:$dilations,
                       DefaultValuedOptionalAttr<I64Attr, "1">:$groups,
                       DefaultValuedOptionalAttr<StrAttr, "\"NHWC\"">:$layout);
}

def Graph_Conv2dTransposeFilterGradOp : Graph_PureOp<"conv2d_transpose_filter_grad",
    "conv2d_transpose_filter_grad(gradient, x, filter)"> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       OptionalAttr<DenseI64ArrayAttr>:$strides,
                       DefaultValuedOptionalAttr<StrAttr, "\"same\"">:$padding,
                       OptionalAttr<DenseI64ArrayAttr>:$dilations,
                       DefaultValuedOptionalAttr<I64Attr, "1">:$groups,
                       DefaultValuedOptionalAttr<StrAttr, "\"NHWC\"">:$layout);
}

def Graph_MaxPool2dGradOp : Graph_PureOp<"max_pool2d_grad",
    "The first largest of a window takes its gradient."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       DenseI64ArrayAttr:$window,
                       OptionalAttr<DenseI64ArrayAttr>:$strides,
                       DefaultValuedOptionalAttr<StrAttr, "\"valid\"">:$padding,
                       DefaultValuedOptionalAttr<StrAttr, "\"NHWC\"">:$layout);
}

def Graph_AvgPool2dGradOp : Graph_PureOp<"avg_pool2d_grad",
    "avg_pool2d_grad(gradient, x)"> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       DenseI64ArrayAttr:$window,
                       OptionalAttr<DenseI64ArrayAttr>:$strides,
                       DefaultValuedOptionalAttr<StrAttr, "\"valid\"">:$padding,
                       DefaultValuedOptionalAttr<StrAttr, "\"NHWC\"">:$layout);
}

def Graph_GlobalAvgPool2dGradOp : Graph_PureOp<"global_avg_pool2d_grad",
    "global_avg_pool2d_grad(gradient, x)"> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       DefaultValuedOptionalAttr<StrAttr, "\"NHWC\"">:$layout);
}

def Graph_BatchNormGradOp : Graph_PureOp<"batch_norm_grad",
    "`gradient` is that of y; the statistics carry none."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       DefaultValuedOptionalAttr<F64Attr, "0.001">:$epsilon,
                       DefaultValuedOptionalAttr<BoolAttr, "false">:$training,
                       DefaultValuedOptionalAttr<StrAttr, "\"NHWC\"">:$layout);
}

def Graph_LayerNormGradOp : Graph_PureOp<"layer_norm_grad",
    "layer_norm_grad(gradient, x, scale, offset)"> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       DefaultValuedOptionalAttr<I64Attr, "-1">:$axis,
                       DefaultValuedOptionalAttr<F64Attr, "0.001">:$epsilon);
}

def Graph_RmsNormGradOp : Graph_PureOp<"rms_norm_grad",
    "The third result only with an offset."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       DefaultValuedOptionalAttr<I64Attr, "-1">:$axis,
                       DefaultValuedOptionalAttr<F64Attr, "0.001">:$epsilon);
}

def Graph_SoftmaxGradOp : Graph_PureOp<"softmax_grad",
    "softmax_grad(gradient, x)"> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       DefaultValuedOptionalAttr<I64Attr, "-1">:$axis);
}

def Graph_LogSoftmaxGradOp : Graph_PureOp<"log_softmax_grad",
    "log_softmax_grad(gradient, x)"> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       DefaultValuedOptionalAttr<I64Attr, "-1">:$axis);
}

def Graph_SoftmaxCrossEntropyGradOp : Graph_PureOp<"softmax_cross_entropy_grad",
    "softmax_cross_entropy_grad(gradient, logits, probabilities)"> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       DefaultValuedOptionalAttr<StrAttr, "\"mean\"">:$reduction);
}

def Graph_SparseSoftmaxCrossEntropyGradOp : Graph_PureOp<"sparse_softmax_cross_entropy_grad",
    "sparse_softmax_cross_entropy_grad(gradient, logits, labels)"> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       DefaultValuedOptionalAttr<StrAttr, "\"mean\"">:$reduction);
}

def Graph_SigmoidCrossEntropyGradOp : Graph_PureOp<"sigmoid_cross_entropy_grad",
    "sigmoid_cross_entropy_grad(gradient, logits, labels)"> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       DefaultValuedOptionalAttr<StrAttr, "\"mean\"">:$reduction);
}

def Graph_MeanSquaredErrorGradOp : Graph_PureOp<"mean_squared_error_grad",
    "mean_squared_error_grad(gradient, predictions, targets)"> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       DefaultValuedOptionalAttr<StrAttr, "\"mean\"">:$reduction);
}

def Graph_ReduceSumGradOp : Graph_PureOp<"reduce_sum_grad",
    "reduce_sum_grad(gradient, x)"> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       OptionalAttr<DenseI64ArrayAttr>:$axes,
                       DefaultValuedOptionalAttr<BoolAttr, "false">:$keep_dims);
}

def Graph_ReduceMeanGradOp : Graph_PureOp<"reduce_mean_grad",
    "reduce_mean_grad(gradient, x)"> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       OptionalAttr<DenseI64ArrayAttr>:$axes,
                       DefaultValuedOptionalAttr<BoolAttr, "false">:$keep_dims);
}

def Graph_ReduceMaxGradOp : Graph_PureOp<"reduce_max_grad",
    "Elements that are equal to the result share its gradient evenly."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       OptionalAttr<DenseI64ArrayAttr>:$axes,
                       DefaultValuedOptionalAttr<BoolAttr, "false">:$keep_dims);
}

def Graph_ReduceMinGradOp : Graph_PureOp<"reduce_min_grad",
    "Elements that are equal to the result share its gradient evenly."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       OptionalAttr<DenseI64ArrayAttr>:$axes,
                       DefaultValuedOptionalAttr<BoolAttr, "false">:$keep_dims);
}

def Graph_ReduceProdGradOp : Graph_PureOp<"reduce_prod_grad",
    "reduce_prod_grad(gradient, x)"> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       OptionalAttr<DenseI64ArrayAttr>:$axes,
                       DefaultValuedOptionalAttr<BoolAttr, "false">:$keep_dims);
}

def Graph_CumsumGradOp : Graph_PureOp<"cumsum_grad",
    "The sum of the gradient from each element on."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       I64Attr:$axis);
}

def Graph_SumToOp : Graph_PureOp<"sum_to",
    [{The sum over the axes that broadcasting added or widened, of any op,
      accumulated in float32.}]> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       Graph_DimsAttr:$shape);
}

def Graph_ReshapeGradOp : Graph_PureOp<"reshape_grad",
    "The gradient in the shape of x.">;

def Graph_ConcatGradOp : Graph_PureOp<"concat_grad",
    "One result for each value."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       I64Attr:$axis);
}

def Graph_SliceGradOp : Graph_PureOp<"slice_grad",
    "Zero where x was not taken."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       DenseI64ArrayAttr:$begin,
                       Graph_DimsAttr:$end,
                       OptionalAttr<DenseI64ArrayAttr>:$strides);
}

def Graph_PadGradOp : Graph_PureOp<"pad_grad", "pad_grad(gradient, x)"> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       DenseI64ArrayAttr:$paddings);
}

def Graph_GatherGradOp : Graph_PureOp<"gather_grad",
    "Gradients of equal indices are added."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$axis);
}

def Graph_DropoutGradOp : Graph_NodeOp<"dropout_grad",
    "With the mask of the forward op of the same seed, its `origin`."> {
  let arguments = (ins Variadic<Graph_Value>:$inputs,
                       F64Attr:$rate,
                       I64Attr:$seed,
                       DefaultValuedOptionalAttr<BoolAttr, "false">:$training);
}

#endif // AMP_DIALECT_GRAPH_IR_GRAPHBACKWARD_TD
