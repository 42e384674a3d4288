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

#include <algorithm>

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
  void load(T *to, int64_t at, int64_t count) const {
    loadRun(to, memory + at * int64_t(amp::dtypeSize(dtype)), dtype, 1, count);
  }
};

template <typename T> class Pooling {
public:
  explicit Pooling(const StepCall &call)
      : call(call), w(call.step.params.spatial),
        channels(call.step.params.inner), images(call.step.params.outer),
        mean(call.step.params.reduce == ReduceOp::Mean) {}

  void forward();
  void backward();

private:
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
  T values[kBlock];
  bool none = true;
  for (int64_t iy = ys.first; iy < ys.last; ++iy)
    for (int64_t ix = xs.first; ix < xs.last; ++ix) {
      x.load(values, inPlace(n, iy, ix) + first, count);
      auto place = int32_t(iy * w.in[1] + ix);
      for (int64_t c = 0; c < count; ++c)
        if (none || values[c] > best[c] ||
            (values[c] != values[c] && best[c] == best[c])) {
          best[c] = values[c];
          where[c] = place;
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
          double sums[kBlock] = {};
          T values[kBlock];
          for (int64_t iy = ys.first; iy < ys.last; ++iy)
            for (int64_t ix = xs.first; ix < xs.last; ++ix) {
              x.load(values, inPlace(n, iy, ix) + first, count);
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

template <typename T> void Pooling<T>::backward() {
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
        double sums[kBlock] = {};
        T values[kBlock];
        for (int64_t oy = oys.first; oy < oys.last; ++oy)
          for (int64_t ox = oxs.first; ox < oxs.last; ++ox) {
            int64_t at = outPlace(n, oy, ox) + first;
            g.load(values, at, count);
            if (mean) {
              auto terms =
                  double(covered(w, 0, oy).size() * covered(w, 1, ox).size());
              for (int64_t c = 0; c < count; ++c)
                sums[c] += double(values[c]) / terms;
            } else {
              for (int64_t c = 0; c < count; ++c)
                if (largest[size_t(at + c)] == place)
                  sums[c] += double(values[c]);
            }
          }
        for (int64_t c = 0; c < count; ++c)
          values[c] = T(sums[c]);
        store(inPlace(n, iy, ix) + first, values, count);
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
