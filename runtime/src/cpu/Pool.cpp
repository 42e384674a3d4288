//===- Pool.cpp - Pooling over windows of images --------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The largest or the mean of windows, channels last (an image with channels
// first is as many images of one channel). Gradients are gathered: each element
// asks the windows that hold it, in order, so no two threads add to one.
//===----------------------------------------------------------------------===//

#include "Kernels.h"
#include "ScalarLoops.h"
#include "VectorTarget.h"

#include <algorithm>
#include <cstring>

using namespace amprt;
using namespace amprt::cpu;

namespace {

constexpr int64_t kBlock = 256;

/// Elements [first, last) of an axis of the image that window `at` covers.
struct Range {
  int64_t first, last;
  int64_t size() const { return last - first; }
};
Range covered(const Window2d &w, int axis, int64_t at) {
  int64_t start = at * w.stride[axis] - w.before[axis];
  return {std::max<int64_t>(0, start),
          std::min(w.in[axis], start + w.window[axis])};
}
/// Windows [first, last) along an axis that cover element `at`.
Range covering(const Window2d &w, int axis, int64_t at) {
  int64_t shifted = at + w.before[axis], stride = w.stride[axis];
  int64_t first = shifted - w.window[axis] + 1;
  return {first <= 0 ? 0 : (first + stride - 1) / stride,
          std::min(w.out[axis], shifted / stride + 1)};
}

/// Memory of images as registers of T.
template <typename T> struct Image {
  const std::byte *memory;
  DType dtype;
  /// Elements from `at` on as they are, or in `own`.
  const T *load(T *own, int64_t at, int64_t count) const {
    const std::byte *from = memory + at * int64_t(amp::dtypeSize(dtype));
    if (dtype == DType::Float32 || dtype == DType::Float64)
      return reinterpret_cast<const T *>(from);
    loadRun(own, from, dtype, 1, count);
    return own;
  }
};

/// The larger of what is there and a value of the window, which keeps the first
/// of equal ones and NaN before all.
template <typename T>
AMPRT_ALWAYS_INLINE void takeLarger(const T *values, T *best, int32_t *where,
                                    int32_t place, int64_t count) {
  for (int64_t c = 0; c < count; ++c) {
    bool takes = (values[c] > best[c]) |
                 ((values[c] != values[c]) & (best[c] == best[c]));
    best[c] = takes ? values[c] : best[c];
    where[c] = takes ? place : where[c];
  }
}

/// The gradient where the largest element is at `place`, else 0.
template <typename T>
AMPRT_ALWAYS_INLINE void pickWhere(const T *values, const int32_t *where,
                                   int32_t place, T *picked, int64_t count) {
  for (int64_t c = 0; c < count; ++c)
    picked[c] = where[c] == place ? values[c] : T(0);
}

/// Adds the gradients of the windows whose largest element is at `place`.
template <typename T>
AMPRT_ALWAYS_INLINE void addWhere(const T *values, const int32_t *where,
                                  int32_t place, double *sums, int64_t count) {
  for (int64_t c = 0; c < count; ++c)
    sums[c] += where[c] == place ? double(values[c]) : 0.0;
}

template <typename T> class Pooling {
public:
  explicit Pooling(const StepCall &call)
      : call(call), w(call.step.params.spatial),
        channels(call.step.params.inner), images(call.step.params.outer),
        mean(call.step.params.reduce == ReduceOp::Mean) {}

  void forward();
  void backward();

private:
  void backwardDisjoint();
  Image<T> image(size_t operand) const {
    return {call.operand<std::byte>(operand),
            call.operandBuffer(operand).dtype};
  }
  void store(int64_t at, const T *values, int64_t count) const {
    DType dtype = call.resultBuffer(0).dtype;
    storeRun(call.result<std::byte>(0) + at * int64_t(amp::dtypeSize(dtype)),
             dtype, values, count);
  }
  int64_t inPlace(int64_t n, int64_t y, int64_t x) const {
    return ((n * w.in[0] + y) * w.in[1] + x) * channels;
  }
  int64_t outPlace(int64_t n, int64_t y, int64_t x) const {
    return ((n * w.out[0] + y) * w.out[1] + x) * channels;
  }
  void findLargest(const Image<T> &x, int64_t n, int64_t oy, int64_t ox,
                   int64_t first, int64_t count, T *best, int32_t *where) const;
  [[maybe_unused]] bool worthThreads() const {
    return images * channels * w.in[0] * w.in[1] >= kParallelElements;
  }

  const StepCall &call;
  const Window2d &w;
  int64_t channels, images;
  bool mean;
};

/// The largest of a window for `count` channels and its place in the image;
/// the first of equal ones, NaN before all.
template <typename T>
void Pooling<T>::findLargest(const Image<T> &x, int64_t n, int64_t oy,
                             int64_t ox, int64_t first, int64_t count, T *best,
                             int32_t *where) const {
  Range ys = covered(w, 0, oy), xs = covered(w, 1, ox);
  T own[kBlock];
  bool none = true;
  for (int64_t iy = ys.first; iy < ys.last; ++iy)
    for (int64_t ix = xs.first; ix < xs.last; ++ix) {
      const T *values = x.load(own, inPlace(n, iy, ix) + first, count);
      auto place = int32_t(iy * w.in[1] + ix);
      if (none) {
        std::copy_n(values, count, best);
        std::fill_n(where, count, place);
      } else {
        vectorised<takeLarger<T>>()(values, best, where, place, count);
      }
      none = false;
    }
}

template <typename T> void Pooling<T>::forward() {
  Image<T> x = image(0);
  int64_t rows = images * w.out[0];
#pragma omp parallel for schedule(static) if (worthThreads())
  for (int64_t row = 0; row < rows; ++row) {
    int64_t n = row / w.out[0], oy = row % w.out[0];
    for (int64_t ox = 0; ox < w.out[1]; ++ox)
      for (int64_t first = 0; first < channels; first += kBlock) {
        int64_t count = std::min(kBlock, channels - first);
        T result[kBlock];
        if (mean) {
          Range ys = covered(w, 0, oy), xs = covered(w, 1, ox);
          double sums[kBlock];
          std::fill_n(sums, count, 0.0);
          T own[kBlock];
          for (int64_t iy = ys.first; iy < ys.last; ++iy)
            for (int64_t ix = xs.first; ix < xs.last; ++ix) {
              const T *values = x.load(own, inPlace(n, iy, ix) + first, count);
              for (int64_t c = 0; c < count; ++c)
                sums[c] += double(values[c]);
            }
          for (int64_t c = 0; c < count; ++c)
            result[c] = T(sums[c] / double(ys.size() * xs.size()));
        } else {
          int32_t where[kBlock];
          findLargest(x, n, oy, ox, first, count, result, where);
        }
        store(outPlace(n, oy, ox) + first, result, count);
      }
  }
}

/// Windows that share no element: each writes the gradients of its own.
template <typename T> void Pooling<T>::backwardDisjoint() {
  Image<T> g = image(0), x = image(mean ? 0 : 1);
  auto size = int64_t(amp::dtypeSize(call.resultBuffer(0).dtype));
  int64_t imageBytes = w.in[0] * w.in[1] * channels * size;
#pragma omp parallel for schedule(static) if (worthThreads())
  for (int64_t n = 0; n < images; ++n) {
    std::memset(call.result<std::byte>(0) + n * imageBytes, 0,
                size_t(imageBytes));
    for (int64_t oy = 0; oy < w.out[0]; ++oy)
      for (int64_t ox = 0; ox < w.out[1]; ++ox)
        for (int64_t first = 0; first < channels; first += kBlock) {
          int64_t count = std::min(kBlock, channels - first);
          Range ys = covered(w, 0, oy), xs = covered(w, 1, ox);
          T own[kBlock], best[kBlock];
          int32_t where[kBlock];
          if (!mean)
            findLargest(x, n, oy, ox, first, count, best, where);
          const T *values = g.load(own, outPlace(n, oy, ox) + first, count);
          auto terms = double(ys.size() * xs.size());
          for (int64_t iy = ys.first; iy < ys.last; ++iy)
            for (int64_t ix = xs.first; ix < xs.last; ++ix) {
              auto place = int32_t(iy * w.in[1] + ix);
              if (mean)
                for (int64_t c = 0; c < count; ++c)
                  best[c] = T(double(values[c]) / terms);
              else
                vectorised<pickWhere<T>>()(values, where, place, best, count);
              store(inPlace(n, iy, ix) + first, best, count);
            }
        }
  }
}

template <typename T> void Pooling<T>::backward() {
  if (w.stride[0] >= w.window[0] && w.stride[1] >= w.window[1])
    return backwardDisjoint();
  Image<T> g = image(0);
  std::vector<int32_t> largest;
  if (!mean) {
    Image<T> x = image(1);
    largest.resize(size_t(images * w.out[0] * w.out[1] * channels));
    int64_t rows = images * w.out[0];
#pragma omp parallel for schedule(static) if (worthThreads())
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t ox = 0; ox < w.out[1]; ++ox)
        for (int64_t first = 0; first < channels; first += kBlock) {
          T best[kBlock];
          int64_t at = outPlace(0, row, ox) + first;
          findLargest(x, row / w.out[0], row % w.out[0], ox, first,
                      std::min(kBlock, channels - first), best,
                      largest.data() + at);
        }
  }
  int64_t rows = images * w.in[0];
#pragma omp parallel for schedule(static) if (worthThreads())
  for (int64_t row = 0; row < rows; ++row) {
    int64_t n = row / w.in[0], iy = row % w.in[0];
    Range oys = covering(w, 0, iy);
    for (int64_t ix = 0; ix < w.in[1]; ++ix) {
      Range oxs = covering(w, 1, ix);
      auto place = int32_t(iy * w.in[1] + ix);
      for (int64_t first = 0; first < channels; first += kBlock) {
        int64_t count = std::min(kBlock, channels - first);
        double sums[kBlock];
        std::fill_n(sums, count, 0.0);
        T own[kBlock];
        for (int64_t oy = oys.first; oy < oys.last; ++oy)
          for (int64_t ox = oxs.first; ox < oxs.last; ++ox) {
            int64_t at = outPlace(n, oy, ox) + first;
            const T *values = g.load(own, at, count);
            if (mean) {
              auto terms =
                  double(covered(w, 0, oy).size() * covered(w, 1, ox).size());
              for (int64_t c = 0; c < count; ++c)
                sums[c] += double(values[c]) / terms;
            } else {
              vectorised<addWhere<T>>()(values, largest.data() + at, place,
                                        sums, count);
            }
          }
        for (int64_t c = 0; c < count; ++c)
          own[c] = T(sums[c]);
        store(inPlace(n, iy, ix) + first, own, count);
      }
    }
  }
}

template <typename T> void pool(const StepCall &call) {
  Pooling<T> pooling(call);
  if (call.step.kernel == Kernel::Pool)
    pooling.forward();
  else
    pooling.backward();
}

} // namespace

void amprt::cpu::runPool(const StepCall &call) {
  if (call.operandBuffer(0).dtype == DType::Float64)
    pool<double>(call);
  else
    pool<float>(call);
}
