//===- PlainProduct.h - A matrix product without a library ------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// c[m, n] += a · b in plain loops, for element types that oneDNN lacks and for
// builds without it.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_CPU_PLAINPRODUCT_H
#define AMPRT_CPU_PLAINPRODUCT_H

#include <algorithm>
#include <cstdint>

namespace amprt::cpu {

/// A matrix by the strides of its rows and columns, in elements.
template <typename T> struct MatrixView {
  T *data;
  int64_t rowStride, columnStride;
  T &at(int64_t row, int64_t column) const {
    return data[row * rowStride + column * columnStride];
  }
};

/// c = a · b (+ bias, then ReLU), or c += a · b; columns of c dense. Sums run
/// over k in order, in blocks that stay in cache.
template <typename T>
void plainProduct(int64_t m, int64_t n, int64_t k, MatrixView<const T> a,
                  MatrixView<const T> b, MatrixView<T> c, const T *bias,
                  bool relu, bool accumulate = false) {
  constexpr int64_t blockN = 256, blockK = 64;
#pragma omp parallel for schedule(static) if (m * n * k > 100000)
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j0 = 0; j0 < n; j0 += blockN) {
      int64_t j1 = std::min(n, j0 + blockN);
      T sums[blockN] = {};
      for (int64_t k0 = 0; k0 < k; k0 += blockK)
        for (int64_t l = k0; l < std::min(k, k0 + blockK); ++l) {
          T x = a.at(i, l);
          for (int64_t j = j0; j < j1; ++j)
            sums[j - j0] += x * b.at(l, j);
        }
      for (int64_t j = j0; j < j1; ++j) {
        T value = sums[j - j0] + (bias ? bias[j] : T(0));
        value += accumulate ? c.at(i, j) : T(0);
        c.at(i, j) = relu && value <= 0 ? T(0) : value;
      }
    }
  }
}

} // namespace amprt::cpu

#endif // AMPRT_CPU_PLAINPRODUCT_H
