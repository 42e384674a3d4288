//===- Normalise.cpp - Layer and batch normalisation ----------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Rows normalised to mean 0 and variance 1, or to a root mean square of 1; sums
// of channels. All sums are float64, cut into parts that depend on the sizes
// alone and added in order.
//===----------------------------------------------------------------------===//

#include "Kernels.h"
#include "ScalarLoops.h"
#include "VectorMath.h"

#include <algorithm>
#include <cmath>

using namespace amprt;
using namespace amprt::cpu;

namespace {

constexpr int64_t kBlock = 512;

/// Parts into which `count` rows are cut.
struct Parts {
  explicit Parts(int64_t count)
      : rows(std::max<int64_t>(16, (count + 63) / 64)),
        number((count + rows - 1) / rows) {}
  int64_t rows, number;
};

/// A tensor of [outer, size, inner] by rows along `size`.
template <typename T> struct RowAccess {
  const StepParams &p;
  int64_t place(int64_t row, DType dtype) const {
    return (row / p.inner * p.size * p.inner + row % p.inner) *
           int64_t(amp::dtypeSize(dtype));
  }
  /// A row as it lies there, or in `own`.
  const T *load(std::vector<T> &own, const void *memory, DType dtype,
                int64_t row) const {
    const auto *from =
        static_cast<const std::byte *>(memory) + place(row, dtype);
    if (p.inner == 1 && !amp::isLow(dtype))
      return reinterpret_cast<const T *>(from);
    loadRun(own.data(), from, dtype, p.inner, p.size);
    return own.data();
  }
  /// Where to make a row: in place, or in `own`.
  T *target(std::vector<T> &own, void *memory, DType dtype,
            int64_t row) const {
    if (p.inner == 1 && !amp::isLow(dtype))
      return reinterpret_cast<T *>(static_cast<std::byte *>(memory) +
                                   place(row, dtype));
    return own.data();
  }
  void store(void *memory, DType dtype, int64_t row, const T *from) const {
    auto *to = static_cast<std::byte *>(memory) + place(row, dtype);
    if (reinterpret_cast<const std::byte *>(from) == to)
      return;
    if (p.inner == 1)
      return storeRun(to, dtype, from, p.size);
    int64_t step = p.inner * int64_t(amp::dtypeSize(dtype));
    for (int64_t i = 0; i < p.size; ++i)
      storeRun(to + i * step, dtype, from + i, 1);
  }
};

template <typename T>
AMPRT_ALWAYS_INLINE void sumSquares(const T *x, int64_t count, double mean,
                                    double *sum) {
  double lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes)
    for (int64_t l = 0; l < kLanes; ++l) {
      double d = double(x[i + l]) - mean;
      lanes[l] += d * d;
    }
  for (; i < count; ++i)
    lanes[0] += (double(x[i]) - mean) * (double(x[i]) - mean);
  *sum = sumOfLanes(lanes);
}

/// What a row is moved by and multiplied with.
struct RowScale {
  double mean, factor;
};
template <typename T>
RowScale scaleOf(const T *x, const StepParams &p) {
  int64_t count = p.size;
  double mean = 0, squares = 0;
  if (p.centered) {
    vectorised<sumRun<T, double>>()(x, count, &mean);
    mean /= double(count);
  }
  vectorised<sumSquares<T>>()(x, count, mean, &squares);
  return {mean, 1 / std::sqrt(squares / double(count) + p.epsilon)};
}

/// y = (x − mean) · factor · scale (+ offset).
template <typename T>
AMPRT_ALWAYS_INLINE void normaliseRow(const T *x, T *y, int64_t count,
                                      RowScale s, const T *scale,
                                      const T *offset) {
  if (!offset) {
    for (int64_t i = 0; i < count; ++i)
      y[i] = T((double(x[i]) - s.mean) * s.factor * double(scale[i]));
    return;
  }
  for (int64_t i = 0; i < count; ++i) {
    double unit = (double(x[i]) - s.mean) * s.factor * double(scale[i]);
    y[i] = T(unit + double(offset[i]));
  }
}

template <typename T> void rowNorm(const StepCall &call) {
  const StepParams &p = call.step.params;
  RowAccess<T> access{p};
  const T *scale = call.operand<T>(1);
  const T *offset =
      call.step.operands.size() > 2 ? call.operand<T>(2) : nullptr;
  DType in = call.operandBuffer(0).dtype, out = call.resultBuffer(0).dtype;
  int64_t rows = p.outer * p.inner;
#pragma omp parallel if (rows * p.size >= kParallelElements)
  {
    std::vector<T> ofX(static_cast<size_t>(p.size)), ofY(ofX.size());
#pragma omp for schedule(static)
    for (int64_t row = 0; row < rows; ++row) {
      const T *x = access.load(ofX, call.operand(0), in, row);
      T *y = access.target(ofY, call.result(0), out, row);
      RowScale s = scaleOf(x, p);
      vectorised<normaliseRow<T>>()(x, y, p.size, s, scale, offset);
      access.store(call.result(0), out, row, y);
    }
  }
}

