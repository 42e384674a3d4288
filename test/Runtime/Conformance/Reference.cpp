//===- Reference.cpp - What ops mean, in numbers --------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Indices, broadcasting and finite differences.
//===----------------------------------------------------------------------===//

#include "Reference.h"

#include <algorithm>

using namespace amprt;
using namespace amprt::test;

void amprt::test::forEachIndex(const Dims &dims,
                               const std::function<void(const Dims &)> &visit) {
  Dims index(dims.size(), 0);
  for (int64_t n = 0, count = elementCount(dims); n < count; ++n) {
    visit(index);
    for (size_t d = dims.size(); d-- > 0;) {
      if (++index[d] < dims[d])
        break;
      index[d] = 0;
    }
  }
}

int64_t amprt::test::flatIndex(const Dims &dims, const Dims &index) {
  int64_t flat = 0;
  size_t lead = index.size() - dims.size();
  for (size_t d = 0; d < dims.size(); ++d)
    flat = flat * dims[d] + (dims[d] == 1 ? 0 : index[lead + d]);
  return flat;
}

Dims amprt::test::broadcastDims(const Dims &a, const Dims &b) {
  Dims dims = a.size() > b.size() ? a : b;
  const Dims &other = a.size() > b.size() ? b : a;
  size_t lead = dims.size() - other.size();
  for (size_t d = 0; d < other.size(); ++d)
    if (dims[lead + d] == 1)
      dims[lead + d] = other[d];
  return dims;
}

Array amprt::test::broadcastTo(const Array &array, const Dims &dims) {
  Array result{dims, {}};
  forEachIndex(dims, [&](const Dims &index) {
    result.values.push_back(array[flatIndex(array.dims, index)]);
  });
  return result;
}

Rows::Rows(const Dims &dims, size_t axis) : size(dims[axis]) {
  for (size_t d = 0; d < dims.size(); ++d) {
    if (d < axis)
      outer *= dims[d];
    else if (d > axis)
      inner *= dims[d];
  }
}

namespace {

/// Differences are taken of the results, so that what does not change leaves
/// nothing behind.
using Points = std::vector<std::pair<int, Real>>; // place, weight
const Points kSixthOrder = {{1, 45.0L / 60}, {2, -9.0L / 60}, {3, 1.0L / 60}};
const Points kSecondOrder = {{1, 0.5L}};

/// Adds h·(f' along the direction) of all results into `sums`.
void derivative(const Reference &f, const Points &points,
                const std::function<Arrays(Real step)> &inputsAt,
                std::vector<std::vector<Real>> &sums) {
  for (auto [place, weight] : points) {
    Arrays up = f(inputsAt(Real(place))), down = f(inputsAt(-Real(place)));
    sums.resize(up.size());
    for (size_t r = 0; r < up.size(); ++r) {
      sums[r].resize(up[r].size(), 0);
      for (size_t j = 0; j < up[r].size(); ++j)
        sums[r][j] += weight * (up[r][j] - down[r][j]);
    }
  }
}

Arrays gradients(const OpCase &c, const Arrays &inputs, const Array &g,
                 const std::vector<size_t> &of, const Points &points, Real h) {
  Arrays result;
  for (size_t k : of) {
    const Array &x = inputs[k];
    Array slope = Array::zeros(x.dims);
    auto along = [&](std::optional<size_t> element) {
      std::vector<std::vector<Real>> sums;
      derivative(
          c.reference, points,
          [&](Real step) {
            Arrays moved = inputs;
            for (size_t i = 0; i < x.size(); ++i)
              if (!element || *element == i)
                moved[k][i] += step * h;
            return moved;
          },
          sums);
      return sums[0];
    };
    if (c.elementwise) {
      std::vector<Real> all = along(std::nullopt);
      for (size_t i = 0; i < x.size(); ++i)
        slope[i] = g[i] * all[i] / h;
    } else {
      for (size_t i = 0; i < x.size(); ++i) {
        std::vector<Real> column = along(i);
        for (size_t j = 0; j < column.size(); ++j)
          slope[i] += g[j] * column[j] / h;
      }
    }
    result.push_back(std::move(slope));
  }
  return result;
}

} // namespace

Arrays amprt::test::gradientsOf(const OpCase &c, const Arrays &inputs,
                                const Array &g, const std::vector<size_t> &of) {
  return gradients(c, inputs, g, of, kSixthOrder, 2e-4L);
}

Arrays amprt::test::conditionOf(const OpCase &c, const Reference &f,
                                const Arrays &inputs,
                                const std::vector<size_t> &perturb) {
  if (c.multilinear) {
    Arrays sizes = inputs;
    for (size_t k : perturb)
      for (Real &value : sizes[k].values)
        value = std::fabs(value);
    Arrays result = f(sizes);
    for (Array &array : result)
      for (Real &value : array.values)
        value = std::fabs(value) * Real(perturb.size());
    return result;
  }
  constexpr Real h = 1e-3L;
  Arrays result = f(inputs);
  for (Array &array : result)
    std::fill(array.values.begin(), array.values.end(), Real(0));
  for (size_t k : perturb)
    for (size_t i = 0; i < inputs[k].size(); ++i) {
      std::vector<std::vector<Real>> sums;
      derivative(
          f, kSecondOrder,
          [&](Real step) {
            Arrays moved = inputs;
            for (size_t j = 0; j < moved[k].size(); ++j)
              if (c.elementwise || j == i)
                moved[k][j] += step * h;
            return moved;
          },
          sums);
      for (size_t r = 0; r < result.size(); ++r)
        for (size_t j = 0; j < result[r].size(); ++j)
          result[r][j] +=
              std::fabs(sums[r][j] / h * inputs[k][c.elementwise ? j : i]);
      if (c.elementwise)
        break; // all elements at once
    }
  return result;
}
