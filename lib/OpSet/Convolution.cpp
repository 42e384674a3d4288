//===- Convolution.cpp - Convolutions and pooling -------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Images are NHWC, or NCHW by the attribute `layout`; filters are HWIO always.
//===----------------------------------------------------------------------===//

#include "Rules.h"
#include "Table.h"

namespace amp::opset {

namespace {

/// Which axis of an image is what.
struct ImageAxes {
  size_t height, width, channels;
};
ImageAxes imageAxes(const OpArgs &args) {
  if (args.getEnum("layout") == "NCHW")
    return {2, 3, 1};
  return {1, 2, 3};
}

/// The windows of height and width. `sizes` are those of the filter or of the
/// attribute `window`.
Failure resolveWindows(const OpArgs &args, const Dim (&sizes)[2],
                       std::string_view stridesFrom, Window (&windows)[2]) {
  int64_t strides[2], dilations[2] = {1, 1};
  if (Failure failure = resolvePair(args, stridesFrom, strides))
    return failure;
  if (args.has("dilations"))
    if (Failure failure = resolvePair(args, "dilations", dilations))
      return failure;
  bool same = args.getEnum("padding") == "same";
  for (int i : {0, 1})
    windows[i] = {sizes[i], strides[i], dilations[i], same};
  return ok;
}

/// The sizes of a filter that are windows are at least one.
Failure expectFilter(const OpArgs &args) {
  if (Failure failure = expectRank(args, 0, 4))
    return failure;
  if (Failure failure = expectRank(args, 1, 4))
    return failure;
  const TensorType &filter = args.operands[1];
  for (int i : {0, 1})
    if (filter.shape[i] == Dim::fixed(0))
      return failOperand(1, "operand 'filter' is ", filter,
                         ", expected a window of at least 1 by 1");
  return ok;
}

using Slide = std::optional<std::string> (*)(const Dim &, const Window &,
                                             Dim &);

/// Replaces height, width and channels of the image by those of the result.
Failure slideImage(const OpArgs &args, const Window (&windows)[2], Slide slide,
                   const Dim &channels, Results &results) {
  ImageAxes axes = imageAxes(args);
  TensorType type = args.operands[0];
  size_t spatial[2] = {axes.height, axes.width};
  for (int i : {0, 1}) {
    Dim &size = type.shape[spatial[i]];
    Dim out = Dim::unknown();
    if (auto why = slide(size, windows[i], out))
      return failOperand(0, *why, " along the ", i ? "width" : "height", " of ",
                         args.operands[0]);
    size = out;
  }
  type.shape[axes.channels] = channels;
  results.push_back(std::move(type));
  return ok;
}

/// Groups divide the channels of operand and result; each group of the filter
/// sees its share.
Failure expectGroups(const OpArgs &args, const Dim &in) {
  int64_t groups = args.getInt("groups");
  const Dim &out = args.operands[1].shape[3];
  if (groups == 1)
    return expectSize(args, 1, 2, in, "the channels of 'x', ",
                      args.operands[0]);
  for (const Dim *channels : {&in, &out})
    if (channels->isFixed() && channels->size() % groups)
      return failAttr("groups", "attribute 'groups' is ", groups,
                      ", which does not divide ", *channels, " channels");
  if (!in.isFixed())
    return ok;
  return expectSize(args, 1, 2, Dim::fixed(in.size() / groups),
                    "the channels of 'x', ", args.operands[0], ", by ", groups,
                    " groups");
}

template <bool transposed>
Failure inferConv(const OpArgs &args, Results &results) {
  if (Failure failure = expectFilter(args))
    return failure;
  const Shape &filter = args.operands[1].shape;
  const Dim &in = args.operands[0].shape[imageAxes(args).channels];
  if (Failure failure = expectGroups(args, in))
    return failure;
  Window windows[2] = {{Dim::unknown()}, {Dim::unknown()}};
  if (Failure failure =
          resolveWindows(args, {filter[0], filter[1]}, "strides", windows))
    return failure;
  return slideImage(args, windows, transposed ? Slide(unslide) : Slide(slide),
                    filter[3], results);
}

Failure inferDepthwise(const OpArgs &args, Results &results) {
  if (Failure failure = expectFilter(args))
    return failure;
  const Shape &filter = args.operands[1].shape;
  const Dim &in = args.operands[0].shape[imageAxes(args).channels];
  if (Failure failure =
          expectSize(args, 1, 2, in, "the channels of 'x', ", args.operands[0]))
    return failure;
  const Dim known = meet(in, filter[2]), &multiplier = filter[3];
  Dim channels = Dim::unknown();
  if (multiplier == Dim::fixed(1))
    channels = known;
  else if (known.isFixed() && multiplier.isFixed()) {
    int64_t product = known.size();
    if (!multiply(product, multiplier.size()))
      return failOperand(1, "the number of channels does not fit 64 bits");
    channels = Dim::fixed(product);
  }
  Window windows[2] = {{Dim::unknown()}, {Dim::unknown()}};
  if (Failure failure =
          resolveWindows(args, {filter[0], filter[1]}, "strides", windows))
    return failure;
  return slideImage(args, windows, slide, channels, results);
}

Failure inferPool(const OpArgs &args, Results &results) {
  if (Failure failure = expectRank(args, 0, 4))
    return failure;
  int64_t window[2];
  if (Failure failure = resolvePair(args, "window", window))
    return failure;
  Window windows[2] = {{Dim::unknown()}, {Dim::unknown()}};
  if (Failure failure =
          resolveWindows(args, {Dim::fixed(window[0]), Dim::fixed(window[1])},
                         args.has("strides") ? "strides" : "window", windows))
    return failure;
  const Dim channels = args.operands[0].shape[imageAxes(args).channels];
  return slideImage(args, windows, slide, channels, results);
}

Failure inferGlobalPool(const OpArgs &args, Results &results) {
  if (Failure failure = expectRank(args, 0, 4))
    return failure;
  const TensorType &x = args.operands[0];
  results.push_back({x.dtype, {x.shape[0], x.shape[imageAxes(args).channels]}});
  return ok;
}

AttrDef layoutAttr() {
  return enumAttr("layout", "NHWC", {"NHWC", "NCHW"}, "the axes of images");
}

AttrDef paddingAttr(std::string_view defaultValue) {
  return enumAttr("padding", defaultValue, {"same", "valid"});
}

std::vector<AttrDef> convAttrs(bool groups) {
  std::vector<AttrDef> attrs = {
      within(scalarOr(intsAttr("strides", std::vector<int64_t>{1})), 1),
      paddingAttr("same"),
      within(scalarOr(intsAttr("dilations", std::vector<int64_t>{1})), 1)};
  if (groups)
    attrs.push_back(within(intAttr("groups", 1), 1));
  attrs.push_back(layoutAttr());
  return attrs;
}

void addConv(Table &table, std::string_view name, std::string_view inputGrad,
             std::string_view filterGrad, TypeRule infer,
             TypeRule inferInputGrad, TypeRule inferFilterGrad, bool groups,
             std::string_view how, std::string_view doc) {
  table.op(name, Family::Convolution, infer)
      .in("x")
      .in("filter")
      .attrs(convAttrs(groups))
      .out()
      .gradient(how)
      .doc(doc);
  table.grad(inputGrad, name, inferInputGrad).shapeOnly("x").out("x_gradient");
  table.grad(filterGrad, name, inferFilterGrad)
      .shapeOnly("filter")
      .out("filter_gradient");
}

} // namespace

void addConvolutions(Table &table) {
  addConv(table, "conv2d", "conv2d_input_grad", "conv2d_filter_grad",
          inferConv<false>, inferGradients<inferConv<false>, 1>,
          inferGradients<inferConv<false>, 2>, true,
          "conv2d_input_grad, conv2d_filter_grad",
          "Filter [height, width, channels of x / groups, channels of y].");
  addConv(table, "depthwise_conv2d", "depthwise_conv2d_input_grad",
          "depthwise_conv2d_filter_grad", inferDepthwise,
          inferGradients<inferDepthwise, 1>, inferGradients<inferDepthwise, 2>,
          false, "depthwise_conv2d_input_grad, depthwise_conv2d_filter_grad",
          "Filter [height, width, channels of x, multiplier]; y has channels · "
          "multiplier.");
  addConv(table, "conv2d_transpose", "conv2d_transpose_input_grad",
          "conv2d_transpose_filter_grad", inferConv<true>,
          inferGradients<inferConv<true>, 1>,
          inferGradients<inferConv<true>, 2>, true,
          "conv2d_transpose_input_grad, conv2d_transpose_filter_grad",
          "Filter as for conv2d. A size h becomes h · s with padding `same`, "
          "(h − 1) · s + k with `valid`.");

  auto pool = [&](std::string_view name, std::string_view grad,
                  std::string_view doc) {
    table.op(name, Family::Convolution, inferPool)
        .in("x")
        .attr(within(scalarOr(intsAttr("window", std::nullopt)), 1))
        .attr(within(scalarOr(optional(
                         intsAttr("strides", std::nullopt, "as the window"))),
                     1))
        .attr(paddingAttr("valid"))
        .attr(layoutAttr())
        .out()
        .gradient(grad)
        .doc(doc);
  };
  pool("max_pool2d", "max_pool2d_grad", "The largest in each window.");
  pool("avg_pool2d", "avg_pool2d_grad",
       "The mean of each window, without the padding.");
  table.op("global_avg_pool2d", Family::Convolution, inferGlobalPool)
      .in("x")
      .attr(layoutAttr())
      .out()
      .gradient("global_avg_pool2d_grad")
      .doc("The mean over height and width, [N, C].");

  table.grad("max_pool2d_grad", "max_pool2d", inferGradients<inferPool, 1>)
      .out("x_gradient")
      .doc("The first largest of a window takes its gradient.");
  table.grad("avg_pool2d_grad", "avg_pool2d", inferGradients<inferPool, 1>)
      .shapeOnly("x")
      .out("x_gradient");
  table
      .grad("global_avg_pool2d_grad", "global_avg_pool2d",
            inferGradients<inferGlobalPool, 1>)
      .shapeOnly("x")
      .out("x_gradient");
}

} // namespace amp::opset