/// What the gradients of one row add up to.
struct RowSums {
  double mean, tilt;      ///< of g·scale and g·scale·x̂
  double *ofScale, *ofOffset; ///< += g·x̂ and g, per element
};
template <typename T>
AMPRT_ALWAYS_INLINE void addRowSums(const T *g, const T *x, const T *scale,
                                    int64_t count, RowScale s, RowSums *sums) {
  double means[kLanes] = {}, tilts[kLanes] = {};
  double *ofScale = sums->ofScale, *ofOffset = sums->ofOffset;
  auto add = [&](int64_t i, int64_t lane) {
    double unit = (double(x[i]) - s.mean) * s.factor;
    double pull = double(g[i]) * double(scale[i]);
    means[lane] += pull;
    tilts[lane] += pull * unit;
    ofScale[i] += double(g[i]) * unit;
    ofOffset[i] += double(g[i]);
  };
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes)
    for (int64_t l = 0; l < kLanes; ++l)
      add(i + l, l);
  for (; i < count; ++i)
    add(i, 0);
  sums->mean = sumOfLanes(means);
  sums->tilt = sumOfLanes(tilts);
}

/// dx = factor · (g·scale − mean − x̂ · tilt).
template <typename T>
AMPRT_ALWAYS_INLINE void gradientRow(const T *g, const T *x, T *dx,
                                     const T *scale, int64_t count, RowScale s,
                                     double mean, double tilt) {
  for (int64_t i = 0; i < count; ++i) {
    double unit = (double(x[i]) - s.mean) * s.factor;
    double pull = double(g[i]) * double(scale[i]);
    dx[i] = T(s.factor * (pull - mean - unit * tilt));
  }
}

/// dx = factor · (g·scale − mean(g·scale) − x̂ · mean(g·scale·x̂)), the middle
/// term only where a mean was taken; the sums over rows of g·x̂ and of g.
template <typename T> void rowNormGrad(const StepCall &call) {
  const StepParams &p = call.step.params;
  RowAccess<T> access{p};
  const T *scale = call.operand<T>(2);
  DType in = call.operandBuffer(1).dtype, out = call.resultBuffer(0).dtype;
  int64_t rows = p.outer * p.inner;
  auto size = static_cast<size_t>(p.size);
  Parts parts(rows);
  std::vector<double> sums(size_t(parts.number) * size * 2, 0);
#pragma omp parallel if (rows * p.size >= kParallelElements)
  {
    std::vector<T> ofG(size), ofX(size), ofResult(size);
#pragma omp for schedule(static)
    for (int64_t part = 0; part < parts.number; ++part) {
      double *ofScale = sums.data() + size_t(part) * size * 2;
      RowSums found{0, 0, ofScale, ofScale + size};
      for (int64_t row = part * parts.rows;
           row < std::min(rows, (part + 1) * parts.rows); ++row) {
        const T *g = access.load(ofG, call.operand(0), in, row);
        const T *x = access.load(ofX, call.operand(1), in, row);
        T *dx = access.target(ofResult, call.result(0), out, row);
        RowScale s = scaleOf(x, p);
        vectorised<addRowSums<T>>()(g, x, scale, p.size, s, &found);
        double mean = p.centered ? found.mean / double(p.size) : 0;
        vectorised<gradientRow<T>>()(g, x, dx, scale, p.size, s, mean,
                                     found.tilt / double(p.size));
        access.store(call.result(0), out, row, dx);
      }
    }
  }
  for (size_t result = 1; result < call.step.results.size(); ++result) {
    T *to = call.result<T>(result);
    for (size_t i = 0; i < size; ++i) {
      double total = 0;
      for (int64_t part = 0; part < parts.number; ++part)
        total += sums[(size_t(part) * 2 + result - 1) * size + i];
      to[i] = T(total);
    }
  }
}

/// Adds up a function of the elements of each channel of [outer, size, inner]
/// into float64. `term(channel, elements, sum)` takes runs: of one channel when
/// inner > 1, else of neighbouring channels.
template <typename Add>
std::vector<double> channelSums(const StepParams &p, Add add) {
  std::vector<double> total(size_t(p.size), 0);
  [[maybe_unused]] bool parallel =
      p.outer * p.size * p.inner >= kParallelElements;
  if (p.inner > 1) {
#pragma omp parallel for schedule(static) if (parallel)
    for (int64_t channel = 0; channel < p.size; ++channel)
      for (int64_t i = 0; i < p.outer; ++i)
        for (int64_t first = 0; first < p.inner; first += kBlock) {
          double sums[kBlock] = {};
          int64_t count = std::min(kBlock, p.inner - first);
          add((i * p.size + channel) * p.inner + first, channel, int64_t(0),
              count, sums);
          double sum = 0;
          for (int64_t j = 0; j < count; ++j)
            sum += sums[j];
          total[size_t(channel)] += sum;
        }
    return total;
  }
  Parts parts(p.outer);
  std::vector<double> sums(size_t(parts.number * p.size), 0);
#pragma omp parallel for schedule(static) if (parallel)
  for (int64_t part = 0; part < parts.number; ++part)
    for (int64_t i = part * parts.rows;
         i < std::min(p.outer, (part + 1) * parts.rows); ++i)
      for (int64_t first = 0; first < p.size; first += kBlock)
        add(i * p.size + first, first, int64_t(1),
            std::min(kBlock, p.size - first),
            sums.data() + part * p.size + first);
  for (int64_t part = 0; part < parts.number; ++part)
    for (int64_t channel = 0; channel < p.size; ++channel)
      total[size_t(channel)] += sums[size_t(part * p.size + channel)];
  return total;
}

