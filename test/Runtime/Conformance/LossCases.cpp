//===- LossCases.cpp - What products, softmax and losses mean -------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Matrix products, biases, softmax and the losses.
//===----------------------------------------------------------------------===//

#include "Reference.h"

#include <algorithm>

using namespace amprt;
using namespace amprt::test;

namespace {

/// c[…, i, j] = Σ a[…, i, l] · b[…, l, j], the leading sizes broadcast.
Arrays product(const Arrays &in, bool ta, bool tb) {
  const Array &a = in[0], &b = in[1];
  auto matrix = [](const Dims &dims, bool transposed) {
    Dims sizes(dims.end() - 2, dims.end());
    if (transposed)
      std::swap(sizes[0], sizes[1]);
    return sizes;
  };
  Dims sizesA = matrix(a.dims, ta), sizesB = matrix(b.dims, tb);
  Dims batchA(a.dims.begin(), a.dims.end() - 2);
  Dims batchB(b.dims.begin(), b.dims.end() - 2);
  Dims dims = broadcastDims(batchA, batchB);
  size_t lead = dims.size();
  dims.push_back(sizesA[0]);
  dims.push_back(sizesB[1]);
  Array c = Array::zeros(dims);
  int64_t n = 0;
  forEachIndex(dims, [&](const Dims &index) {
    auto place = [&](const Dims &of, int64_t row, int64_t column, bool turned) {
      Dims at(index.begin(), index.begin() + long(lead));
      at.push_back(turned ? column : row);
      at.push_back(turned ? row : column);
      return flatIndex(of, at);
    };
    for (int64_t l = 0; l < sizesA[1]; ++l) {
      // A matrix side of 1 is no broadcast: flatIndex takes 0 there anyway.
      Real x = a[place(a.dims, index[lead], l, ta)];
      Real y = b[place(b.dims, l, index[lead + 1], tb)];
      c[n] += x * y;
    }
    ++n;
  });
  return {c};
}

OpCase matmul(const Dims &a, const Dims &b, bool ta, bool tb, double k) {
  OpCase c{"matmul",
           std::string("\"transpose_a\": ") + (ta ? "true" : "false") +
               ", \"transpose_b\": " + (tb ? "true" : "false"),
           {{a}, {b}},
           [=](const Arrays &in) { return product(in, ta, tb); },
           k + 1};
  c.multilinear = true;
  return c;
}

OpCase bias(const Dims &dims, int64_t axis, bool writeAxis) {
  size_t at = axisOf(axis, dims);
  std::string attrs =
      writeAxis ? "\"axis\": " + std::to_string(axis) : std::string();
  OpCase c{"bias_add",
           attrs,
           {{dims}, {{dims[at]}}},
           [at](const Arrays &in) {
             Array y = in[0];
             Rows rows(y.dims, at);
             for (size_t i = 0; i < y.size(); ++i)
               y[i] += in[1][int64_t(i) / rows.inner % rows.size];
             return Arrays{y};
           },
           1};
  c.terms = double(elementCount(dims));
  c.multilinear = true;
  c.backward.push_back({"bias_add_grad", {1}});
  c.backward[0].gradientAlone = true;
  return c;
}

Arrays softmaxOf(const Arrays &in, size_t axis, bool logarithm) {
  Array y = in[0];
  Rows rows(y.dims, axis);
  for (int64_t row = 0; row < rows.count(); ++row) {
    Real most = -INFINITY, sum = 0;
    for (int64_t i = 0; i < rows.size; ++i)
      most = std::max(most, y[rows.at(row, i)]);
    for (int64_t i = 0; i < rows.size; ++i)
      sum += std::exp(y[rows.at(row, i)] - most);
    for (int64_t i = 0; i < rows.size; ++i) {
      Real &value = y[rows.at(row, i)];
      Real log = value - most - std::log(sum);
      value = logarithm ? log : std::exp(log);
    }
  }
  return {y};
}

/// The values of a loss as the attribute says.
Arrays reduced(std::vector<Real> values, Dims dims,
               const std::string &reduction) {
  if (reduction == "none")
    return {Array{std::move(dims), std::move(values)}};
  Real sum = 0;
  for (Real value : values)
    sum += value;
  if (reduction == "mean")
    sum /= Real(values.size());
  return {Array{{}, {sum}}};
}

Arrays classLoss(const Arrays &in, bool sparse, const std::string &reduction) {
  Dims dims = in[0].dims;
  Array logs = softmaxOf(in, dims.size() - 1, true)[0];
  int64_t classes = dims.back();
  dims.pop_back();
  std::vector<Real> losses;
  for (int64_t row = 0; row < elementCount(dims); ++row) {
    Real loss = 0;
    for (int64_t i = 0; i < classes; ++i) {
      Real weight =
          sparse ? Real(in[1][row] == Real(i)) : in[1][row * classes + i];
      loss -= weight * logs[row * classes + i];
    }
    losses.push_back(loss);
  }
  return reduced(std::move(losses), dims, reduction);
}

Arrays elementLoss(const Arrays &in, bool sigmoid,
                   const std::string &reduction) {
  std::vector<Real> losses;
  for (size_t i = 0; i < in[0].size(); ++i) {
    Real x = in[0][i], y = in[1][i];
    Real loss = (x - y) * (x - y);
    if (sigmoid)
      loss = (1 - y) * x + std::log1p(std::exp(-x));
    losses.push_back(loss);
  }
  return reduced(std::move(losses), in[0].dims, reduction);
}

} // namespace

