//===- ConvCases.cpp - What convolutions mean -----------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Convolutions as nested loops; the transposed one as a scatter.
//===----------------------------------------------------------------------===//

#include "Reference.h"

#include <algorithm>

using namespace amprt;
using namespace amprt::test;

namespace {

struct Conv {
  Dims image, filter, strides = {1, 1};
  bool same = true;
  Dims dilations = {1, 1};
  int64_t groups = 1;
  bool first = false; ///< NCHW
};

/// Places in an image whatever its layout.
struct ImageView {
  Dims dims;
  bool first;
  int64_t size(size_t axis) const { return dims[axis + (first ? 2 : 1)]; }
  int64_t channels() const { return dims[first ? 1 : 3]; }
  int64_t at(int64_t n, int64_t y, int64_t x, int64_t c) const {
    return first ? ((n * channels() + c) * size(0) + y) * size(1) + x
                 : ((n * size(0) + y) * size(1) + x) * channels() + c;
  }
};

Dims imageDims(bool first, int64_t n, int64_t h, int64_t w, int64_t c) {
  return first ? Dims{n, c, h, w} : Dims{n, h, w, c};
}

/// What a window covers, how many there are, and the padding in front.
struct Slide {
  int64_t span, out, before;
  Slide(const Conv &c, size_t axis, int64_t size) {
    int64_t stride = c.strides[axis];
    span = (c.filter[axis] - 1) * c.dilations[axis] + 1;
    out = c.same ? (size + stride - 1) / stride : (size - span) / stride + 1;
    int64_t needed = (out - 1) * stride + span - size;
    before = c.same ? std::max<int64_t>(0, needed) / 2 : 0;
  }
};

Arrays convolved(const Arrays &in, const Conv &c, bool depthwise) {
  ImageView x{in[0].dims, c.first};
  Slide rows(c, 0, x.size(0)), columns(c, 1, x.size(1));
  // Of a depthwise filter the last size is a multiplier.
  int64_t outs = depthwise ? c.filter[2] * c.filter[3] : c.filter[3];
  int64_t groups = depthwise ? x.channels() : c.groups;
  ImageView y{imageDims(c.first, x.dims[0], rows.out, columns.out, outs),
              c.first};
  Array result = Array::zeros(y.dims);
  for (int64_t n = 0; n < x.dims[0]; ++n)
    for (int64_t oy = 0; oy < rows.out; ++oy)
      for (int64_t ox = 0; ox < columns.out; ++ox)
        for (int64_t o = 0; o < outs; ++o)
          for (int64_t ky = 0; ky < c.filter[0]; ++ky)
            for (int64_t kx = 0; kx < c.filter[1]; ++kx) {
              int64_t iy =
                  oy * c.strides[0] + ky * c.dilations[0] - rows.before;
              int64_t ix =
                  ox * c.strides[1] + kx * c.dilations[1] - columns.before;
              if (iy < 0 || ix < 0 || iy >= x.size(0) || ix >= x.size(1))
                continue;
              int64_t inputs = x.channels() / groups;
              int64_t group = o / (outs / groups);
              for (int64_t i = 0; i < inputs; ++i) {
                Dims tap = depthwise ? Dims{ky, kx, group, o % c.filter[3]}
                                     : Dims{ky, kx, i, o};
                result[y.at(n, oy, ox, o)] +=
                    in[0][x.at(n, iy, ix, group * inputs + i)] *
                    in[1][flatIndex(c.filter, tap)];
              }
            }
  return {result};
}

Arrays transposed(const Arrays &in, const Conv &c) {
  ImageView x{in[0].dims, c.first};
  int64_t size[2], before[2];
  for (size_t axis : {0, 1}) {
    int64_t h = x.size(axis), stride = c.strides[axis];
    int64_t span = (c.filter[axis] - 1) * c.dilations[axis] + 1;
    size[axis] = c.same ? h * stride : (h - 1) * stride + span;
    before[axis] = c.same ? std::max<int64_t>(0, span - stride) / 2 : 0;
  }
  int64_t outs = c.filter[3];
  ImageView y{imageDims(c.first, x.dims[0], size[0], size[1], outs), c.first};
  Array result = Array::zeros(y.dims);
  int64_t inputs = x.channels() / c.groups, share = outs / c.groups;
  for (int64_t n = 0; n < x.dims[0]; ++n)
    for (int64_t iy = 0; iy < x.size(0); ++iy)
      for (int64_t ix = 0; ix < x.size(1); ++ix)
        for (int64_t i = 0; i < x.channels(); ++i)
          for (int64_t ky = 0; ky < c.filter[0]; ++ky)
            for (int64_t kx = 0; kx < c.filter[1]; ++kx) {
              int64_t oy = iy * c.strides[0] + ky * c.dilations[0] - before[0];
              int64_t ox = ix * c.strides[1] + kx * c.dilations[1] - before[1];
              if (oy < 0 || ox < 0 || oy >= size[0] || ox >= size[1])
                continue;
              for (int64_t o = 0; o < share; ++o) {
                int64_t out = i / inputs * share + o;
                result[y.at(n, oy, ox, out)] +=
                    in[0][x.at(n, iy, ix, i)] *
                    in[1][flatIndex(c.filter, {ky, kx, i % inputs, out})];
              }
            }
  return {result};
}

std::string pair(const Dims &values) {
  return "[" + std::to_string(values[0]) + ", " + std::to_string(values[1]) +
         "]";
}

void add(std::vector<OpCase> &cases, const std::string &op, const Conv &conv,
         Reference reference) {
  std::string attrs = "\"strides\": " + pair(conv.strides) +
                      ", \"padding\": \"" + (conv.same ? "same" : "valid") +
                      "\", \"dilations\": " + pair(conv.dilations);
  if (op != "depthwise_conv2d")
    attrs += ", \"groups\": " + std::to_string(conv.groups);
  attrs +=
      std::string(", \"layout\": \"") + (conv.first ? "NCHW" : "NHWC") + "\"";
  OpCase c{op, attrs, {{conv.image}, {conv.filter}}, std::move(reference)};
  // A result is a sum of products: as many as the filter has taps and channels,
  // and a gradient of the filter as many as there are windows.
  c.roundings = double(elementCount(conv.filter)) + 1;
  c.multilinear = true;
  c.backward.push_back({op + "_input_grad", {0}});
  c.backward.push_back({op + "_filter_grad", {1}});
  c.backward[1].roundings = double(elementCount(conv.image)) *
                                double(conv.strides[0] * conv.strides[1]) +
                            1;
  cases.push_back(std::move(c));
}

} // namespace