/// A run of elements as they are, or in `own`.
template <typename T>
const T *loaded(T *own, const std::byte *from, DType dtype, int64_t run) {
  if (!amp::isLow(dtype))
    return reinterpret_cast<const T *>(from);
  loadRun(own, from, dtype, 1, run);
  return own;
}

template <typename T>
AMPRT_ALWAYS_INLINE void addRun(const T *x, double *sums, int64_t run) {
  for (int64_t i = 0; i < run; ++i)
    sums[i] += double(x[i]);
}

/// Σ (x − mean)² and Σ g · (x − mean); `step` is 1 for a mean per element.
template <typename T>
AMPRT_ALWAYS_INLINE void addSquares(const T *x, const double *mean,
                                    int64_t step, double *sums, int64_t run) {
  for (int64_t i = 0; i < run; ++i) {
    double d = double(x[i]) - mean[i * step];
    sums[i] += d * d;
  }
}
template <typename T>
AMPRT_ALWAYS_INLINE void addWeighted(const T *g, const T *x, const T *mean,
                                     int64_t step, double *sums, int64_t run) {
  for (int64_t i = 0; i < run; ++i)
    sums[i] += double(g[i]) * (double(x[i]) - double(mean[i * step]));
}

/// Mean and variance of each channel, the second from the first.
template <typename T> void moments(const StepCall &call) {
  const StepParams &p = call.step.params;
  DType dtype = call.operandBuffer(0).dtype;
  auto bytes = int64_t(amp::dtypeSize(dtype));
  const auto *memory = call.operand<std::byte>(0);
  auto count = double(p.outer * p.inner);
  std::vector<double> mean = channelSums(
      p, [&](int64_t at, int64_t, int64_t, int64_t run, double *sums) {
        T own[kBlock];
        vectorised<addRun<T>>()(loaded(own, memory + at * bytes, dtype, run),
                                sums, run);
      });
  for (double &value : mean)
    value /= count;
  std::vector<double> variance =
      channelSums(p, [&](int64_t at, int64_t channel, int64_t step, int64_t run,
                         double *sums) {
        T own[kBlock];
        vectorised<addSquares<T>>()(
            loaded(own, memory + at * bytes, dtype, run),
            mean.data() + channel, step, sums, run);
      });
  for (size_t i = 0; i < mean.size(); ++i) {
    call.result<T>(0)[i] = T(mean[i]);
    call.result<T>(1)[i] = T(variance[i] / count);
  }
}

/// Of each channel Σ g and Σ g · (x − mean).
template <typename T> void channelGrad(const StepCall &call) {
  const StepParams &p = call.step.params;
  DType dtype = call.operandBuffer(0).dtype;
  auto bytes = int64_t(amp::dtypeSize(dtype));
  const T *mean = call.operand<T>(2);
  auto load = [&](size_t operand, int64_t at, int64_t run, T *own) {
    return loaded(own, call.operand<std::byte>(operand) + at * bytes, dtype,
                  run);
  };
  std::vector<double> plain = channelSums(
      p, [&](int64_t at, int64_t, int64_t, int64_t run, double *sums) {
        T own[kBlock];
        vectorised<addRun<T>>()(load(0, at, run, own), sums, run);
      });
  std::vector<double> weighted =
      channelSums(p, [&](int64_t at, int64_t channel, int64_t step, int64_t run,
                         double *sums) {
        T g[kBlock], x[kBlock];
        vectorised<addWeighted<T>>()(load(0, at, run, g), load(1, at, run, x),
                                     mean + channel, step, sums, run);
      });
  for (size_t i = 0; i < plain.size(); ++i) {
    call.result<T>(0)[i] = T(plain[i]);
    call.result<T>(1)[i] = T(weighted[i]);
  }
}

} // namespace

void amprt::cpu::runRowNorm(const StepCall &call) {
  bool wide = call.operandBuffer(0).dtype == DType::Float64;
  if (call.step.kernel == Kernel::RowNorm)
    wide ? rowNorm<double>(call) : rowNorm<float>(call);
  else
    wide ? rowNormGrad<double>(call) : rowNormGrad<float>(call);
}

void amprt::cpu::runChannels(const StepCall &call) {
  bool wide = call.operandBuffer(0).dtype == DType::Float64;
  if (call.step.kernel == Kernel::Moments)
    wide ? moments<double>(call) : moments<float>(call);
  else
    wide ? channelGrad<double>(call) : channelGrad<float>(call);
}
