//===- LowerImage.cpp - Lowering: images and normalisations ---------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Convolutions, pooling and the normalisations, with their gradients. What is
// element-wise in a normalisation is an expression, so that it fuses with its
// neighbours.
//===----------------------------------------------------------------------===//

#include "Lowering.h"

using namespace amprt;
using namespace amprt::planner;

namespace {

bool channelsFirst(const NodeLowering &node) {
  return node.args.getEnum("layout") == "NCHW";
}

/// One integer for height and width, or one for each.
void setPair(const NodeLowering &node, std::string_view attr,
             int64_t (&to)[2]) {
  std::vector<int64_t> values = node.args.getInts(attr);
  to[0] = values.front();
  to[1] = values.back();
}

/// Padding in front so that windows lie as TensorFlow lays them.
void setPadding(const NodeLowering &node, Window2d &w) {
  if (node.args.getEnum("padding") != "same")
    return;
  for (int i : {0, 1}) {
    int64_t span = (w.window[i] - 1) * w.dilation[i] + 1;
    int64_t needed = (w.out[i] - 1) * w.stride[i] + span - w.in[i];
    w.before[i] = std::max<int64_t>(0, needed) / 2;
  }
}

/// conv2d, depthwise_conv2d, conv2d_transpose and their gradients are about one
/// convolution from images x to images y. Of conv2d_transpose the operand is y
/// and the result x, so forward it is the convolution's input gradient.
bool lowerConv(NodeLowering &node) {
  std::string_view op = node.node.op;
  auto endsWith = [&](std::string_view suffix) {
    return op.size() > suffix.size() &&
           op.substr(op.size() - suffix.size()) == suffix;
  };
  bool transposed = op.substr(0, 16) == "conv2d_transpose";
  bool depthwise = op.substr(0, 9) == "depthwise";
  bool toInput = endsWith("_input_grad"), toFilter = endsWith("_filter_grad");
  bool isGradient = toInput || toFilter;
  Dims operand = node.dims(isGradient ? 1 : 0);
  Dims filter = node.dims(isGradient ? 2 : 1);
  Dims result = isGradient ? node.dims(0) : node.resultDims();
  const Dims &x = transposed ? result : operand;
  const Dims &y = transposed ? operand : result;

  Kernel kernel = transposed ? Kernel::ConvInputGrad : Kernel::Conv;
  if (toInput)
    kernel = transposed ? Kernel::Conv : Kernel::ConvInputGrad;
  if (toFilter)
    kernel = Kernel::ConvFilterGrad;
  Step &step = node.addStep(kernel);
  StepParams &p = step.params;
  p.channelsFirst = channelsFirst(node);
  size_t height = p.channelsFirst ? 2 : 1, channel = p.channelsFirst ? 1 : 3;
  p.outer = x[0];
  p.channelsIn = x[channel];
  p.channelsOut = y[channel];
  p.groups = depthwise ? std::max<int64_t>(1, p.channelsIn)
                       : node.args.getInt("groups");
  Window2d &w = p.spatial;
  for (size_t i : {0, 1}) {
    w.in[i] = x[height + i];
    w.out[i] = y[height + i];
    w.window[i] = filter[i];
  }
  setPair(node, "strides", w.stride);
  setPair(node, "dilations", w.dilation);
  setPadding(node, w);
  // Filters are [height, width, channels of the operand (of a group), channels
  // of the result]; a depthwise one is [height, width, group, multiplier].
  int64_t column = filter[2] * filter[3], row = filter[1] * column;
  int64_t group = filter[3] / p.groups;
  if (depthwise)
    p.filterStrides = {filter[3], 1, 1, row, column};
  else if (transposed)
    p.filterStrides = {group, filter[3], 1, row, column};
  else
    p.filterStrides = {group, 1, filter[3], row, column};
  step.operands = {node.operands[0], node.operands[toInput ? 2 : 1]};
  // The gradient of the filter reads that of y first, then x.
  if (toFilter && transposed)
    std::swap(step.operands[0], step.operands[1]);
  step.results = {node.addResult()};
  return true;
}

/// Images with channels first are as many images of one channel.
bool lowerPool(NodeLowering &node) {
  bool isGradient =
      node.node.op == "max_pool2d_grad" || node.node.op == "avg_pool2d_grad";
  bool mean = node.node.op == "avg_pool2d" || node.node.op == "avg_pool2d_grad";
  Dims image = node.dims(isGradient ? 1 : 0);
  Dims result = isGradient ? node.dims(0) : node.resultDims();
  bool first = channelsFirst(node);
  Step &step = node.addStep(isGradient ? Kernel::PoolGrad : Kernel::Pool);
  StepParams &p = step.params;
  Window2d &w = p.spatial;
  for (size_t i : {0, 1}) {
    w.in[i] = image[i + (first ? 2 : 1)];
    w.out[i] = result[i + (first ? 2 : 1)];
  }
  setPair(node, "window", w.window);
  setPair(node, node.args.has("strides") ? "strides" : "window", w.stride);
  setPadding(node, w);
  p.reduce = mean ? ReduceOp::Mean : ReduceOp::Max;
  p.outer = first ? image[0] * image[1] : image[0];
  p.inner = first ? 1 : image[3];
  step.operands = {node.operands[0]};
  if (isGradient && !mean)
    step.operands.push_back(node.operands[1]);
  step.results = {node.addResult()};
  return true;
}

bool lowerGlobalPool(NodeLowering &node) {
  bool isGradient = node.node.op == "global_avg_pool2d_grad";
  Dims image = node.dims(isGradient ? 1 : 0);
  size_t height = channelsFirst(node) ? 2 : 1;
  if (!isGradient) {
    std::vector<bool> reduced(4, false);
    reduced[height] = reduced[height + 1] = true;
    Step &step = node.addStep(Kernel::Reduce);
    step.params.reduce = ReduceOp::Mean;
    step.operands = {node.operands[0]};
    setReduction(step.params, image, reduced);
    step.results = {node.addResult()};
    return true;
  }
  Dims kept = image;
  kept[height] = kept[height + 1] = 1;
  double terms = double(image[height]) * double(image[height + 1]);
  uint32_t wide =
      node.builder.addView(node.operands[0], std::string(node.node.name), kept);
  ExpressionBuilder e(node.builder);
  DType dtype = node.types[0].dtype;
  int32_t gradient = e.load(wide), count = e.constant(terms, dtype);
  e.op(ScalarOp::Div, dtype, gradient, count);
  e.finish(node.addStep(Kernel::Elementwise), node.addResult());
  return true;
}

/// layer_norm and rms_norm.
bool lowerRowNorm(NodeLowering &node) {
  bool isGradient =
      node.node.op == "layer_norm_grad" || node.node.op == "rms_norm_grad";
  Dims dims = node.dims(isGradient ? 1 : 0);
  std::vector<uint32_t> results;
  for (size_t i = 0; i < node.types.size(); ++i)
    results.push_back(node.addResult());
  Step &step = node.addStep(isGradient ? Kernel::RowNormGrad : Kernel::RowNorm);
  setRows(step.params, dims, size_t(node.axis("axis", dims.size())));
  step.params.epsilon = node.args.getFloat("epsilon");
  step.params.centered = node.node.op.substr(0, 5) == "layer";
  step.operands = node.operands;
  if (isGradient) // of the offset only the sizes count
    step.operands.resize(3);
  step.results = std::move(results);
  return true;
}

/// The axis of the channels of batch_norm: last, or after the first.
size_t channelAxis(const NodeLowering &node, const Dims &dims) {
  return channelsFirst(node) ? 1 : dims.size() - 1;
}

/// A vector of channels in sizes that broadcast to those of x.
uint32_t acrossChannels(NodeLowering &node, uint32_t vector, const Dims &x) {
  size_t axis = channelAxis(node, x);
  Dims dims(x.size() - axis, 1);
  dims[0] = x[axis];
  return node.builder.addView(vector, node.builder.buffer(vector).name,
                              std::move(dims));
}

struct Statistics {
  uint32_t mean, variance;
};

/// Of the batch in `training`, else the moving ones, the last two operands.
Statistics statisticsOf(NodeLowering &node, size_t x, const Dims &dims) {
  size_t count = node.operands.size();
  if (!node.args.getBool("training"))
    return {node.operands[count - 2], node.operands[count - 1]};
  DType dtype = node.dtype(count - 1);
  Dims channels = {dims[channelAxis(node, dims)]};
  Statistics s = {node.addTemporary(dtype, channels),
                  node.addTemporary(dtype, channels)};
  Step &step = node.addStep(Kernel::Moments);
  setRows(step.params, dims, channelAxis(node, dims));
  step.operands = {node.operands[x]};
  step.results = {s.mean, s.variance};
  return s;
}

/// 1 / √(variance + epsilon), an instruction.
int32_t inverseDeviation(NodeLowering &node, ExpressionBuilder &e,
                         uint32_t variance) {
  DType dtype = node.builder.dtype(variance);
  int32_t value = e.load(variance);
  int32_t epsilon = e.constant(node.args.getFloat("epsilon"), dtype);
  int32_t sum = e.op(ScalarOp::Add, dtype, value, epsilon);
  return e.op(ScalarOp::Rsqrt, dtype, sum);
}

bool lowerBatchNorm(NodeLowering &node) {
  Dims dims = node.dims(0);
  bool training = node.args.getBool("training");
  uint32_t y = node.addResult();
  Statistics s = statisticsOf(node, 0, dims);
  if (training) {
    node.results.push_back(s.mean);
    node.results.push_back(s.variance);
  }
  // Registers are as wide as the parameters: float32 for 16 bits.
  DType wide = node.dtype(1);
  ExpressionBuilder e(node.builder);
  int32_t x = e.load(node.operands[0]);
  int32_t mean = e.load(acrossChannels(node, s.mean, dims));
  int32_t distance = e.op(ScalarOp::Sub, wide, x, mean);
  int32_t inverse =
      inverseDeviation(node, e, acrossChannels(node, s.variance, dims));
  int32_t scale = e.load(acrossChannels(node, node.operands[1], dims));
  int32_t factor = e.op(ScalarOp::Mul, wide, inverse, scale);
  int32_t scaled = e.op(ScalarOp::Mul, wide, distance, factor);
  int32_t offset = e.load(acrossChannels(node, node.operands[2], dims));
  e.op(ScalarOp::Add, wide, scaled, offset);
  e.finish(node.addStep(Kernel::Elementwise), y);
  return true;
}

/// With r = 1 / √(variance + epsilon): scale · r · (g − mean of g − (x − mean)
/// · r² · mean of g·(x − mean)) in training, scale · r · g else.
bool lowerBatchNormGrad(NodeLowering &node) {
  Dims dims = node.dims(1);
  size_t axis = channelAxis(node, dims);
  bool training = node.args.getBool("training");
  DType wide = node.dtype(2);
  Dims channels = {dims[axis]};
  uint32_t ofX = node.addResult(), ofScale = node.addResult(),
           ofOffset = node.addResult();
  Statistics s = statisticsOf(node, 1, dims);
  uint32_t weighted = node.addTemporary(wide, channels);
  Step &sums = node.addStep(Kernel::ChannelGrad);
  setRows(sums.params, dims, axis);
  sums.operands = {node.operands[0], node.operands[1], s.mean};
  sums.results = {ofOffset, weighted};

  ExpressionBuilder scaleGradient(node.builder);
  int32_t r = inverseDeviation(node, scaleGradient, s.variance);
  int32_t sum = scaleGradient.load(weighted);
  scaleGradient.op(ScalarOp::Mul, wide, sum, r);
  scaleGradient.finish(node.addStep(Kernel::Elementwise), ofScale);

  ExpressionBuilder e(node.builder);
  auto mul = [&](int32_t a, int32_t b) {
    return e.op(ScalarOp::Mul, wide, a, b);
  };
  int32_t inverse =
      inverseDeviation(node, e, acrossChannels(node, s.variance, dims));
  int32_t scale = e.load(acrossChannels(node, node.operands[2], dims));
  int32_t factor = mul(inverse, scale);
  int32_t pull = e.load(node.operands[0]);
  if (training) {
    double count = double(elementCount(dims)) / double(dims[axis]);
    int32_t number = e.constant(count, wide);
    int32_t total = e.load(acrossChannels(node, ofOffset, dims));
    int32_t average = e.op(ScalarOp::Div, wide, total, number);
    int32_t x = e.load(node.operands[1]);
    int32_t mean = e.load(acrossChannels(node, s.mean, dims));
    int32_t distance = e.op(ScalarOp::Sub, wide, x, mean);
    int32_t tilts = e.load(acrossChannels(node, weighted, dims));
    int32_t tilt = e.op(ScalarOp::Div, wide, tilts, number);
    int32_t unit = mul(distance, inverse);
    int32_t lean = mul(unit, mul(tilt, inverse));
    int32_t centred = e.op(ScalarOp::Sub, wide, pull, average);
    pull = e.op(ScalarOp::Sub, wide, centred, lean);
  }
  mul(pull, factor);
  e.finish(node.addStep(Kernel::Elementwise), ofX);
  return true;
}

} // namespace

void amprt::planner::addImageLowerings(LoweringTable &table) {
  for (std::string_view name :
       {"max_pool2d", "avg_pool2d", "max_pool2d_grad", "avg_pool2d_grad"})
    table[name] = lowerPool;
  for (std::string_view name :
       {"conv2d", "conv2d_input_grad", "conv2d_filter_grad", "depthwise_conv2d",
        "depthwise_conv2d_input_grad", "depthwise_conv2d_filter_grad",
        "conv2d_transpose", "conv2d_transpose_input_grad",
        "conv2d_transpose_filter_grad"})
    table[name] = lowerConv;
  for (std::string_view name : {"global_avg_pool2d", "global_avg_pool2d_grad"})
    table[name] = lowerGlobalPool;
  for (std::string_view name :
       {"layer_norm", "rms_norm", "layer_norm_grad", "rms_norm_grad"})
    table[name] = lowerRowNorm;
  table["batch_norm"] = lowerBatchNorm;
  table["batch_norm_grad"] = lowerBatchNormGrad;
}