std::vector<OpCase> amprt::test::convCases() {
  std::vector<OpCase> cases;
  for (const Conv &c :
       {Conv{{2, 5, 4, 3}, {3, 2, 3, 4}},
        Conv{{1, 6, 5, 4}, {3, 3, 2, 6}, {2, 1}, false, {1, 1}, 2},
        Conv{{2, 4, 5, 6}, {2, 3, 1, 8}, {1, 2}, true, {2, 1}, 4, true},
        Conv{{1, 3, 6, 5}, {3, 2, 3, 2}, {2, 2}, false, {1, 2}, 1, true},
        Conv{{1, 1, 1, 1}, {1, 1, 1, 1}},
        // More than an int counts.
        Conv{{1, 3, 4, 2}, {3, 3, 2, 2}, {1, 2}, true, {2147483647, 3}},
        Conv{{1, 5, 5, 2}, {2, 2, 2, 3}, {3, 2}, false},
        Conv{{1, 4, 4, 2}, {1, 1, 2, 3}, {3, 3}},
        Conv{{1, 2, 3, 17}, {3, 3, 17, 1}}, Conv{{0, 4, 4, 2}, {3, 3, 2, 2}},
        Conv{{1, 3, 3, 0}, {2, 2, 0, 2}}, Conv{{1, 3, 3, 2}, {2, 2, 2, 0}}})
    add(cases, "conv2d", c,
        [=](const Arrays &in) { return convolved(in, c, false); });
  for (const Conv &c :
       {Conv{{1, 5, 4, 3}, {3, 3, 3, 2}},
        Conv{{2, 3, 4, 5}, {2, 2, 3, 1}, {2, 2}, false, {1, 1}, 1, true},
        Conv{{1, 6, 5, 1}, {3, 2, 1, 4}, {1, 2}, true, {2, 1}},
        Conv{{0, 4, 4, 2}, {3, 3, 2, 1}}, Conv{{1, 2, 2, 0}, {1, 1, 0, 2}}})
    add(cases, "depthwise_conv2d", c,
        [=](const Arrays &in) { return convolved(in, c, true); });
  for (const Conv &c :
       {Conv{{1, 3, 4, 3}, {3, 3, 3, 2}, {2, 2}},
        Conv{{2, 3, 2, 2}, {2, 3, 2, 3}, {2, 1}, false},
        Conv{{1, 4, 3, 2}, {3, 2, 2, 6}, {1, 2}, true, {1, 1}, 2, true},
        Conv{{1, 2, 3, 2}, {1, 1, 2, 2}, {2, 2}},
        Conv{{1, 2, 3, 2}, {1, 2, 2, 2}, {3, 2}, false},
        Conv{{1, 3, 3, 2}, {2, 2, 2, 2}, {1, 1}, true, {2, 2}},
        Conv{{0, 3, 3, 2}, {2, 2, 2, 2}, {2, 2}}})
    add(cases, "conv2d_transpose", c,
        [=](const Arrays &in) { return transposed(in, c); });
  return cases;
}
