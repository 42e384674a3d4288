//===- NormCases.cpp - What normalisations and pooling mean ---------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Rows, batches and windows of images.
//===----------------------------------------------------------------------===//

#include "Reference.h"

#include <algorithm>

using namespace amprt;
using namespace amprt::test;

namespace {

Arrays rowNorm(const Arrays &in, size_t axis, Real epsilon, bool centred) {
  Array y = in[0];
  Rows rows(y.dims, axis);
  for (int64_t row = 0; row < rows.count(); ++row) {
    Real mean = 0, squares = 0;
    for (int64_t i = 0; i < rows.size && centred; ++i)
      mean += y[rows.at(row, i)] / Real(rows.size);
    for (int64_t i = 0; i < rows.size; ++i) {
      Real d = y[rows.at(row, i)] - mean;
      squares += d * d / Real(rows.size);
    }
    for (int64_t i = 0; i < rows.size; ++i) {
      Real &value = y[rows.at(row, i)];
      value = (value - mean) / std::sqrt(squares + epsilon) * in[1][i];
      if (in.size() > 2)
        value += in[2][i];
    }
  }
  return {y};
}

Arrays batchNorm(const Arrays &in, size_t axis, Real epsilon, bool training) {
  Array y = in[0], mean = in[3], variance = in[4];
  Rows rows(y.dims, axis);
  auto channel = [&](size_t i) { return int64_t(i) / rows.inner % rows.size; };
  if (training) {
    auto count = Real(rows.count());
    mean = variance = Array::zeros(mean.dims);
    for (size_t i = 0; i < y.size(); ++i)
      mean[channel(i)] += y[i] / count;
    for (size_t i = 0; i < y.size(); ++i) {
      Real d = y[i] - mean[channel(i)];
      variance[channel(i)] += d * d / count;
    }
  }
  for (size_t i = 0; i < y.size(); ++i) {
    int64_t c = channel(i);
    y[i] = (y[i] - mean[c]) / std::sqrt(variance[c] + epsilon) * in[1][c] +
           in[2][c];
  }
  if (training)
    return {y, mean, variance};
  return {y};
}

Operand params(int64_t size, double low = -2, double high = 2) {
  return {{size}, low, high, Kind::Params};
}

struct Pool {
  Dims image;
  Dims window, strides;
  bool same, first;
};

/// An image's sizes and places whatever its layout.
struct ImageView {
  Dims dims;
  bool first;
  int64_t height() const { return dims[first ? 2 : 1]; }
  int64_t width() const { return dims[first ? 3 : 2]; }
  int64_t channels() const { return dims[first ? 1 : 3]; }
  int64_t at(int64_t n, int64_t y, int64_t x, int64_t c) const {
    return first ? ((n * channels() + c) * height() + y) * width() + x
                 : ((n * height() + y) * width() + x) * channels() + c;
  }
};

/// Sizes of a pool's result, and the padding in front.
void slide(int64_t size, int64_t window, int64_t stride, bool same,
           int64_t &out, int64_t &before) {
  out = same ? (size + stride - 1) / stride : (size - window) / stride + 1;
  before =
      same ? std::max<int64_t>(0, (out - 1) * stride + window - size) / 2 : 0;
}

Arrays pooled(const Arrays &in, const Pool &p, bool mean) {
  ImageView image{in[0].dims, p.first};
  int64_t oh, ow, top, left;
  slide(image.height(), p.window[0], p.strides[0], p.same, oh, top);
  slide(image.width(), p.window[1], p.strides[1], p.same, ow, left);
  ImageView result{in[0].dims, p.first};
  result.dims[p.first ? 2 : 1] = oh;
  result.dims[p.first ? 3 : 2] = ow;
  Array y = Array::zeros(result.dims);
  for (int64_t n = 0; n < image.dims[0]; ++n)
    for (int64_t oy = 0; oy < oh; ++oy)
      for (int64_t ox = 0; ox < ow; ++ox)
        for (int64_t c = 0; c < image.channels(); ++c) {
          Real sum = 0, most = -INFINITY, terms = 0;
          for (int64_t ky = 0; ky < p.window[0]; ++ky)
            for (int64_t kx = 0; kx < p.window[1]; ++kx) {
              int64_t iy = oy * p.strides[0] + ky - top;
              int64_t ix = ox * p.strides[1] + kx - left;
              if (iy < 0 || ix < 0 || iy >= image.height() ||
                  ix >= image.width())
                continue;
              Real x = in[0][image.at(n, iy, ix, c)];
              sum += x;
              most = std::max(most, x);
              ++terms;
            }
          y[result.at(n, oy, ox, c)] = mean ? sum / terms : most;
        }
  return {y};
}

std::string pair(const Dims &values) {
  return "[" + std::to_string(values[0]) + ", " + std::to_string(values[1]) +
         "]";
}

void addRowNorms(std::vector<OpCase> &cases) {
  struct Row {
    Dims dims;
    int64_t axis;
  };
  for (const Row &r : {Row{{3, 7}, -1}, Row{{2, 3, 4}, 1}, Row{{5}, 0},
                       Row{{1, 1}, -1}, Row{{4, 1}, 0}, Row{{0, 4}, -1}})
    for (int form : {0, 1, 2}) { // layer, rms, rms without offset
      size_t axis = axisOf(r.axis, r.dims);
      int64_t size = r.dims[axis];
      bool layer = form == 0;
      std::string op = layer ? "layer_norm" : "rms_norm";
      OpCase c{
          op,
          "\"axis\": " + std::to_string(r.axis) + ", \"epsilon\": 0.01",
          {{r.dims}, params(size), params(size)},
          [=](const Arrays &in) { return rowNorm(in, axis, 0.01L, layer); },
          2};
      if (form == 2)
        c.operands.pop_back();
      // All of it is float64 inside, in a few operations more than the sums.
      c.terms = double(elementCount(r.dims)) + 16;
      c.backward.push_back({op + "_grad", {0, 1, 2}});
      if (form == 2)
        c.backward[0].of.pop_back();
      cases.push_back(std::move(c));
    }
}

void addBatchNorms(std::vector<OpCase> &cases) {
  struct Batch {
    Dims dims;
    bool first;
  };
  for (const Batch &b : {Batch{{2, 2, 3, 3}, false}, Batch{{2, 3, 2, 3}, true},
                         Batch{{7, 5}, false}, Batch{{7, 5}, true},
                         Batch{{1, 1}, false}, Batch{{0, 3}, false}})
    for (bool training : {false, true}) {
      if (training && elementCount(b.dims) == 0)
        continue; // nothing has no mean
      size_t axis = b.first ? 1 : b.dims.size() - 1;
      int64_t channels = b.dims[axis];
      OpCase c{"batch_norm",
               std::string("\"epsilon\": 0.01, \"training\": ") +
                   (training ? "true" : "false") + ", \"layout\": \"" +
                   (b.first ? "NCHW" : "NHWC") + "\"",
               {{b.dims},
                params(channels),
                params(channels),
                params(channels),
                params(channels, 0.5, 3)},
               [=](const Arrays &in) {
                 return batchNorm(in, axis, 0.01L, training);
               },
               9};
      c.terms = double(elementCount(b.dims));
      c.backward.push_back({"batch_norm_grad", {0, 1, 2}});
      c.backward[0].roundings = 16;
      cases.push_back(std::move(c));
    }
}

void addPools(std::vector<OpCase> &cases) {
  for (const Pool &p : {Pool{{1, 4, 5, 2}, {2, 2}, {2, 2}, false, false},
                        Pool{{2, 3, 4, 1}, {3, 2}, {1, 2}, true, false},
                        Pool{{1, 2, 5, 4}, {3, 3}, {2, 1}, true, true},
                        Pool{{1, 1, 4, 4}, {2, 3}, {1, 1}, false, true},
                        Pool{{1, 1, 1, 1}, {1, 1}, {1, 1}, false, false},
                        Pool{{1, 5, 1, 3}, {2, 1}, {3, 2}, true, false},
                        Pool{{0, 4, 4, 2}, {2, 2}, {2, 2}, false, false}})
    for (bool mean : {false, true}) {
      std::string op = mean ? "avg_pool2d" : "max_pool2d";
      OpCase c{op,
               "\"window\": " + pair(p.window) +
                   ", \"strides\": " + pair(p.strides) + ", \"padding\": \"" +
                   (p.same ? "same" : "valid") + "\", \"layout\": \"" +
                   (p.first ? "NCHW" : "NHWC") + "\"",
               {{p.image}},
               [=](const Arrays &in) { return pooled(in, p, mean); },
               mean ? 1.0 : 0.0};
      c.operands[0].distinct = !mean;
      c.multilinear = mean;
      c.terms = mean ? double(p.window[0] * p.window[1]) : 0;
      c.backward.push_back({op + "_grad"});
      c.backward[0].roundings = 1;
      cases.push_back(std::move(c));
    }
  struct Global {
    Dims image;
    bool first;
  };
  for (const Global &g :
       {Global{{2, 3, 4, 2}, false}, Global{{2, 3, 4, 2}, true},
        Global{{1, 1, 1, 1}, false}, Global{{0, 2, 2, 3}, false}}) {
    OpCase c{"global_avg_pool2d",
             std::string("\"layout\": \"") + (g.first ? "NCHW" : "NHWC") + "\"",
             {{g.image}},
             [=](const Arrays &in) {
               ImageView image{in[0].dims, g.first};
               Array y = Array::zeros({image.dims[0], image.channels()});
               for (int64_t n = 0; n < image.dims[0]; ++n)
                 for (int64_t c = 0; c < image.channels(); ++c)
                   for (int64_t i = 0; i < image.height(); ++i)
                     for (int64_t j = 0; j < image.width(); ++j)
                       y[n * image.channels() + c] +=
                           in[0][image.at(n, i, j, c)] /
                           Real(image.height() * image.width());
               return Arrays{y};
             },
             1};
    c.terms = double(g.image[1] * g.image[2] * g.image[3]);
    c.multilinear = true;
    c.backward.push_back({"global_avg_pool2d_grad"});
    cases.push_back(std::move(c));
  }
}

} // namespace

std::vector<OpCase> amprt::test::normCases() {
  std::vector<OpCase> cases;
  addRowNorms(cases);
  addBatchNorms(cases);
  addPools(cases);
  return cases;
}