std::vector<OpCase> amprt::test::matrixCases() {
  std::vector<OpCase> cases;
  struct Sizes {
    int64_t m, n, k;
  };
  for (Sizes s :
       {Sizes{7, 5, 13}, Sizes{1, 1, 1}, Sizes{33, 70, 129}, Sizes{1, 300, 17},
        Sizes{300, 1, 17}, Sizes{0, 3, 2}, Sizes{3, 0, 2}, Sizes{3, 2, 0}})
    for (bool ta : {false, true})
      for (bool tb : {false, true})
        cases.push_back(matmul(ta ? Dims{s.k, s.m} : Dims{s.m, s.k},
                               tb ? Dims{s.n, s.k} : Dims{s.k, s.n}, ta, tb,
                               double(s.k)));
  cases.push_back(matmul({2, 3, 4, 5}, {2, 3, 5, 6}, false, false, 5));
  cases.push_back(matmul({4, 2, 3}, {3, 5}, false, false, 3));
  cases.push_back(matmul({4, 3, 2}, {3, 5}, true, false, 3));
  cases.push_back(matmul({2, 3}, {4, 5, 3}, false, true, 3));
  cases.push_back(matmul({2, 1, 2, 3}, {4, 3, 2}, false, false, 3));
  cases.push_back(matmul({0, 2, 3}, {0, 3, 2}, false, false, 3));
  for (const Dims &dims :
       {Dims{5, 9}, Dims{2, 3, 4}, Dims{0, 4}, Dims{1, 1}, Dims{3, 0}})
    cases.push_back(bias(dims, -1, false));
  cases.push_back(bias({2, 3, 4}, 1, true));
  cases.push_back(bias({2, 3, 4}, -3, true));
  return cases;
}

std::vector<OpCase> amprt::test::lossCases() {
  std::vector<OpCase> cases;
  for (const Dims &dims :
       {Dims{3, 5, 2}, Dims{7, 5}, Dims{1}, Dims{3, 1}, Dims{0, 4}})
    for (int64_t axis = -1; axis < int64_t(dims.size()); ++axis)
      for (bool logarithm : {false, true}) {
        size_t at = axisOf(axis, dims);
        std::string op = logarithm ? "log_softmax" : "softmax";
        OpCase c{op,
                 axis < 0 ? std::string() : "\"axis\": " + std::to_string(axis),
                 {{dims, -6, 6}},
                 [=](const Arrays &in) { return softmaxOf(in, at, logarithm); },
                 logarithm ? 10.0 : 8.0};
        c.terms = double(dims[at]);
        c.backward.push_back({op + "_grad"});
        c.backward[0].roundings = 16;
        cases.push_back(std::move(c));
      }
  for (const char *reduction : {"mean", "sum", "none"}) {
    std::string attrs = std::string("\"reduction\": \"") + reduction + "\"";
    for (const Dims &dims :
         {Dims{7, 5}, Dims{2, 3, 4}, Dims{1, 1}, Dims{5}, Dims{0, 3}}) {
      Dims rows(dims.begin(), dims.end() - 1);
      auto classes = double(dims.back());
      for (Kind kind : {Kind::Tested, Kind::Int32, Kind::Int64}) {
        bool sparse = kind != Kind::Tested;
        Operand labels =
            sparse ? Operand{rows, 0, classes, kind} : Operand{dims, 0, 1};
        std::string op =
            sparse ? "sparse_softmax_cross_entropy" : "softmax_cross_entropy";
        OpCase c{
            op,
            attrs,
            {{dims, -4, 4}, labels},
            [=](const Arrays &in) { return classLoss(in, sparse, reduction); },
            14};
        c.terms = double(elementCount(dims));
        c.backward.push_back({op + "_grad"});
        c.backward[0].roundings = 18;
        cases.push_back(std::move(c));
      }
      for (bool sigmoid : {false, true}) {
        std::string op =
            sigmoid ? "sigmoid_cross_entropy" : "mean_squared_error";
        OpCase c{op,
                 attrs,
                 {{dims, -6, 6}, {dims, 0, 1}},
                 [=](const Arrays &in) {
                   return elementLoss(in, sigmoid, reduction);
                 },
                 sigmoid ? 13.0 : 4.0};
        c.terms = double(elementCount(dims));
        c.backward.push_back({op + "_grad"});
        c.backward[0].roundings = sigmoid ? 10.0 : 5.0;
        cases.push_back(std::move(c));
      }
    }
  }
  return cases;
}
